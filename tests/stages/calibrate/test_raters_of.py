"""Who judged what."""

from typing import Any

import polars as pl

from rather.schemas.evidence import Pairs
from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.calibrate.raters_of import judges_of_pairs, judges_of_responses

PAIRS = pl.DataFrame(
    [
        {"pair_id": "x", "chosen_id": "b", "rejected_id": "a"},
        {"pair_id": "y", "chosen_id": "a", "rejected_id": "c"},
    ],
    schema=Pairs.create_empty().schema,
)
RATINGS, COMPARISONS = Ratings.create_empty(), Comparisons.create_empty()


def ratings(*rows: tuple[str, str, float | None] | tuple[str, str, float | None, str]) -> Any:
    """Make ratings of response, rater, score and aspect."""
    made = [
        {"response_id": row[0], "rater": row[1], "score": row[2], "aspect": [*row, "overall"][3]}
        for row in rows
    ]
    return pl.DataFrame(made, schema=RATINGS.schema)


def comparisons(*rows: tuple[str, str, str, float | None]) -> Any:
    """Make comparisons of first, second, rater and preference."""
    names = ["first_id", "second_id", "rater", "preference"]
    made = [dict(zip(names, row, strict=True)) | {"aspect": "overall"} for row in rows]
    return pl.DataFrame(made, schema=COMPARISONS.schema)


def of_pairs(rated: Any = RATINGS, compared: Any = COMPARISONS) -> dict[str, list[str]]:
    """List the judges of PAIRS."""
    return dict(judges_of_pairs(PAIRS, rated, compared).iter_rows())


def test_a_judge_of_a_pair_rated_both() -> None:
    """Zoe and ann rated a and b, in the order of their names; bob rated a alone."""
    rated = ratings(
        ("a", "zoe", 1), ("b", "zoe", 2), ("a", "ann", 1), ("b", "ann", 1), ("a", "bob", 1)
    )
    assert of_pairs(rated) == {"x": ["ann", "zoe"]}


def test_a_missing_score_judges_nothing() -> None:
    """Ann's score of b could not be had."""
    assert of_pairs(ratings(("a", "ann", 1), ("b", "ann", None))) == {}


def test_two_aspects_are_no_common_ground() -> None:
    """Ann judged a's honesty and b's style; of both aspects together she is named once."""
    assert of_pairs(ratings(("a", "ann", 1, "honesty"), ("b", "ann", 2, "style"))) == {}
    both = [(which, "ann", 1, aspect) for which in "ab" for aspect in ("honesty", "style")]
    assert of_pairs(ratings(*both)) == {"x": ["ann"]}


def test_a_judge_of_a_pair_compared_it_in_either_order() -> None:
    """Ann saw a first, bob saw b first, cat said a tie; dan's word could not be had."""
    compared = comparisons(
        ("a", "b", "ann", 1), ("b", "a", "bob", 1), ("a", "b", "cat", 0), ("a", "b", "dan", None)
    )
    assert of_pairs(compared=compared) == {"x": ["ann", "bob", "cat"]}


def test_a_rater_who_also_compared_is_named_once() -> None:
    """Both kinds of judgement, one rater."""
    rated = ratings(("a", "ann", 1), ("b", "ann", 2))
    assert of_pairs(rated, comparisons(("a", "b", "ann", -1))) == {"x": ["ann"]}


def test_nothing_judged_gives_nothing() -> None:
    """Empty tables are not an error."""
    assert of_pairs() == {}


def test_a_judge_of_a_response_scored_it() -> None:
    """A missing score does not count, and two aspects name the rater once."""
    rated = ratings(("a", "cat", 1), ("a", "ann", 2), ("a", "ann", 2, "style"), ("b", "bob", None))
    found = judges_of_responses(rated.select("response_id").unique(), rated)
    assert found.rows() == [("a", ["ann", "cat"])]
