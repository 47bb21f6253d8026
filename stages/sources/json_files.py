"""JSON: an object a line, or one array of objects."""

import json
from collections.abc import Iterator
from typing import Any

from rather.schemas.base import UserError
from rather.stages.sources.content import Content
from rather.stages.sources.row_batches import Batch, Growing, Sheet, batches_of, sheet_of_rows

# Which of an object's arrays is the rows, where it has several.
NAMES_OF_ROWS = ("data", "rows", "instances", "examples")


def json_lines(content: Content) -> Sheet:
    """Open JSON lines; a broken one is set aside."""
    return sheet_of_rows(_batches(content))


def _batches(content: Content) -> Iterator[Batch]:
    growing = Growing()
    for number, line in enumerate(content.lines(), 1):
        if line.isspace():
            continue
        try:
            growing.add(number, json.loads(line), len(line))
        except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError too
            growing.refuse(number, "invalid_json", line.decode("utf-8", "replace"))
        if growing.full:
            yield growing.batch()
            growing = Growing()
    if growing:
        yield growing.batch()


def json_file(content: Content) -> Sheet:
    """Open a file that says no more than JSON: many such hold an object a line."""
    lines = (line for line in Content(content.path).lines() if not line.isspace())
    first, second = next(lines, b""), next(lines, b"")
    return json_lines(content) if second and _is_object(first) else json_array(content)


def _is_object(line: bytes) -> bool:
    """Tell whether a line is a whole object; one of an array laid out over lines is not."""
    try:
        return line.lstrip().startswith(b"{") and isinstance(json.loads(line), dict)
    except (ValueError, RecursionError):
        return False


def json_array(content: Content) -> Sheet:
    """Open an array of objects, read whole, or an object that holds it; items count from 1."""
    with content.open() as stream:
        text = stream.read()
    if not text.strip():
        return sheet_of_rows(iter(()))
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        message = f"{content.path}: expected valid JSON, found {error}; correct it"
        raise UserError(message) from None
    rows = _rows(value)
    if rows is None:
        found = type(value).__name__
        raise UserError(f"{content.path}: expected a JSON array of rows, found {found}")
    return sheet_of_rows(batches_of(rows))


def _rows(value: Any) -> list[Any] | None:
    """Find the array: the value itself, its one array, or the one that is named as rows are."""
    if not isinstance(value, dict):
        return value if isinstance(value, list) else None
    arrays = {name: item for name, item in value.items() if isinstance(item, list)}
    named = [arrays[name] for name in NAMES_OF_ROWS if name in arrays]
    found = list(arrays.values()) if len(arrays) == 1 else named
    return found[0] if len(found) == 1 else None
