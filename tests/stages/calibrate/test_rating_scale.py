"""Recognising the scale that raters share."""

import polars as pl
import pytest

from rather.schemas.judgements import Ratings
from rather.stages.calibrate.rating_scale import (
    Scale,
    means_of,
    on_one_scale,
    shared_scale,
    standardised,
    usage,
)


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


def used(*ranges: tuple[float, float], num_scores: int = 20) -> pl.DataFrame:
    """Describe raters a, b ... by their lowest and highest score."""
    rows = [
        {
            "rater": name,
            "aspect": "overall",
            "num_scores": num_scores,
            "lowest": low,
            "highest": high,
        }
        for name, (low, high) in zip("abcdef", ranges, strict=False)
    ]
    return pl.DataFrame(rows)


def test_raters_of_one_scale_may_use_parts_of_it() -> None:
    """All of 1 to 5, its upper half, and one who says 4 to everything."""
    assert on_one_scale(used((1, 5), (3, 5), (4, 4)))


@pytest.mark.parametrize("other", [(0, 1), (-8, 8), (5, 9)])
def test_raters_of_other_scales_are_told_apart(other: tuple[float, float]) -> None:
    """A verifier's 0 and 1, a reward model's 16 points, and a scale that begins where one ends."""
    assert not on_one_scale(used((1, 5), other))


def test_few_scores_say_nothing_of_a_scale() -> None:
    """Nineteen scores may happen to lie close together."""
    assert on_one_scale(used((1, 5), (0, 1), num_scores=19))


def test_standard_scores_are_each_raters_own() -> None:
    """Scores 1 and 3 have mean 2 and deviation 1; one who is always at 7 says nothing."""
    ratings = pl.DataFrame({"rater": ["a", "a", "b", "a"], "score": [1.0, 3.0, 7.0, None]})
    found = standardised(ratings, means_of(ratings))
    assert found["score"].to_list() == [-1.0, 1.0, 0.0, None]
