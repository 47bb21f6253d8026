"""JSON lines and JSON arrays."""

import json
from pathlib import Path

import pytest

from rather.schemas.base import UserError
from rather.stages.sources import row_batches
from rather.stages.sources.source_files import open_sheet
from tests.stages.sources.sheets import read


def test_json_lines_are_numbered_from_1(tmp_path: Path) -> None:
    """Blank lines are skipped, and counted in the numbers as an editor counts them."""
    good, _ = read(tmp_path, "a.jsonl", '{"a": 1}\n\n{"a": 2}\n')
    assert good == [(1, {"a": 1}), (3, {"a": 2})]


def test_one_broken_line_costs_no_other(tmp_path: Path) -> None:
    """It is set aside with its line number; the lines around it are read."""
    good, bad = read(tmp_path, "a.jsonl", '{"a": 1}\n{"a": \n{"a": 3}\n')
    assert ([line for line, _ in good], bad) == ([1, 3], [(2, "invalid_json")])


@pytest.mark.parametrize("line", ["3", "[1]", "null", '"text"'])
def test_a_line_that_is_no_object_is_set_aside(line: str, tmp_path: Path) -> None:
    """Valid JSON without columns is no row."""
    assert read(tmp_path, "a.jsonl", f'{{"a": 1}}\n{line}\n')[1] == [(2, "not_an_object")]


def test_a_line_that_is_not_utf_8_is_set_aside(tmp_path: Path) -> None:
    """The other lines are read."""
    assert read(tmp_path, "a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n')[1] == [(2, "invalid_json")]


@pytest.mark.parametrize("line", ['{"a": ' + "[" * 100_000, '{"a": 1' + "0" * 5_000 + "}"])
def test_a_line_that_breaks_the_parser_is_set_aside(line: str, tmp_path: Path) -> None:
    """Nesting deeper than Python's stack, and a number longer than Python converts."""
    assert read(tmp_path, "a.jsonl", f'{{"a": 1}}\n{line}\n')[1] == [(2, "invalid_json")]


def test_a_line_of_a_million_characters_is_a_row(tmp_path: Path) -> None:
    """However long."""
    text = "x" * 1_000_000
    assert read(tmp_path, "a.jsonl", json.dumps({"a": text}))[0] == [(1, {"a": text})]


def test_control_characters_are_data(tmp_path: Path) -> None:
    """Escaped in JSON, they arrive; line separators of Unicode do not end a line."""
    row = {"a": "\x00\x07\x1b[31m\u2028\u0085"}
    content = json.dumps(row, ensure_ascii=False) + "\n" + json.dumps(row)
    assert read(tmp_path, "a.jsonl", content)[0] == [(1, row), (2, row)]


def test_many_lines_come_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that memory holds some of them at a time; lines are numbered on."""
    monkeypatch.setattr(row_batches, "NUM_ROWS", 2)
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 1}\n' * 5)
    found = [batch.lines.to_list() for batch in open_sheet(str(path)).batches(None)]
    assert found == [[1, 2], [3, 4], [5]]


def test_json_holds_an_array(tmp_path: Path) -> None:
    """Items are numbered from 1; one that is no object is set aside."""
    found = read(tmp_path, "a.json", '[{"a": 1}, 7, {"a": 3}]')
    assert found == ([(1, {"a": 1}), (3, {"a": 3})], [(2, "not_an_object")])


def test_json_may_be_json_lines(tmp_path: Path) -> None:
    """SHP's files are; a broken line costs itself alone."""
    good, bad = read(tmp_path, "a.json", '\n{"a": 1}\n{"a": \n{"a": [3]}\n')
    assert (good, bad) == ([(2, {"a": 1}), (4, {"a": [3]})], [(3, "invalid_json")])


@pytest.mark.parametrize("content", ['{"rows": [{"a": 1}]}\n\n', '[\n{"a": 1}\n]\n'])
def test_json_in_few_lines_is_json(content: str, tmp_path: Path) -> None:
    """An object alone in its file holds the array, and an array may be laid out over lines."""
    assert read(tmp_path, "a.json", content)[0] == [(1, {"a": 1})]


@pytest.mark.parametrize("name", ["anything", "data", "instances"])
def test_json_may_hold_its_array_under_a_name(name: str, tmp_path: Path) -> None:
    """An object with exactly one array, as many exports have."""
    content = json.dumps({"version": 1, name: [{"a": 1}]})
    assert read(tmp_path, "a.json", content)[0] == [(1, {"a": 1})]


def test_of_several_arrays_the_one_named_as_rows_are_is_read(tmp_path: Path) -> None:
    """JUDGE-BENCH has `annotations`, which say how was judged, and `instances`."""
    content = '{"annotations": [{"b": 1}], "instances": [{"a": 1}]}'
    assert read(tmp_path, "a.json", content)[0] == [(1, {"a": 1})]


@pytest.mark.parametrize(
    "content", ["3", '{"a": 1}', '{"a": [], "b": []}', '{"data": [], "rows": []}']
)
def test_json_without_its_array_is_refused(content: str, tmp_path: Path) -> None:
    """No array, or two of them: rows are not guessed."""
    with pytest.raises(UserError, match="expected a JSON array of rows"):
        read(tmp_path, "a.json", content)
