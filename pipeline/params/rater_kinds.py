"""Kinds of rater: a file of stages/raters each, or the user's own module.

A kind has a class `Options` and a function `rate`. The base of its options says where it belongs:
ProgramOptions under `raters`, ModelOptions under `model_raters`.
"""

from collections.abc import Callable
from difflib import get_close_matches
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules
from typing import Any

from rather.schemas.base import UserError
from rather.stages.common.extensions import declared, import_object
from rather.stages.raters.rating import ModelOptions, ProgramOptions

ROOM = "rather.stages.raters"
ENTRY_POINTS = "rather.raters"
BASES = {"raters": ProgramOptions, "model_raters": ModelOptions}


def options_class(kind: object, group: str, where: str) -> type[Any]:
    """Return the options class of a kind.

    Args:
        kind: a file of stages/raters, a name that an installed package declares under the entry
            point group `rather.raters`, or a reference `package.module` or `package.module:name`.
        group: raters or model_raters.
        where: the parameter that holds the kind, for the error's sentence.

    Raises:
        ValueError: There is no such kind, it belongs to the other group, or the user's own lacks
            `Options` or `rate`.
    """
    if not isinstance(kind, str) or not (_is_own(kind) or _is_foreign(kind)):
        raise ValueError(_unknown(kind, group, where))
    rater, base = _import(kind, where), BASES[group]
    if _is_rater(rater, base):
        options: type[Any] = rater.Options
        return options
    if _is_own(kind):
        raise ValueError(_unknown(kind, group, where))
    raise ValueError(
        f"{where}: expected {kind} to have a function `rate` and, as it is under {group}, a class "
        f"`Options` derived from {base.__name__} of {base.__module__}, found {_parts(rater)}"
    )


def rate_function(kind: str) -> Callable[..., Any]:
    """Return the function `rate` of a kind that `options_class` has accepted."""
    rate: Callable[..., Any] = _import(kind, "kind").rate
    return rate


def reference_of(kind: str) -> str:
    """Return the module of a kind, with the object's name where it has one."""
    return f"{ROOM}.{kind}" if _is_own(kind) else declared(ENTRY_POINTS).get(kind, kind)


@cache
def kinds(group: str) -> tuple[str, ...]:
    """Return the kinds of stages/raters that belong to a group, in alphabetical order."""
    modules = {
        module.name: import_module(f"{ROOM}.{module.name}")
        for module in iter_modules(import_module(ROOM).__path__)
        if not module.ispkg
    }
    return tuple(
        name for name, module in sorted(modules.items()) if _is_rater(module, BASES[group])
    )


def _is_own(kind: str) -> bool:
    """Check whether a kind is a file of stages/raters."""
    return kind.isidentifier() and find_spec(f"{ROOM}.{kind}") is not None


def _is_foreign(kind: str) -> bool:
    """Check whether a kind is declared by an installed package, or has the form of a reference."""
    module, colon, attribute = kind.partition(":")
    parts = [*module.split("."), *([attribute] if colon else [])]
    is_reference = len(parts) > 1 and all(part.isidentifier() for part in parts)
    return is_reference or kind in declared(ENTRY_POINTS)


def _import(kind: str, where: str) -> Any:
    """Import a kind's module or object."""
    try:
        return import_object(reference_of(kind), where)
    except UserError as error:
        raise ValueError(str(error)) from None


def _is_rater(candidate: Any, base: type) -> bool:
    """Check whether an object has a function `rate`, and a class `Options` derived from a base."""
    options = getattr(candidate, "Options", None)
    is_derived = isinstance(options, type) and issubclass(options, base)
    return is_derived and callable(getattr(candidate, "rate", None))


def _parts(candidate: Any) -> str:
    """Return which parts of a rater an object has, for an error's sentence."""
    options = getattr(candidate, "Options", None)
    bases = ", ".join(base.__name__ for base in getattr(options, "__bases__", ()))
    rate = "rate" if callable(getattr(candidate, "rate", None)) else "no rate"
    return f"{rate} and {'no Options' if options is None else f'Options({bases})'}"


def _unknown(kind: object, group: str, where: str) -> str:
    """Return the sentence for a kind that a group does not have."""
    names = [*kinds(group), *declared(ENTRY_POINTS)]
    close = get_close_matches(str(kind), names, 1)
    hint = f", did you mean {close[0]}?" if close else ""
    groups = ", ".join(f"{', '.join(kinds(name))} under {name}" for name in BASES)
    return (
        f"{where}: expected one of {', '.join(names)}, or `package.module` of your own, found "
        f"{kind!r}{hint}; {groups}"
    )
