"""Find the files of a source and open them: one reader per ending, or the user's own.

A reader of the user's own is a function of a file's path that yields rows as dicts. source.format
names it as package.module:name, or an entry point in `rather.readers` declares it for an ending.
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from glob import has_magic
from pathlib import Path

from rather.schemas.base import UserError
from rather.stages.common.extensions import declared, import_object
from rather.stages.common.spelling import did_you_mean
from rather.stages.sources.content import CUT_SHORT, PACKED, Content
from rather.stages.sources.row_batches import Batch, Sheet, batches_of, sheet_of_rows
from rather.stages.sources.text_files import json_file, json_lines, separated, tabbed
from rather.stages.sources.typed_files import hub, parquet, workbook

HUB = "hub:"
GROUP = "rather.readers"  # entry points: a file's ending, and the reader of such files
READERS: dict[str, Callable[[Content], Sheet]] = {
    "jsonl": json_lines,
    "ndjson": json_lines,
    "json": json_file,
    "csv": separated,
    "tsv": tabbed,
    "parquet": parquet,
    "xlsx": workbook,
}


def find(path: str) -> list[str]:
    """Return the files of a path, a glob, or a folder, in order; a hub name stands for itself.

    Raises UserError where there is none.
    """
    if path.startswith(HUB):
        return [path]
    if has_magic(path) and not Path(path).exists():
        found = [str(file) for file in _matching(path) if file.is_file()]
    elif Path(path).is_dir():
        files = (file for file in Path(path).iterdir() if file.is_file())
        endings = {*READERS, *declared(GROUP)}
        found = [str(file) for file in files if _kind(file) in endings]
    elif Path(path).is_file():
        return [path]
    else:
        raise UserError(f"{path}: expected a file, found nothing there; check the path")
    if not found:
        raise UserError(f"{path}: expected files ({_known()}), found none; check the path")
    return sorted(found)


def _matching(pattern: str) -> Iterator[Path]:
    """Yield the paths that a glob matches."""
    parts = Path(pattern).parts
    fixed = next(at for at, part in enumerate(parts) if has_magic(part))
    return Path(*parts[:fixed]).glob(str(Path(*parts[fixed:])))


def names(files: Sequence[str]) -> list[str]:
    """Return the files' names in the tables: relative to the folder that they share."""
    if files[0].startswith(HUB):
        return list(files)
    shared = os.path.commonpath([Path(file).parent for file in files])
    return [Path(os.path.relpath(file, shared)).as_posix() for file in files]


def hashes(path: str) -> list[dict[str, str | int]]:
    """Return name, size and SHA-256 of each file of a source; none for a hub's."""
    files = find(path)
    if path.startswith(HUB):
        return []
    return [
        {"name": name, "bytes": Path(file).stat().st_size, "sha256": sha256(Path(file))}
        for file, name in zip(files, names(files), strict=True)
    ]


def sha256(file: Path) -> str:
    """Hash a file's bytes."""
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()


def open_sheet(file: str, reader: str | None = None) -> Sheet:
    """Open a file.

    Args:
        file: its path, or a hub name.
        reader: the user's own reader, as package.module:name; None chooses one by the ending.

    Raises:
        UserError: The file is empty, cut short, or of an unknown kind; or the reader fails.
    """
    path = Path(file)
    if reader is not None:
        return _own_sheet(path, reader, "source.format")
    if file.startswith(HUB):
        return hub(file.removeprefix(HUB))
    if _kind(path) not in READERS:
        readers = declared(GROUP)
        if _kind(path) in readers:
            return _own_sheet(path, readers[_kind(path)], f"entry point {_kind(path)} in {GROUP}")
        hint = did_you_mean(_kind(path), READERS)
        raise UserError(
            f"{file}: expected one of {_known()}, found .{_kind(path)}{hint}; convert it"
        )
    content = Content(path)
    try:
        sheet = READERS[_kind(path)](content)
    except CUT_SHORT as error:
        raise _cut_short(content, error) from None
    return replace(sheet, batches=lambda columns: _whole(content, sheet.batches(columns)))


def _own_sheet(path: Path, reader: str, where: str) -> Sheet:
    """Open a file by a reader of the user's own, named as package.module:name."""
    read = import_object(reader, where)

    def batches() -> Iterator[Batch]:
        try:
            yield from batches_of(read(path))
        except Exception as error:  # the user's program may raise anything
            raise UserError(
                f"{path}: expected rows from {reader}, found {type(error).__name__}: {error}; "
                "correct the reader"
            ) from None

    sheet = sheet_of_rows(batches())
    return replace(sheet, batches=lambda columns: _whole(Content(path), sheet.batches(columns)))


def _whole(content: Content, batches: Iterator[Batch]) -> Iterator[Batch]:
    """Pass batches on; raise UserError where the file ends too early or holds none."""
    is_empty = True
    try:
        for batch in batches:
            is_empty = False
            yield batch
    except CUT_SHORT as error:
        raise _cut_short(content, error) from None
    if is_empty:
        raise UserError(f"{content.path}: expected rows, found an empty file")


def _cut_short(content: Content, error: BaseException) -> UserError:
    """Return the error for a packed file that ends too early."""
    where = f" after {content.num_lines:,} lines" if content.num_lines else ""
    return UserError(
        f"{content.path}: expected a whole {content.packing} file, found {error}{where}; "
        "copy it again"
    )


def _kind(path: Path) -> str:
    """Return a file's ending without a packing's."""
    name = path.name.lower()
    for ending in PACKED:
        name = name.removesuffix(ending)
    return name.rsplit(".", 1)[-1]


def _known() -> str:
    """Return the endings that can be read, for messages."""
    return f"{', '.join(sorted(READERS))} (also {', '.join(PACKED)})"
