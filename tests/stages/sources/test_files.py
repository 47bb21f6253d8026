"""Rows out of files."""

import gzip
import json
from pathlib import Path

import polars as pl
import pytest

from schemas.errors import UserError
from stages.sources.files import DETAIL_LENGTH, Rows, aside, read_rows


def read(folder: Path, name: str, content: str | bytes) -> Rows:
    """Write a file and read its rows."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return read_rows(path)


def set_aside(rows: Rows) -> list[tuple[int, str]]:
    """Give line and reason of what could not be read."""
    return [(row["source_line"], row["reason"]) for row in rows.bad]


def test_json_lines_are_numbered_from_1(tmp_path: Path) -> None:
    """Blank lines are skipped, and counted in the numbers as an editor counts them."""
    assert read(tmp_path, "a.jsonl", '{"a": 1}\n\n{"a": 2}\n').good == [
        (1, {"a": 1}),
        (3, {"a": 2}),
    ]


def test_one_broken_line_costs_no_other(tmp_path: Path) -> None:
    """It is set aside with its line number; the lines around it are read."""
    rows = read(tmp_path, "a.jsonl", '{"a": 1}\n{"a": \n{"a": 3}\n')
    assert [line for line, _ in rows.good] == [1, 3]
    assert set_aside(rows) == [(2, "invalid_json")]
    assert rows.bad[0]["detail"] == '{"a": '


@pytest.mark.parametrize("line", ["3", "[1]", "null", '"text"'])
def test_a_line_that_is_no_object_is_set_aside(line: str, tmp_path: Path) -> None:
    """Valid JSON without columns is no row."""
    assert set_aside(read(tmp_path, "a.jsonl", f'{{"a": 1}}\n{line}\n')) == [(2, "not_an_object")]


def test_a_line_that_is_not_utf_8_is_set_aside(tmp_path: Path) -> None:
    """The other lines are read, and what was found can be written down."""
    rows = read(tmp_path, "a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n')
    assert set_aside(rows) == [(2, "invalid_json")]
    rows.bad[0]["detail"].encode()


@pytest.mark.parametrize("line", ['{"a": ' + "[" * 100_000, '{"a": 1' + "0" * 5_000 + "}"])
def test_a_line_that_breaks_the_parser_is_set_aside(line: str, tmp_path: Path) -> None:
    """Nesting deeper than Python's stack, and a number longer than Python converts."""
    assert set_aside(read(tmp_path, "a.jsonl", f'{{"a": 1}}\n{line}\n')) == [(2, "invalid_json")]


def test_a_line_of_a_million_characters_is_a_row(tmp_path: Path) -> None:
    """However long."""
    text = "x" * 1_000_000
    assert read(tmp_path, "a.jsonl", json.dumps({"a": text})).good == [(1, {"a": text})]


def test_control_characters_are_data(tmp_path: Path) -> None:
    """Escaped in JSON, they arrive; line separators of Unicode do not end a line."""
    row = {"a": "\x00\x07\x1b[31m\u2028\u0085"}
    content = json.dumps(row, ensure_ascii=False) + "\n" + json.dumps(row)
    assert read(tmp_path, "a.jsonl", content).good == [(1, row), (2, row)]


def test_a_byte_order_mark_is_no_data(tmp_path: Path) -> None:
    """Files saved by Windows editors begin with one."""
    assert read(tmp_path, "a.jsonl", b'\xef\xbb\xbf{"a": 1}\n').good == [(1, {"a": 1})]
    assert read(tmp_path, "a.csv", b"\xef\xbb\xbfa\n1\n").good == [(2, {"a": "1"})]


def test_json_holds_an_array(tmp_path: Path) -> None:
    """Items are numbered from 1; one that is no object is set aside."""
    rows = read(tmp_path, "a.json", '[{"a": 1}, 7, {"a": 3}]')
    assert rows.good == [(1, {"a": 1}), (3, {"a": 3})]
    assert set_aside(rows) == [(2, "not_an_object")]


def test_json_may_hold_its_array_under_a_name(tmp_path: Path) -> None:
    """An object with exactly one array, as many exports have."""
    assert read(tmp_path, "a.json", '{"version": 1, "data": [{"a": 1}]}').good == [(1, {"a": 1})]


@pytest.mark.parametrize("content", ["3", '{"a": 1}', '{"a": [], "b": []}'])
def test_json_without_its_array_is_refused(content: str, tmp_path: Path) -> None:
    """No array, or two of them: rows are not guessed."""
    with pytest.raises(UserError, match="expected a JSON array of rows"):
        read(tmp_path, "a.json", content)


