"""Files of text: JSON lines, JSON arrays, and separated values."""

import csv
import json
from collections import deque
from collections.abc import Iterator
from functools import partial
from typing import Any

from rather.schemas.base import UserError
from rather.stages.sources.content import Content
from rather.stages.sources.row_batches import Batch, Growing, Sheet, batches_of, sheet_of_rows

# Which of an object's arrays is the rows, where it has several.
NAMES_OF_ROWS = ("data", "rows", "instances", "examples")


def json_lines(content: Content) -> Sheet:
    """Open JSON lines; a broken one is set aside."""
    return sheet_of_rows(_batches_of_lines(content))


def _batches_of_lines(content: Content) -> Iterator[Batch]:
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
    """Check whether a line is a whole JSON object."""
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
    """Return the array of rows: the value, its only array, or its array of a usual name."""
    if not isinstance(value, dict):
        return value if isinstance(value, list) else None
    arrays = {name: item for name, item in value.items() if isinstance(item, list)}
    named = [arrays[name] for name in NAMES_OF_ROWS if name in arrays]
    found = list(arrays.values()) if len(arrays) == 1 else named
    return found[0] if len(found) == 1 else None


SEPARATORS = ",;\t|"
MOST_LINES = 10_000  # in one record: a quote left open does not swallow the rest of a file
csv.field_size_limit(2**31 - 1)


def separated(content: Content, separator: str | None = None) -> Sheet:
    """Open separated values; without a separator it is the one most frequent in the first line."""
    return sheet_of_rows(_batches_of_records(content, separator))


tabbed = partial(separated, separator="\t")


def _batches_of_records(content: Content, separator: str | None) -> Iterator[Batch]:
    """Read records; one of the wrong length, or with a stray quote, is set aside."""
    lines = _Lines(content.texts())
    while lines.ahead(1).isspace():
        lines.take(1)
    separator = separator or _separator(lines.ahead(1))
    names = _names(_record(lines, separator, None), content) if lines.ahead(1) else []
    growing = Growing()
    while lines.ahead(1):
        number = lines.number + 1
        text, fields = _record(lines, separator, len(names))
        if fields is None:
            growing.refuse(number, "stray_quote", text)
        elif not _encodable(text):
            growing.refuse(number, "not_utf8", text)
        elif len(fields) == len(names):
            growing.add(number, dict(zip(names, fields, strict=True)), len(text))
        elif fields:
            growing.refuse(number, "wrong_number_of_fields", fields)
        if growing.full:
            yield growing.batch()
            growing = Growing()
    if growing:
        yield growing.batch()


def _separator(first: str) -> str:
    """Choose the separator by the line of names; a comma where there is none."""
    return max(SEPARATORS, key=first.count)


def _names(record: tuple[str, list[str] | None], content: Content) -> list[str]:
    """Read the columns' names, each of which must be there once."""
    _, fields = record
    if fields is None:
        raise UserError(f"{content.path}: expected columns' names, found a stray quote in line 1")
    if twice := [name for name in fields if fields.count(name) > 1]:
        found = f"found {twice[0]!r} again; rename"
        raise UserError(f"{content.path}: expected each column once, {found}")
    return fields


def _encodable(text: str) -> bool:
    """Check whether a text was decoded without invalid bytes."""
    return text.isascii() or not any("\ud800" <= letter <= "\udfff" for letter in text)


class _Lines:
    """Lines that can be looked at before they are taken."""

    def __init__(self, source: Iterator[str]) -> None:
        self.source = source
        self.seen: deque[str] = deque()
        self.number = 0  # of lines taken

    def ahead(self, number: int) -> str:
        """Return the line that comes `number` lines later, empty after the last."""
        while len(self.seen) < number:
            self.seen.append(next(self.source, ""))
        return self.seen[number - 1]

    def take(self, number: int) -> str:
        """Remove the next lines and return them joined."""
        self.ahead(number)
        self.number += number
        return "".join(self.seen.popleft() for _ in range(number))


def _record(lines: _Lines, separator: str, num: int | None) -> tuple[str, list[str] | None]:
    """Remove the next record; return its text and fields, None for a misplaced quote.

    A quote may open a cell of several lines; where these make no record of so many fields, it was
    a stray one, and costs its own line alone. A blank line has no fields.
    """
    first = lines.ahead(1)
    if '"' in first:
        for length in _balanced(lines):
            fields = _quoted([lines.ahead(at) for at in range(1, length + 1)], separator)
            if fields is not None and (length == 1 or num in (None, len(fields))):
                return lines.take(length).rstrip("\r\n"), fields
        return lines.take(1).rstrip("\r\n"), None
    bare = lines.take(1).rstrip("\r\n")
    return bare, bare.split(separator) if bare else []


def _balanced(lines: _Lines) -> Iterator[int]:
    """Yield the possible numbers of lines of the next record: one, then as its quotes balance."""
    yield 1
    num_quotes = 0
    for length in range(1, MOST_LINES + 1):
        text = lines.ahead(length)
        num_quotes += text.count('"')
        if not text:
            return
        if length > 1 and '"' in text and num_quotes % 2 == 0:
            yield length
            return


def _quoted(lines: list[str], separator: str) -> list[str] | None:
    """Cut a record with quotes into fields; null where a quote is out of place."""
    try:
        records = list(csv.reader(lines, delimiter=separator, strict=True))
    except csv.Error:
        return None
    return records[0] if len(records) == 1 else None
