"""Incremental writers of training rows: Parquet, JSON lines, or one JSON array."""

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

import polars as pl

from rather.tables.parquet_writer import Add, parquet_writer


def row_writer(path: Path) -> AbstractContextManager[Add]:
    """Return a function that appends rows to a file, in the format of its ending."""
    return ENDINGS[path.suffix](path)


@contextmanager
def _parquet(path: Path) -> Iterator[Add]:
    """Append rows with the first frame's columns."""
    with ExitStack() as stack:
        file: list[Add] = []

        def append(rows: pl.DataFrame) -> None:
            if not file:
                file.append(stack.enter_context(parquet_writer(path, rows.schema)))
            file[0](rows)

        yield append


@contextmanager
def _json_lines(path: Path) -> Iterator[Add]:
    """Append one object a line."""
    with path.open("wb") as file:
        yield lambda rows: rows.write_ndjson(file)


@contextmanager
def _json(path: Path) -> Iterator[Add]:
    """Append to one array of objects."""
    with path.open("wb") as file:
        before = b"[\n"

        def append(rows: pl.DataFrame) -> None:
            nonlocal before
            if rows.height:
                lines = io.BytesIO()
                rows.write_ndjson(lines)
                file.write(before + lines.getvalue().rstrip(b"\n").replace(b"\n", b",\n"))
                before = b",\n"

        yield append
        file.write(b"\n]\n" if before == b",\n" else b"[]\n")


ENDINGS: dict[str, Callable[[Path], AbstractContextManager[Add]]] = {
    ".parquet": _parquet,
    ".jsonl": _json_lines,
    ".json": _json,
}
