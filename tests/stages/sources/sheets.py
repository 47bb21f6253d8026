"""Help for tests of files: write one, and read all its rows."""

from pathlib import Path
from typing import Any

from rather.stages.sources.source_files import open_sheet


def read(folder: Path, name: str, content: str | bytes) -> tuple[list[Any], list[Any]]:
    """Write a file and read it: readable rows by line, and line and reason of the others."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return everything(str(path))


def everything(path: str) -> tuple[list[Any], list[Any]]:
    """Read a file's rows by line, and line and reason of what was none."""
    batches = list(open_sheet(path).batches(None))
    good = [pair for b in batches for pair in zip(b.lines.to_list(), b.objects(), strict=True)]
    bad = [(row["source_line"], row["reason"]) for batch in batches for row in batch.bad]
    return good, bad
