"""Files that are whole or absent: written aside, then moved into place."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rather.schemas.base import UserError


def require_writable(folder: Path, asked: str) -> None:
    """Raise UserError, before any work, for a folder that is not there or takes no file.

    asked: the option that names it, and what it says
    """
    if not folder.is_dir():
        raise UserError(f"{asked}: expected an existing folder, found none; make it first")
    try:
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise UserError(f"{asked}: expected a folder to write to, found {error.strerror}") from None


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a path to write to that takes the old file's place only if nothing was raised."""
    path.parent.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    try:
        draft = folder / path.name
        yield draft
        draft.replace(path)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole."""
    with atomic_path(path) as draft:
        draft.write_text(text, encoding="utf-8")


@contextmanager
def atomic_folder(path: Path) -> Iterator[Path]:
    """Give a folder to fill that takes the old folder's place only if nothing was raised."""
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
