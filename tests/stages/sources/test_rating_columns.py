"""What raters said, of one answer and of two."""

from typing import Any

import polars as pl
import pytest

from rather.stages.sources.answered import read_answers
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.rating_columns import Judged, read_judgements
from rather.stages.sources.row_batches import Batch


def judged(mapping: Mapping, *rows: Any, typed: bool = False) -> Judged:
    """Read the judgements of rows."""
    cells: Any = pl.DataFrame(list(rows)) if typed else list(rows)
    batch = Batch(cells, pl.int_range(len(rows), eager=True))
    return read_judgements(batch, mapping, read_answers(batch, mapping))


def rated(found: Judged) -> list[Any]:
    """Give place, rater, aspect and score of each rating, or why it has none."""
    rows = found.ratings.rows()
    return [(at, rater, aspect, why or score) for at, rater, aspect, score, why in rows]


def compared(found: Judged) -> list[Any]:
    """Give both places, rater and preference of each comparison, or why it has none."""
    rows = found.comparisons.rows()
    return [(one, two, rater, why or value) for one, two, rater, _, value, why in rows]


ONE = Mapping(response="r", scores=("s",))


def test_a_column_of_scores_is_a_rater() -> None:
    """Named by it."""
    found = judged(ONE, {"r": "a", "s": 3}, {"r": "b", "s": "N/A"})
    assert rated(found) == [
        (0, "s", "overall", 3.0),
        (1, "s", "overall", "unparsable_score"),
    ]


@pytest.mark.parametrize("typed", [True, False])
def test_a_list_of_scores_is_one_rater_each(typed: bool) -> None:
    """Numbered; an empty list is a missing score, with a reason in its place."""
    rows = [{"r": "a", "s": [1, 2]}, {"r": "b", "s": []}]
    assert rated(judged(ONE, *rows, typed=typed)) == [
        (0, "s_1", "overall", 1.0),
        (0, "s_2", "overall", 2.0),
        (1, "s", "overall", "no_score"),
    ]


def test_a_rater_column_names_the_rater() -> None:
    """Where it is blank, the column of scores does."""
    mapping = ONE.model_copy(update={"rater": "w"})
    rows = [{"r": "a", "s": 1, "w": name} for name in ("ann", 7, "", None)]
    assert [rater for _, rater, _, _ in rated(judged(mapping, *rows))] == ["ann", "7", "s", "s"]


def test_a_rater_with_several_scores_is_named_with_each() -> None:
    """Rater and column together, so that neither overwrites the other."""
    mapping = Mapping(response="r", scores=("x", "y"), rater="w")
    found = judged(mapping, {"r": "a", "x": 1, "y": 2, "w": "ann"}, {"r": "b", "x": 3, "y": 4})
    assert [rater for _, rater, _, _ in rated(found)] == ["ann_x", "x", "ann_y", "y"]


def test_columns_may_be_aspects_of_one_rater() -> None:
    """The row's rater, or the source."""
    mapping = Mapping(response="r", scores=("x", "y"), rater="w", aspects=True)
    found = judged(mapping, {"r": "a", "x": 1, "y": 2, "w": "ann"}, {"r": "b", "x": 3, "y": None})
    assert rated(found) == [
        (0, "ann", "x", 1.0),
        (1, "source", "x", 3.0),
        (0, "ann", "y", 2.0),
        (1, "source", "y", "no_score"),
    ]


def test_labels_are_ratings() -> None:
    """1 for good and 0 for bad, by the column's name."""
    mapping = Mapping(shape="labels", response="r", label="l")
    found = judged(mapping, {"r": "a", "l": True}, {"r": "b", "l": "bad"})
    assert rated(found) == [(0, "l", "overall", 1.0), (1, "l", "overall", 0.0)]


@pytest.mark.parametrize("shape", ["ratings", "comparisons", "rankings"])
def test_a_score_stands_beside_each_answer(shape: Any) -> None:
    """In columns of their own, or in one list; all are of one rater."""
    columns = Mapping(shape=shape, responses=("a", "b"), scores=("x", "y"))
    found = judged(columns, {"a": "1", "b": "2", "x": 5, "y": 6})
    listed = Mapping(shape=shape, responses=("r",), scores=("s",))
    same = judged(listed, {"r": ["1", "2"], "s": [5, 6]})
    assert rated(found) == rated(same)
    assert rated(found) == [(0, "source", "overall", 5.0), (1, "source", "overall", 6.0)]


def test_several_raters_scored_each_of_several_answers() -> None:
    """A list of lists: for each answer one score per rater."""
    found = judged(Mapping(responses=("r",), scores=("s",)), {"r": ["1", "2"], "s": [[5, 6], [7]]})
    assert [(at, rater, score) for at, rater, _, score in rated(found)] == [
        (0, "source_1", 5.0),
        (0, "source_2", 6.0),
        (1, "source_1", 7.0),
    ]


def test_a_pair_is_a_comparison_that_chosen_wins() -> None:
    """By the source unless the row names a rater, its scores beside it."""
    mapping = Mapping(shape="pairs", chosen="c", rejected="r", scores=("x", "y"), rater="w")
    found = judged(
        mapping, {"c": "a", "r": "b", "x": 9, "y": "3"}, {"c": "d", "r": "e", "w": "ann"}
    )
    assert compared(found) == [(0, 1, "source", 1.0), (2, 3, "ann", 1.0)]
    assert [score for _, _, _, score in rated(found)] == [9.0, 3.0, "no_score", "no_score"]


