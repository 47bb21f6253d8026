"""Files that are whole or absent."""

from pathlib import Path

import pytest

from rather.tables.atomic_files import atomic_path, write_text


def test_the_new_file_takes_the_old_ones_place(tmp_path: Path) -> None:
    """Once the block ends."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with atomic_path(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"


def test_the_old_file_stays_when_something_is_raised(tmp_path: Path) -> None:
    """Even after the draft was written."""
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(path) as draft:
        draft.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"


def test_no_file_appears_when_something_is_raised(tmp_path: Path) -> None:
    """Where there was none, there is none: no half a file."""
    with pytest.raises(RuntimeError), atomic_path(tmp_path / "a.txt") as draft:
        draft.write_text("half")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []


def test_no_draft_is_left_behind(tmp_path: Path) -> None:
    """The folder holds the file and nothing else."""
    write_text(tmp_path / "a.txt", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["a.txt"]


def test_folders_are_made(tmp_path: Path) -> None:
    """A table's folder need not be there."""
    write_text(tmp_path / "a" / "b" / "c.txt", "é")
    assert (tmp_path / "a" / "b" / "c.txt").read_bytes() == "é".encode()


def test_two_files_appear_together(tmp_path: Path) -> None:
    """Where the second cannot be written, the first stays as it was too."""
    one, two = tmp_path / "one", tmp_path / "two"
    one.write_text("old")
    with pytest.raises(RuntimeError), atomic_path(one) as draft, atomic_path(two):
        draft.write_text("new")
        raise RuntimeError
    assert one.read_text() == "old"
    assert not two.exists()
