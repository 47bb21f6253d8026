"""Finding and opening files."""

import gzip
from pathlib import Path

import pytest

from rather.schemas.base import UserError
from rather.stages.sources.source_files import find, names, open_sheet
from tests.stages.sources.sheets import read


def test_a_file_is_itself(tmp_path: Path) -> None:
    """Named in the tables by its own name."""
    (tmp_path / "a.jsonl").touch()
    path = str(tmp_path / "a.jsonl")
    assert (find(path), names([path])) == ([path], ["a.jsonl"])


def test_a_folder_is_its_readable_files(tmp_path: Path) -> None:
    """In order; what no reader knows, and folders within, are left."""
    for name in ("b.csv.gz", "a.JSONL", "SOURCE.md", "c.parquet"):
        (tmp_path / name).touch()
    (tmp_path / "d.jsonl").mkdir()
    assert names(find(str(tmp_path))) == ["a.JSONL", "b.csv.gz", "c.parquet"]


def test_a_glob_is_the_files_it_matches(tmp_path: Path) -> None:
    """Of several folders, which then are part of their names."""
    for folder in ("x", "y"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "test.jsonl").touch()
    assert names(find(str(tmp_path / "*" / "*.jsonl"))) == ["x/test.jsonl", "y/test.jsonl"]
    assert names(find(str(tmp_path / "**" / "test.jsonl"))) == ["x/test.jsonl", "y/test.jsonl"]


def test_a_file_may_be_called_like_a_glob(tmp_path: Path) -> None:
    """A name with brackets is that name where such a file is there."""
    (tmp_path / "a[1].jsonl").touch()
    assert names(find(str(tmp_path / "a[1].jsonl"))) == ["a[1].jsonl"]


def test_a_hub_name_is_itself() -> None:
    """Nothing is looked for on disk."""
    assert names(find("hub:owner/name:train")) == ["hub:owner/name:train"]


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("none.jsonl", "expected a file, found nothing there"),
        ("*.jsonl", "expected files"),
        (".", "expected files"),
    ],
)
def test_where_there_is_nothing_it_is_said(path: str, found: str, tmp_path: Path) -> None:
    """A file that is not there, a glob without a match, a folder without a readable file."""
    with pytest.raises(UserError, match=found):
        find(str(tmp_path / path))


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}' * 100)[:-12], "expected a whole gzip file"),
        ("a.jsonl", b"", "found an empty file"),
        ("a.jsonl", b"\n \n", "found an empty file"),
        ("a.json", b"[]", "found an empty file"),
        ("a.csv", b"prompt,score\n", "found an empty file"),
        ("a.csv", b"", "found an empty file"),
        ("a.parquet", b"", "found an empty file"),
        ("a.jsonl.gz", b"", "found an empty file"),
        ("a.jsonl.zst", b"", "found an empty file"),
        ("a.json", b'[{"a": 1}', "expected valid JSON"),
        ("a.json", b"[" * 100_000, "expected valid JSON"),
        ("a.parquet", b"PAR1 and no more", "expected a Parquet file"),
        ("a.xlsx", b"x", "expected a workbook"),
        ("a.txt", b"x", "found .txt; convert it"),
    ],
)
def test_a_bad_file_is_named(name: str, content: bytes, found: str, tmp_path: Path) -> None:
    """A file that cannot be right stops at once: which file, what was expected, what was found."""
    with pytest.raises(UserError) as raised:
        read(tmp_path, name, content)
    assert found in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path / name}: ")


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path) -> None:
    """A folder in a file's place is one."""
    (tmp_path / "a.jsonl").mkdir()
    with pytest.raises(UserError, match="expected a file to read, found Is a directory"):
        open_sheet(str(tmp_path / "a.jsonl"))