VOTES = Mapping(
    shape="comparisons",
    responses=("a", "b"),
    preference=("x", "y"),
    values={"0": 0, "1": 1, "2": -1},
)


def test_a_column_of_labels_is_a_rater() -> None:
    """Each compares the two answers of the row; what is no label has a reason."""
    rows = [{"a": "1", "b": "2", "x": 2, "y": "0"}, {"a": "3", "b": "4", "x": 3, "y": None}]
    assert compared(judged(VOTES, *rows)) == [
        (0, 1, "x", -1.0),
        (2, 3, "x", "unparsable_preference"),
        (0, 1, "y", 0.0),
        (2, 3, "y", "no_preference"),
    ]


def test_label_columns_may_be_aspects() -> None:
    """PKU-SafeRLHF asks which answer is better, and which is safer."""
    mapping = VOTES.model_copy(update={"aspects": True})
    found = judged(mapping, {"a": "1", "b": "2", "x": 1, "y": 2}).comparisons
    assert found.select("rater", "aspect", "preference").rows() == [
        ("source", "x", 1.0),
        ("source", "y", -1.0),
    ]


def test_a_list_of_labels_of_two_answers_is_one_rater_each() -> None:
    """As with scores."""
    mapping = VOTES.model_copy(update={"preference": ("x",)})
    found = judged(mapping, {"a": "1", "b": "2", "x": [1, 0]})
    assert compared(found) == [(0, 1, "x_1", 1.0), (0, 1, "x_2", 0.0)]


@pytest.mark.parametrize("listed", [True, False])
def test_a_list_of_labels_of_more_answers_is_one_pair_each(listed: bool) -> None:
    """First and second, first and third, second and third."""
    columns = ("r",) if listed else ("a", "b", "c")
    row = {"r": ["1", "2", "3"], "a": "1", "b": "2", "c": "3", "x": [1, 0, 2]}
    mapping = VOTES.model_copy(update={"responses": columns, "preference": ("x",)})
    found = compared(judged(mapping, row))
    assert found == [(0, 1, "x", 1.0), (0, 2, "x", 0.0), (1, 2, "x", -1.0)]


def test_labels_of_pairs_must_be_as_many_as_pairs() -> None:
    """A row with another number of them is odd."""
    mapping = VOTES.model_copy(update={"responses": ("r",), "preference": ("x",)})
    found = judged(mapping, {"r": ["1", "2", "3"], "x": [1, 0]}, {"r": ["1", "2"], "x": [1]})
    assert found.odd.to_list() == ["lists_of_unequal_length", None]


def test_a_label_may_name_the_better_answers_author() -> None:
    """Whatever its case; a name that both authors bear, or neither, is no label."""
    mapping = Mapping(
        shape="comparisons",
        responses=("a", "b"),
        preference=("x",),
        generators=("g", "h"),
        values={"tie": 0},
    )
    names = [("gpt", "llama", "Llama"), ("gpt", "llama", "gpt"), ("gpt", "llama", "tie")]
    names += [("gpt", "gpt", "gpt"), ("gpt", "llama", "claude")]
    rows = [{"a": "1", "b": "2", "g": g, "h": h, "x": x} for g, h, x in names]
    assert [found for *_, found in compared(judged(mapping, *rows))] == [
        *(-1.0, 1.0, 0.0, "unparsable_preference", "unparsable_preference")
    ]


def test_a_ranking_is_a_comparison_of_every_two() -> None:
    """Listed best first, K answers make K(K-1)/2."""
    found = judged(
        Mapping(shape="rankings", responses=("r",)), {"r": ["1", "2", "3"]}, {"r": ["4"]}
    )
    assert compared(found) == [
        (0, 1, "source", 1.0),
        (0, 2, "source", 1.0),
        (1, 2, "source", 1.0),
    ]


def test_a_label_that_cannot_be_written_names_nobody() -> None:
    """Half a surrogate pair is no model's name, and harms no other row."""
    mapping = VOTES.model_copy(update={"generators": ("m", "n"), "values": {"1": 1}})
    row = {"a": "1", "b": "2", "m": "x", "n": "y"}
    found = judged(mapping, row | {"x": "\ud800"}, row | {"x": "Y"})
    assert [value for *_, value in compared(found)][:2] == ["unparsable_preference", -1.0]


def test_ranks_order_answers() -> None:
    """1 is the best, equal ranks are ties, and a missing rank is a missing preference."""
    mapping = Mapping(shape="rankings", responses=("r",), ranks=("k",))
    found = judged(mapping, {"r": ["1", "2", "3", "4"], "k": [2, 1, 2, None]})
    assert [value for *_, value in compared(found)] == [
        *(-1.0, 0.0, "no_rank", 1.0, "no_rank", "no_rank")
    ]


def test_ranks_may_be_inverted() -> None:
    """The higher the better, declared by the user."""
    mapping = Mapping(shape="rankings", responses=("a", "b"), ranks=("x", "y"), inverted=True)
    assert compared(judged(mapping, {"a": "1", "b": "2", "x": 7, "y": 9})) == [
        (0, 1, "source", -1.0)
    ]


def test_no_rows_are_no_judgements() -> None:
    """Of any shape, and of the right types."""
    for mapping in (ONE, VOTES, Mapping(shape="rankings", responses=("r",), ranks=("k",))):
        found = judged(mapping)
        assert found.ratings.schema["score"] == found.comparisons.schema["preference"] == pl.Float64
        assert found.ratings.height == found.comparisons.height == 0
