"""What single cells say, and columns of them."""

from typing import Any

import polars as pl
import pytest

from rather.stages.sources.cells import Judge, answers, names, score_judge, unfolded
from rather.stages.sources.mapping import Mapping

SCORE = Judge("score")
PREFERENCE = Judge("preference")


@pytest.mark.parametrize(
    ("value", "score"),
    [(3, 3.0), ("3", 3.0), (" 3.5 ", 3.5), ("1e0", 1.0), (-2, -2.0), (0, 0.0)],
)
def test_numbers_and_texts_of_numbers_are_scores(value: object, score: float) -> None:
    """0 is a score like any other."""
    assert SCORE.read(value) == (score, None)


@pytest.mark.parametrize("value", [None, "", []])
def test_nothing_is_no_score(value: object) -> None:
    """Missing is not low: null, with the reason."""
    assert SCORE.read(value) == (None, "no_score")


@pytest.mark.parametrize(
    "value",
    [
        *("N/A", "three", "3/5", "4_5", " ", "nan", "inf", True, False, [3], {"score": 3}),
        *(float("nan"), float("inf"), 10**400, 1e308),
    ],
)
def test_what_is_no_number_is_unparsable(value: object) -> None:
    """True is not 1, "4_5" is not 45, and a number whose square is none is not one to use."""
    assert SCORE.read(value) == (None, "unparsable_score")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1, (1.0, None)),
        (5, (5.0, None)),
        (0.9, (None, "outside_scale")),
        (7, (None, "outside_scale")),
    ],
)
def test_a_scale_includes_its_ends(value: float, found: tuple[float | None, str | None]) -> None:
    """Between 1 and 5, both included; anything else is no rating."""
    assert Judge("score", scale=(1, 5)).read(value) == found


@pytest.mark.parametrize(
    ("judge", "value", "score"),
    [
        (Judge("score", inverted=True), 2, -2.0),
        (Judge("score", scale=(1, 5), inverted=True), 2, 4.0),
        (Judge("score", {"bad": 0, "good": 1}, inverted=True), "bad", 1.0),
        (Judge("preference", inverted=True), 0.5, -0.5),
        (Judge("preference", {"1": 1}, inverted=True), 1, -1.0),
    ],
)
def test_polarity_can_be_inverted(judge: Judge, value: object, score: float) -> None:
    """Lower is better: mirrored within the scale, or the values, or else in its sign."""
    assert judge.read(value) == (score, None)


def test_an_inverted_tie_is_a_plain_zero() -> None:
    """Not minus zero, which is written differently."""
    judge = Judge("preference", inverted=True)
    read = [judge.read(0)[0], *judge.read_all(pl.Series([0, 0])).values]
    assert [str(value) for value in read] == ["0.0"] * 3


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("Yes", (0.0, None)),
        (" no ", (1.0, None)),
        ("Unsure", (None, "undecided")),
        ("maybe", (None, "unparsable_score")),
        (1, (None, "unparsable_score")),
        (None, (None, "no_score")),
    ],
)
def test_labels_mean_what_the_map_says(value: object, found: Any) -> None:
    """DICES asks whether an answer is unsafe; with values only their labels count."""
    assert Judge("score", {"yes": 0, "no": 1, "unsure": None}).read(value) == found


@pytest.mark.parametrize(
    ("value", "score"),
    [(True, 1.0), (False, 0.0), ("True", 1.0), (0, 0.0), ("👍", 1.0), ("thumbs_down", 0.0)],
)
def test_labels_of_good_and_bad_are_known(value: object, score: float) -> None:
    """Where the shape is labels; elsewhere true is no score."""
    assert score_judge(Mapping(shape="labels")).read(value) == (score, None)
    assert score_judge(Mapping(shape="ratings")).read(True) == (None, "unparsable_score")


@pytest.mark.parametrize(
    ("scale", "value", "found"),
    [
        (None, 1, (1.0, None)),
        (None, -0.25, (-0.25, None)),
        (None, 2, (None, "outside_scale")),
        ((-3, 3), -3, (-1.0, None)),
        ((-2, 2), 1, (0.5, None)),
        ((1, 2), 1.5, (0.0, None)),
        ((0, 1), 0, (-1.0, None)),
        ((0, 1), "N/A", (None, "unparsable_preference")),
    ],
)
def test_graded_preferences_are_brought_to_one_scale(scale: Any, value: object, found: Any) -> None:
    """From -1, the second is better, to 1, the first is."""
    assert Judge("preference", scale=scale).read(value) == found


