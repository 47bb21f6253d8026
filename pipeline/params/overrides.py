"""What a person gave: the values of a params file, and changes to them like `a.b=1`."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from rather.schemas.base import UserError
from rather.stages.winnow.rules import RULES
from rather.stages.winnow.winnow import DEFAULT_RULES


def read_values(path: Path) -> dict[str, Any]:
    """Parse a params file."""
    try:
        values = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except FileNotFoundError:
        raise UserError(
            f"{path}: expected a params file, found none; run from the repository's root"
        ) from None
    except OSError as error:
        raise UserError(f"{path}: expected a params file, found {error.strerror}") from None
    except (yaml.YAMLError, ValueError) as error:
        raise UserError(f"{path}: expected YAML, found {error}; correct it") from None
    if not isinstance(values, dict):
        raise UserError(f"{path}: expected names and values, found {type(values).__name__}")
    return values


def apply(values: dict[str, Any], changes: Mapping[str, Any] | Iterable[str]) -> None:
    """Set parameters by dotted names.

    Args:
        values: the values of a params file, which are changed.
        changes: values by names, or texts such as "winnow.margin.at_least=0.5".

    Raises:
        UserError: A text is no NAME=VALUE, or a name leads below a single value.
    """
    if isinstance(changes, Mapping):
        for name, value in changes.items():
            if not isinstance(name, str) or not name:
                raise UserError(f"set: expected dotted names, found {name!r}; correct the name")
            assign(values, name, value, f"set {name}")
        return
    for text in [changes] if isinstance(changes, str) else changes:
        change(values, text)


def change(values: dict[str, Any], text: str) -> None:
    """Set one parameter from a text like NAME=VALUE, its value in YAML."""
    name, equals, written = str(text).partition("=")
    if not equals or not name:
        raise UserError(f"--set {text}: expected NAME=VALUE, such as winnow.margin.at_least=0.5")
    try:
        value = yaml.safe_load(written) if written else {}
    except (yaml.YAMLError, ValueError):  # ValueError: a date that cannot be
        raise UserError(f"--set {text}: expected a value, found {written!r}") from None
    assign(values, name, value if written or _is_rule(name) else None, f"--set {text}")


def assign(values: dict[str, Any], name: str, value: Any, where: str) -> None:
    """Set one dotted name; null removes a rule of winnow, for which `winnow.RULE` is short."""
    keys = _keys(name)
    if keys[:2] == RULES_OF and isinstance(values.setdefault("winnow", {}), dict):
        values["winnow"].setdefault("rules", dict(DEFAULT_RULES))
    group = values
    for key in keys[:-1]:
        inner = group.get(key) or {}
        if not isinstance(inner, dict):
            raise UserError(f"{where}: {key} is one value, {inner!r}; correct the name")
        group[key] = dict(inner)
        group = group[key]
    if _is_rule(name) and value is None and (keys[-1] in group or keys[-1] in RULES):
        group.pop(keys[-1], None)
    else:
        group[keys[-1]] = value


RULES_OF = ["winnow", "rules"]


def _keys(name: str) -> list[str]:
    """Return the parts of a dotted name, `rules` inserted where it was left out."""
    keys = name.split(".")
    if keys[0] == "winnow" and keys[1:2] != ["rules"]:
        keys.insert(1, "rules")
    return keys


def _is_rule(name: str) -> bool:
    """Check whether a dotted name is that of a rule of winnow."""
    keys = _keys(name)
    return keys[:2] == RULES_OF and len(keys) == 3
