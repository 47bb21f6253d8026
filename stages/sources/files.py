"""Rows out of files: one line that cannot be read never costs the others."""

import csv
import gzip
import io
import json
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.errors import UserError

Row = dict[str, Any]
DETAIL_LENGTH = 200


@dataclass
class Rows:
    """What a file holds: readable rows by line number, and what could not be read."""

    good: list[tuple[int, Row]] = field(default_factory=list)
    bad: list[dict[str, Any]] = field(default_factory=list)

    def set_aside(self, line: int, reason: str, content: object) -> None:
        """Record a row that goes no further, with its reason and what was found."""
        self.bad.append(aside("rows", reason, line, content))


def aside(unit: str, reason: str, line: int, content: object) -> dict[str, Any]:
    """Make a row of the set-aside table; what cannot be encoded is shown as a question mark."""
    shown = content if isinstance(content, str) else json.dumps(content, default=str)
    clean = shown[:DETAIL_LENGTH].encode("utf-8", "replace").decode()
    return {"unit": unit, "reason": reason, "source_line": line, "detail": clean}


def read_rows(path: Path) -> Rows:
    """Read every row of a jsonl, json, csv, tsv or parquet file, gzipped or not.

    Raises UserError where the file is missing, empty, cut short or of an unknown kind.
    """
    if not path.is_file():
        found = "a folder" if path.is_dir() else "nothing"
        raise UserError(f"{path}: expected a file, found {found} there; check the path")
    kind = path.name.removesuffix(".gz").rsplit(".", 1)[-1].lower()
    if kind not in READERS:
        known = ", ".join(sorted(READERS))
        raise UserError(f"{path}: expected one of {known} (also .gz), found .{kind}; convert it")
    rows = READERS[kind](_content(path), path)
    if not rows.good and not rows.bad:
        raise UserError(f"{path}: expected rows, found an empty file")
    if not rows.good:
        first = rows.bad[0]
        raise UserError(
            f"{path}: none of {len(rows.bad):,} rows can be read; the first, line "
            f"{first['source_line']}: {first['reason']}: {first['detail']!r}"
        )
    return rows


def _content(path: Path) -> bytes:
    """Read the file's bytes, unpacked."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise UserError(f"{path}: expected a file to read, found {error.strerror}") from error
    if path.suffix != ".gz":
        return raw
    try:
        return gzip.decompress(raw)
    except (EOFError, OSError, zlib.error) as error:
        raise UserError(
            f"{path}: expected a whole gzip file, found {error}; copy it again"
        ) from error


def _json_lines(content: bytes, path: Path) -> Rows:
    """Read one JSON object a line; a broken line is set aside."""
    rows = Rows()
    for number, line in enumerate(content.splitlines(), 1):
        if not line.strip():
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):  # UnicodeDecodeError is a ValueError too
            rows.set_aside(number, "invalid_json", line.decode("utf-8", "replace"))
            continue
        _sort_in(rows, number, value)
    return rows


def _json(content: bytes, path: Path) -> Rows:
    """Read a JSON array of objects, or an object that holds exactly one such array."""
    if not content.strip():
        return Rows()
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: expected valid JSON, found {error}; correct it") from error
    if isinstance(value, dict):
        lists = [item for item in value.values() if isinstance(item, list)]
        value = lists[0] if len(lists) == 1 else value
    if not isinstance(value, list):
        raise UserError(f"{path}: expected a JSON array of rows, found {type(value).__name__}")
    rows = Rows()
    for number, item in enumerate(value, 1):
        _sort_in(rows, number, item)
    return rows


def _sort_in(rows: Rows, number: int, value: object) -> None:
    """Keep an object, set anything else aside."""
    if isinstance(value, dict):
        rows.good.append((number, value))
    else:
        rows.set_aside(number, "not_an_object", value)


def _separated(delimiter: str) -> Callable[[bytes, Path], Rows]:
    """Make a reader of delimited text whose first line names the columns, each once."""

    def read(content: bytes, path: Path) -> Rows:
        try:
            text = content.decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise UserError(f"{path}: expected UTF-8 text, found {error}; re-encode it") from error
        rows, records = Rows(), _records(text, delimiter, path)
        _, names = next(records, (0, []))
        if twice := [name for name in names if names.count(name) > 1]:
            raise UserError(f"{path}: expected each column once, found {twice[0]!r} again; rename")
        for number, fields in records:
            if len(fields) == len(names):
                rows.good.append((number, dict(zip(names, fields, strict=True))))
            else:
                rows.set_aside(number, "wrong_number_of_fields", fields)
        return rows

    return read


def _records(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Split delimited text into records by the line each begins on; blank lines are none."""
    csv.field_size_limit(2**31 - 1)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = 1
    try:
        for fields in reader:
            if fields:
                yield line, fields
            line = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}: expected delimited text, found in line {line}: {error}; correct it"
        ) from error


def _parquet(content: bytes, path: Path) -> Rows:
    """Read a Parquet file's rows as plain objects."""
    import polars as pl

    if not content:
        return Rows()
    try:
        frame = pl.read_parquet(io.BytesIO(content))
    except (pl.exceptions.PolarsError, OSError) as error:
        raise UserError(f"{path}: expected a Parquet file, found {error}; write it again") from None
    return Rows(good=list(enumerate(frame.iter_rows(named=True), 1)))


READERS: dict[str, Callable[[bytes, Path], Rows]] = {
    "jsonl": _json_lines,
    "ndjson": _json_lines,
    "json": _json,
    "csv": _separated(","),
    "tsv": _separated("\t"),
    "parquet": _parquet,
}
