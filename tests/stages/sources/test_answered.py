"""What was answered, and by whom."""

from typing import Any

import numpy as np
import polars as pl
import pytest

from rather.stages.sources.answered import Answers, Places, beside, read_answers
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.row_batches import Batch


def batch(*rows: Any) -> Batch:
    """Make a batch of objects."""
    return Batch(list(rows), pl.int_range(len(rows), eager=True))


def said(answers: Answers) -> list[tuple[int, str | None, str]]:
    """Give row, text and author of each answer."""
    rows = answers.places.rows.tolist()
    return list(zip(rows, answers.texts.values, answers.authors, strict=True))


def test_one_answer_a_row() -> None:
    """By the row's generator; by the source where it names none."""
    rows = [{"r": "a", "g": "m"}, {"r": "b", "g": ""}, {"r": "c"}]
    found = read_answers(batch(*rows), Mapping(response="r", generator="g"))
    assert said(found) == [(0, "a", "m"), (1, "b", "source"), (2, "c", "source")]


def test_an_answer_in_each_of_several_columns() -> None:
    """Row by row, each with its generator's column."""
    rows = [{"a": "1", "b": "2", "x": "m", "y": "n"}, {"a": "3", "b": None, "x": "m", "y": "n"}]
    mapping = Mapping(responses=("a", "b"), generators=("x", "y"))
    found = read_answers(batch(*rows), mapping)
    assert said(found) == [(0, "1", "m"), (0, "2", "n"), (1, "3", "m"), (1, None, "n")]
    assert found.texts.reasons.to_list() == [None, None, None, "no_response"]


@pytest.mark.parametrize("typed", [True, False])
def test_a_list_of_answers(typed: bool) -> None:
    """As many as there are, each with its item of the generators' list."""
    rows = [{"r": ["a", "b"], "g": ["m", "n"]}, {"r": [], "g": []}, {"r": ["c"], "g": ["m"]}]
    made = Batch(pl.DataFrame(rows), pl.int_range(3, eager=True)) if typed else batch(*rows)
    found = read_answers(made, Mapping(responses=("r",), generators=("g",)))
    assert said(found) == [(0, "a", "m"), (0, "b", "n"), (2, "c", "m")]


def test_one_generator_of_a_list_of_answers() -> None:
    """It gave all of them."""
    rows = [{"r": ["a", "b"], "g": "m"}, {"r": ["c"], "g": "n"}]
    found = read_answers(batch(*rows), Mapping(responses=("r",), generator="g"))
    assert said(found) == [(0, "a", "m"), (0, "b", "m"), (1, "c", "n")]


def test_a_row_that_cannot_be_taken_apart_is_odd() -> None:
    """No list where one is due, or lists of two lengths; the rows beside it are read."""
    rows = [
        {"r": "a", "g": ["m"]},
        {"r": ["a"], "g": ["m", "n"]},
        {"r": ["b"], "g": ["m"]},
    ]
    found = read_answers(batch(*rows), Mapping(responses=("r",), generators=("g",)))
    assert found.odd.to_list() == ["responses_not_a_list", "lists_of_unequal_length", None]
    assert said(found)[-1] == (2, "b", "m")


@pytest.mark.parametrize("rows", [[[1, 2], None], [None]])
@pytest.mark.parametrize("wrap", [list, lambda cells: pl.Series(cells, dtype=pl.List(pl.Int64))])
def test_no_list_is_nothing_for_every_answer(wrap: Any, rows: list[Any]) -> None:
    """Whether or not other rows have one: nothing is known of the answers, which are fine."""
    cells, odd = beside([wrap(rows)], Places(np.array([2] * len(rows))))
    assert list(cells)[-2:] == [None, None]
    assert odd.null_count() == len(rows)


@pytest.mark.parametrize("rows", [[["a"], None], [None]])
@pytest.mark.parametrize("wrap", [list, lambda cells: pl.Series(cells, dtype=pl.List(pl.String))])
def test_no_list_of_answers_is_no_answer(wrap: Any, rows: list[Any]) -> None:
    """It is missing, and not of a wrong kind."""
    made = Batch(pl.DataFrame({"r": wrap(rows)}), pl.int_range(len(rows), eager=True))
    objects = batch(*({"r": cell} for cell in rows))
    for found in (made, objects):
        answers = read_answers(found, Mapping(responses=("r",)))
        assert answers.places.counts.tolist()[-1] == 0
        assert answers.odd.null_count() == len(rows)


@pytest.mark.parametrize("wrap", [list, pl.Series])
def test_a_list_of_another_length_has_nothing_to_give(wrap: Any) -> None:
    """Its row is odd, and what stands beside the other rows' answers stays beside them."""
    cells, odd = beside([wrap([[1, 2], [3], [4, 5]])], Places(np.array([2, 2, 2])))
    assert list(cells) == [1, 2, None, None, 4, 5]
    assert odd.to_list() == [None, "lists_of_unequal_length", None]


def test_a_lone_cell_is_every_answers() -> None:
    """Also where other rows have lists."""
    cells, odd = beside([["x", ["y", "z"]]], Places(np.array([2, 2])))
    assert (list(cells), odd.null_count()) == (["x", "x", "y", "z"], 2)