def test_csv_rows_have_the_line_they_begin_on(tmp_path: Path) -> None:
    """As an editor counts: the header is line 1, and a cell may hold a line break."""
    rows = read(tmp_path, "a.csv", 'a,b\n1,"two\nlines"\n\n3,4\n')
    assert rows.good == [(2, {"a": "1", "b": "two\nlines"}), (5, {"a": "3", "b": "4"})]


@pytest.mark.parametrize("line", ["1", "1,2,3"])
def test_a_csv_row_of_another_length_is_set_aside(line: str, tmp_path: Path) -> None:
    """Too few fields or too many."""
    rows = read(tmp_path, "a.csv", f"a,b\n{line}\n3,4\n")
    assert set_aside(rows) == [(2, "wrong_number_of_fields")]
    assert rows.good == [(3, {"a": "3", "b": "4"})]


def test_a_csv_cell_may_be_huge(tmp_path: Path) -> None:
    """Python's own limit is 131,072 characters."""
    assert read(tmp_path, "a.csv", "a\n" + "x" * 1_000_000).good == [(2, {"a": "x" * 1_000_000})]


def test_a_csv_column_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two is meant is not guessed."""
    with pytest.raises(UserError, match="expected each column once, found 'score' again"):
        read(tmp_path, "a.csv", "prompt,score,score\np,1,2\n")


def test_a_stray_quote_is_refused_with_its_line(tmp_path: Path) -> None:
    """After it nobody knows where rows begin."""
    with pytest.raises(UserError, match="found in line 3"):
        read(tmp_path, "a.csv", 'a,b\n1,2\n"3"4,5\n')


def test_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    """Commas are text."""
    assert read(tmp_path, "a.tsv", "a\tb\n1,5\t2\n").good == [(2, {"a": "1,5", "b": "2"})]


def test_parquet_rows_are_plain_objects(tmp_path: Path) -> None:
    """Lists and structs arrive as lists and dicts, numbered from 1."""
    row = {"a": [1, 2], "b": {"role": "user"}}
    pl.DataFrame([row]).write_parquet(tmp_path / "a.parquet")
    assert read_rows(tmp_path / "a.parquet").good == [(1, row)]


def test_gzip_is_unpacked(tmp_path: Path) -> None:
    """By its suffix, for every kind of file."""
    assert read(tmp_path, "a.jsonl.gz", gzip.compress(b'{"a": 1}')).good == [(1, {"a": 1})]
    assert read(tmp_path, "a.csv.gz", gzip.compress(b"a\n1\n")).good == [(2, {"a": "1"})]


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("a.jsonl.gz", gzip.compress(b'{"a": 1}' * 100)[:-12], "expected a whole gzip file"),
        ("a.jsonl.gz", b'{"a": 1}', "expected a whole gzip file"),
        ("a.jsonl", b"", "found an empty file"),
        ("a.jsonl", b"\n \n", "found an empty file"),
        ("a.json", b"[]", "found an empty file"),
        ("a.csv", b"prompt,score\n", "found an empty file"),
        ("a.csv", b"", "found an empty file"),
        ("a.parquet", b"", "found an empty file"),
        ("a.jsonl.gz", b"", "found an empty file"),
        ("a.jsonl", b"{\n{\n", "none of 2 rows can be read; the first, line 1: invalid_json"),
        ("a.json", b'[{"a": 1}', "expected valid JSON"),
        ("a.json", b"[" * 100_000, "expected valid JSON"),
        ("a.csv", b"a\ncaf\xe9\n", "expected UTF-8 text"),
        ("a.parquet", b"PAR1 and no more", "expected a Parquet file"),
        ("a.xlsx", b"x", "found .xlsx"),
    ],
)
def test_a_bad_file_is_named(name: str, content: bytes, found: str, tmp_path: Path) -> None:
    """A file that cannot be right stops at once: which file, what was expected, what was found."""
    with pytest.raises(UserError) as raised:
        read(tmp_path, name, content)
    assert found in str(raised.value)
    assert str(raised.value).startswith(f"{tmp_path / name}: ")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    """With nothing there, it says so."""
    with pytest.raises(UserError, match="expected a file, found nothing there"):
        read_rows(tmp_path / "none.jsonl")


def test_a_folder_is_no_file(tmp_path: Path) -> None:
    """It does not say that nothing is there."""
    with pytest.raises(UserError, match="expected a file, found a folder there"):
        read_rows(tmp_path)


def test_detail_is_short_and_can_be_written() -> None:
    """The beginning of what was found, half a surrogate pair shown as a question mark."""
    assert aside("rows", "why", 1, "\ud800" + "x" * 1000)["detail"] == "?" + "x" * (
        DETAIL_LENGTH - 1
    )