@pytest.mark.parametrize(
    "judge",
    [
        *(SCORE, PREFERENCE, Judge("score", scale=(1, 5), inverted=True)),
        *(Judge("preference", scale=(-3, 3)), Judge("score", {"1": 0.5, "true": 1, "2": None})),
    ],
)
@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1.0, 0.5, None, float("nan"), float("inf"), 1e200, 7.0, -0.0]),
        pl.Series([1, 2, None, 3], dtype=pl.Int32),
        pl.Series(["1", " 2 ", "N/A", "", None, "nan", "1", "true"]),
        pl.Series([True, False, None]),
        pl.Series([None, None], dtype=pl.String),
        pl.Series([float("nan")]),
        pl.Series([[1], [], None]),
        pl.Series([{"score": 3}, None]),
    ],
)
def test_a_typed_column_is_read_as_its_cells_are(judge: Judge, column: pl.Series) -> None:
    """All at once, with the same outcome."""
    read = judge.read_all(column)
    found = [judge.read(cell) for cell in column.to_list()]
    assert list(zip(read.values, read.reasons, strict=True)) == found


@pytest.mark.parametrize("cells", [[1, 2.5, None], [1, 10**400, 0.5]])
def test_whole_numbers_may_stand_among_others(cells: list[Any]) -> None:
    """Read all at once where one type holds them, and with the same outcome where none does."""
    read = SCORE.read_all(cells)
    found = [SCORE.read(cell) for cell in cells]
    assert list(zip(read.values, read.reasons, strict=True)) == found


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("text", ("text", None)),
        ("", ("", None)),
        ({"role": "assistant", "content": "a"}, ("a", None)),
        ({"from": "gpt", "value": "a"}, ("a", None)),
        ({"role": None, "content": None, "from": "gpt", "value": "a"}, ("a", None)),
        ([{"role": "assistant", "content": "a"}], ("a", None)),
        (None, (None, "no_response")),
        ({"role": "assistant"}, (None, "no_response")),
        (True, ("true", None)),
        (4, ("4", None)),
        (4.5, ("4.5", None)),
        (float("nan"), (None, "no_response")),
        (float("inf"), (None, "response_not_text")),
        (["a"], (None, "response_not_text")),
        ("half \udfff", (None, "invalid_unicode")),
    ],
)
def test_an_answer_is_text(value: object, found: Any) -> None:
    """Or a message that holds one, or true, false or a number as JSON writes it.

    Lists and objects are no answers; an empty text is one.
    """
    read = answers([value, "x"])
    assert (read.values[0], read.reasons[0]) == found


def test_a_typed_column_of_answers_is_read_as_it_is() -> None:
    """Null is no answer, an empty text is one."""
    read = answers(pl.Series(["a", None, ""]))
    assert read.values.to_list() == ["a", None, ""]
    assert read.reasons.to_list() == [None, "no_response", None]


@pytest.mark.parametrize(
    "column",
    [
        pl.Series([1, None, 2**63], dtype=pl.UInt64),
        pl.Series([4.0, 2.5, None, float("nan"), float("inf"), -0.0]),
        pl.Series([True, False, None]),
        pl.Series([["a"], None]),
        pl.Series([{"role": "assistant", "content": "a"}, None]),
    ],
)
def test_typed_answers_are_read_as_their_cells_are(column: pl.Series) -> None:
    """Numbers in Parquet become the texts that they are in JSON."""
    typed, cells = answers(column), answers(column.to_list())
    assert typed.values.to_list() == cells.values.to_list()
    assert typed.reasons.to_list() == cells.reasons.to_list()


def test_an_answer_does_not_depend_on_those_beside_it() -> None:
    """A whole number stays one among others."""
    assert answers([1, 2.5, 2**64]).values.to_list() == ["1", "2.5", "18446744073709551616"]


@pytest.mark.parametrize(
    "column",
    [
        *(["a", 1, None], [7.0, "x"], [7.5, 1]),
        *(pl.Series([7, None]), pl.Series([7.0, None]), pl.Series([7.0, 7.5, 1e16])),
    ],
)
def test_names_are_written_out(column: Any) -> None:
    """A whole number without a point, whatever a table's type or its neighbours made of it."""
    texts = {1: "1", 7: "7", 7.5: "7.5", 1e16: "10000000000000000"}
    assert names(column).values.to_list() == [texts.get(cell, cell) for cell in column]


@pytest.mark.parametrize("column", [[float("nan"), "x"], pl.Series([float("nan"), 1.0])])
def test_not_a_number_is_no_name(column: Any) -> None:
    """Some tables have it where there is nothing."""
    assert names(column).values[0] is None


@pytest.mark.parametrize("wrap", [list, lambda cells: pl.Series(cells, dtype=pl.List(pl.Int64))])
def test_lists_are_taken_apart(wrap: Any) -> None:
    """Items are numbered; an empty list and a missing one are one item without a number."""
    items, cells, numbers = unfolded(wrap([[5, 6], [], None, [7]]))
    assert list(items) == [5, 6, None, None, 7]
    assert cells.tolist() == [0, 0, 1, 2, 3]
    assert numbers.tolist() == [1, 2, 0, 0, 1]


def test_a_lone_cell_among_lists_is_one_item() -> None:
    """Without a number, 0 as it is."""
    items, _, numbers = unfolded([[5], 0, "x"])
    assert (list(items), numbers.tolist()) == ([5, 0, "x"], [1, 0, 0])
