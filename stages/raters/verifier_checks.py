"""Checks of an answer: each returns a score, or the reason of no verdict."""

import json
import math
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from rather.schemas.base import Message, UserError

# A prompt's messages, the text to check, and the prompt's answer -> a score, or a reason.
Check = Callable[[Sequence[Message], str, str | None], float | str]

# A sign after a word or a digit parts two numbers: 3-5 ends in 5.
DIGITS = r"\d{1,3}(?:,\d{3})+(?!\d)(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+"
NUMBER = re.compile(rf"(?:(?<!\w)[-+])?(?:{DIGITS})(?:[eE][-+]?\d+)?", re.ASCII)
FUNCTION = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def exact(messages: Sequence[Message], text: str, answer: str | None) -> float | str:
    """Check whether text and answer are the same but for outer white space."""
    return "no_answer" if answer is None else float(text.strip() == answer.strip())


def number(tolerance: float) -> Check:
    """Check whether the last numbers of text and answer are `tolerance` or less apart."""

    def check(messages: Sequence[Message], text: str, answer: str | None) -> float | str:
        if answer is None:
            return "no_answer"
        expected, found = last_number(answer), last_number(text)
        if expected is None:
            return "answer_no_number"
        return 0.0 if found is None else float(abs(found - expected) <= tolerance)

    return check


def last_number(text: str) -> float | None:
    """Read the last number in a text; commas may part its thousands."""
    found = NUMBER.findall(text)
    value = float(found[-1].replace(",", "")) if found else math.inf
    return value if math.isfinite(value) else None


@cache
def compiled(expression: str) -> re.Pattern[str]:
    """Compile a regular expression, or raise ValueError."""
    try:
        return re.compile(expression)
    except re.error as error:
        raise ValueError(f"expected a regular expression, found {expression!r}: {error}") from None


def pattern(expression: str) -> Check:
    """Check whether a regular expression is found in the text."""
    regex = compiled(expression)
    return lambda messages, text, answer: float(regex.search(text) is not None)


def require_json_schema(schema: dict[str, Any]) -> dict[str, Any]:
    """Return a JSON schema unchanged; raise ValueError for a wrong one, or a foreign reference."""
    from jsonschema import Draft202012Validator, SchemaError
    from referencing import Registry
    from referencing.exceptions import Unresolvable
    from referencing.jsonschema import DRAFT202012

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"expected a JSON schema, found: {error.message}") from None
    resolver = Registry().with_resource("", DRAFT202012.create_resource(schema)).resolver()
    for reference in _references(schema):
        try:
            resolver.lookup(reference)
        except Unresolvable:
            raise ValueError(f"expected a part of this schema, found {reference!r}") from None
    return schema


def _references(schema: Any) -> Iterator[str]:
    """Yield every reference, at any depth."""
    if isinstance(schema, dict):
        reference = schema.get("$ref")
        yield from [reference] if isinstance(reference, str) else []
    inner = schema.values() if isinstance(schema, dict) else schema
    for part in inner if isinstance(schema, dict | list) else ():
        yield from _references(part)


def json_schema(schema: dict[str, Any]) -> Check:
    """Check whether the text is JSON that meets a schema."""
    from jsonschema import Draft202012Validator

    validator = Draft202012Validator(schema)

    def check(messages: Sequence[Message], text: str, answer: str | None) -> float | str:
        try:
            return float(validator.is_valid(json.loads(text)))
        except (ValueError, RecursionError):
            return 0.0

    return check


def facts(required: Sequence[str] | None) -> Check:
    """Return the share of facts that occur in the text; None: they are the answer's lines."""

    def check(messages: Sequence[Message], text: str, answer: str | None) -> float | str:
        if required is None and answer is None:
            return "no_answer"
        wanted = [_folded(fact) for fact in (answer or "").splitlines() if fact.strip()]
        wanted = wanted if required is None else [_folded(fact) for fact in required]
        if not wanted:
            return "answer_no_facts"
        said = _folded(text)
        return sum(fact in said for fact in wanted) / len(wanted)

    return check


def _folded(text: str) -> str:
    """Return a text in lower case, its white space as single blanks."""
    return " ".join(text.casefold().split())


def require_function(name: str) -> str:
    """Return a function's reference unchanged; raise ValueError for a wrong form."""
    if not FUNCTION.fullmatch(name):
        raise ValueError(f"expected package.module:name, found {name!r}")
    return name


def function(name: str) -> Check:
    """Check by a function of the user's; raise UserError if it cannot be imported."""
    judge = _imported(name)

    def check(messages: Sequence[Message], text: str, answer: str | None) -> float | str:
        try:
            found = judge([dict(turn) for turn in messages], text, answer)
        except Exception:  # it is the user's program and may raise anything
            return "function_failed"
        if found is None:
            return "no_verdict"
        found = found.item() if hasattr(found, "item") else found  # numpy's numbers
        told = isinstance(found, bool | int | float) and math.isfinite(found)
        return float(found) if told else "no_number"

    return check


def _imported(name: str) -> Callable[..., Any]:
    """Import a function, from the working folder too."""
    module, _, attribute = name.partition(":")
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    try:
        found = getattr(import_module(module), attribute)
    except Exception as error:  # importing runs the user's program, which may raise anything
        raise UserError(
            f"function: expected {name}, found {type(error).__name__}: {error}; correct the name "
            "under `raters` in params.yaml, or the module, which is looked for from this folder"
        ) from None
    if not callable(found):
        raise UserError(f"function: expected {name} to be a function, found {found!r}")
    return found  # type: ignore[no-any-return]
