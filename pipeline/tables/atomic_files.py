"""Atomic files: written to a temporary folder, then moved into place."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rather.schemas.base import UserError


def require_writable(folder: Path, asked: str) -> None:
    """Raise UserError, before any work, for a folder that is missing or not writable.

    Args:
        folder: the folder to check.
        asked: option and value that name it, for the error's sentence.
    """
    if not folder.is_dir():
        raise UserError(f"{asked}: expected an existing folder, found none; make it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{asked}: expected a folder to write to, found {error.strerror}") from None


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Return a temporary path that replaces `path` on exit, unless an error was raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        draft = folder / path.name
        yield draft
        draft.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file atomically."""
    with atomic_path(path) as draft:
        draft.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Return a temporary folder that replaces `path` on exit, unless an error was raised."""
    aside = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        draft = aside / path.name
        draft.mkdir()
        yield draft
        if path.exists():
            path.replace(aside / "before")
        draft.replace(path)
    finally:
        shutil.rmtree(aside, ignore_errors=True)
