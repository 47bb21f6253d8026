"""Separated values."""

from pathlib import Path

import pytest

from rather.schemas.base import UserError
from tests.stages.sources.sheets import read


def test_rows_have_the_line_they_begin_on(tmp_path: Path) -> None:
    """As an editor counts: the header is line 1, and a cell may hold line breaks."""
    good, _ = read(tmp_path, "a.csv", 'a,b\n1,"two\nlines\n"\n\n3,4\n')
    assert good == [(2, {"a": "1", "b": "two\nlines\n"}), (6, {"a": "3", "b": "4"})]


def test_blank_lines_may_stand_before_the_names(tmp_path: Path) -> None:
    """They count as lines."""
    assert read(tmp_path, "a.csv", "\n \r\na,b\n1,2\n")[0] == [(4, {"a": "1", "b": "2"})]


def test_quotes_hold_separators_and_quotes(tmp_path: Path) -> None:
    """As RFC 4180 says: a quote within quotes is doubled."""
    good, _ = read(tmp_path, "a.csv", 'a,b\n"1,5","said ""no"""\n')
    assert good == [(2, {"a": "1,5", "b": 'said "no"'})]


@pytest.mark.parametrize("line", ["1", "1,2,3"])
def test_a_row_of_another_length_is_set_aside(line: str, tmp_path: Path) -> None:
    """Too few fields or too many."""
    found = read(tmp_path, "a.csv", f"a,b\n{line}\n3,4\n")
    assert found == ([(3, {"a": "3", "b": "4"})], [(2, "wrong_number_of_fields")])


@pytest.mark.parametrize("line", ['"3"4,5', '3,"4', '"3,4'])
def test_a_stray_quote_costs_its_line_alone(line: str, tmp_path: Path) -> None:
    """Be it closed at the wrong place or never closed: the rows after it are read."""
    good, bad = read(tmp_path, "a.csv", f"a,b\n1,2\n{line}\n5,6\n7,8\n")
    assert [row["a"] for _, row in good] == ["1", "5", "7"]
    assert bad == [(3, "stray_quote")]


def test_a_quote_within_a_cell_is_text(tmp_path: Path) -> None:
    """Inches, as many write them: no cell begins with it."""
    good, bad = read(tmp_path, "a.csv", 'a,b\n5" disk,1\n3,"4"\n')
    assert ([row["a"] for _, row in good], bad) == (['5" disk', "3"], [])


def test_two_quotes_left_open_cost_two_lines(tmp_path: Path) -> None:
    """What lies between them is no cell, and the row between them is read."""
    good, bad = read(tmp_path, "a.csv", 'a,b\n1,"2\n3,4\n5,"6\n7,8\n')
    assert [row["a"] for _, row in good] == ["3", "7"]
    assert bad == [(2, "stray_quote"), (4, "stray_quote")]


def test_a_quote_left_open_before_a_quoted_row(tmp_path: Path) -> None:
    """The quote that closes it is the next row's, which is not lost with it."""
    good, bad = read(tmp_path, "a.csv", 'a,b\n1,"2\n"3",4\n5,6\n')
    assert [row["a"] for _, row in good] == ["3", "5"]
    assert bad == [(2, "stray_quote")]


def test_a_line_that_is_not_utf_8_is_set_aside(tmp_path: Path) -> None:
    """Latin 1 is not guessed; what was found can be written down."""
    good, bad = read(tmp_path, "a.csv", b"a\nyes\ncaf\xe9\n")
    assert (good, bad) == ([(2, {"a": "yes"})], [(3, "not_utf8")])


def test_a_cell_may_be_huge(tmp_path: Path) -> None:
    """Python's own limit is 131,072 characters."""
    text = "x" * 1_000_000
    assert read(tmp_path, "a.csv", f'a\n"{text}"\n')[0] == [(2, {"a": text})]


def test_a_column_twice_is_refused(tmp_path: Path) -> None:
    """Which of the two is meant is not guessed."""
    with pytest.raises(UserError, match="expected each column once, found 'score' again"):
        read(tmp_path, "a.csv", "prompt,score,score\np,1,2\n")


def test_a_stray_quote_among_the_names_is_refused(tmp_path: Path) -> None:
    """Without names there are no columns."""
    with pytest.raises(UserError, match="expected columns' names, found a stray quote"):
        read(tmp_path, "a.csv", '"a"x,b\n1,2\n')


@pytest.mark.parametrize("ending", ["\n", "\r\n", "\r"])
def test_lines_end_in_three_ways(ending: str, tmp_path: Path) -> None:
    """Of Unix, Windows and old Macs."""
    content = ending.join(["a,b", "1,2", "3,4", ""])
    assert [line for line, _ in read(tmp_path, "a.csv", content)[0]] == [2, 3]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_first_line_tells_the_separator(separator: str, tmp_path: Path) -> None:
    """Where the comma is a decimal mark, spreadsheets write semicolons."""
    content = f"a{separator}b\n1{separator}2\n"
    assert read(tmp_path, "a.csv", content)[0] == [(2, {"a": "1", "b": "2"})]


def test_tsv_is_separated_by_tabs(tmp_path: Path) -> None:
    """Commas are text."""
    assert read(tmp_path, "a.tsv", "a,c\tb\n1,5\t2\n")[0] == [(2, {"a,c": "1,5", "b": "2"})]
