"""Recognising the scale that raters share."""

import polars as pl
import pytest

from schemas.ratings import Ratings
from stages.rating_scale import Scale, shared_scale, usage


def rated(**scores: list[float | None]) -> pl.DataFrame:
    """Make ratings: each rater's scores, of as many responses."""
    rows = [
        {"response_id": f"{number}", "rater": rater, "aspect": "overall", "score": score}
        for rater, given in scores.items()
        for number, score in enumerate(given)
    ]
    return pl.DataFrame(rows, schema=Ratings.create_empty().schema)


@pytest.mark.parametrize(
    ("scores", "scale"),
    [
        ([0.0, 1.0], (0, 1)),
        ([1.0, 3.0, 5.0], (1, 5)),
        ([2.0, 10.0], (1, 10)),
    ],
)
def test_whole_scores_give_their_scale(scores: list[float], scale: tuple[int, int]) -> None:
    """The smallest usual scale that holds them all, its top used."""
    assert shared_scale(usage(rated(ann=list(scores)))) == scale


@pytest.mark.parametrize("score", [0.0, 1.0])
def test_thumbs_of_one_side_are_thumbs(score: float) -> None:
    """A file of likes alone, or of dislikes alone, keeps its scale."""
    assert shared_scale(usage(rated(ann=[score, score]))) == Scale(0, 1)


@pytest.mark.parametrize(
    "scores",
    [[1.0, 2.5, 5.0], [1.0, 2.0, 3.0], [0.0, 5.0], [-1.0, 1.0], [1.0, 11.0], [None], []],
)
def test_other_scores_give_none(scores: list[float | None]) -> None:
    """Fractions, a top that nobody used, other ends, and no score at all."""
    assert shared_scale(usage(rated(ann=list(scores)))) is None


def test_stars_among_marks_are_no_shared_scale() -> None:
    """Ann marks out of ten; bob never goes above five in twenty scores."""
    assert shared_scale(usage(rated(ann=[10.0, 2.0], bob=[5.0, 1.0] * 10))) is None


def test_a_rater_of_few_scores_may_stay_low() -> None:
    """Nineteen scores up to five do not say that bob's scale ends there."""
    assert shared_scale(usage(rated(ann=[10.0], bob=[5.0] * 19))) == Scale(1, 10)


def test_thumbs_among_stars_are_no_shared_scale() -> None:
    """A zero is on no scale that begins with one."""
    assert shared_scale(usage(rated(ann=[5.0], bob=[0.0, 1.0]))) is None


def test_a_missing_score_is_no_score() -> None:
    """It neither moves the ends nor makes the scores less whole."""
    assert shared_scale(usage(rated(ann=[1.0, None, 5.0]))) == Scale(1, 5)


def test_buckets_stack() -> None:
    """Uses of two buckets, stacked, give what the whole gives: bob's twenty scores are in both."""
    parts = [rated(ann=[10.0], bob=[5.0] * 10), rated(bob=[4.0] * 10)]
    assert shared_scale(pl.concat(map(usage, parts))) is None
