"""What a person gave: the values of a params file, and changes to them like `a.b=1`."""

from pathlib import Path
from typing import Any

import yaml

from rather.schemas.base import UserError
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


def change(values: dict[str, Any], asked: str) -> None:
    """Set one dotted name; `winnow.RULE` is short for `winnow.rules.RULE`."""
    name, equals, text = asked.partition("=")
    if not equals or not name:
        raise UserError(f"--set {asked}: expected NAME=VALUE, such as winnow.margin.at_least=0.5")
    keys = name.split(".")
    if keys[0] == "winnow" and keys[1:2] != ["rules"]:
        keys.insert(1, "rules")
    if keys[:2] == ["winnow", "rules"]:
        values.setdefault("winnow", {}).setdefault("rules", dict(DEFAULT_RULES))
    group = values
    for key in keys[:-1]:
        inner = group.get(key) or {}
        if not isinstance(inner, dict):
            raise UserError(f"--set {asked}: {key} is one value, {inner!r}; correct the name")
        group[key] = dict(inner)
        group = group[key]
    try:
        group[keys[-1]] = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError):  # ValueError: a date that cannot be
        raise UserError(f"--set {asked}: expected a value, found {text!r}") from None
