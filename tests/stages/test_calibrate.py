"""Bringing raters to one scale."""

import polars as pl
import pytest

from schemas.ratings import Ratings
from stages.calibrate import raters, scores


def ratings(*rows: tuple[str, str, float | None]) -> pl.DataFrame:
    """Make ratings of (response, rater, score), all of one prompt."""
    return pl.DataFrame(
        [
            {
                "response_id": response,
                "rater": rater,
                "prompt_id": "p",
                "score": score,
                "reason": "no_score" if score is None else None,
            }
            for response, rater, score in rows
        ],
        schema=Ratings.create_empty().schema,
    )


def calibrated(*rows: tuple[str, str, float | None]) -> dict[str, float]:
    """Give each response's calibrated score."""
    frame = ratings(*rows)
    return dict(scores(frame, raters(frame)).select("response_id", "score").iter_rows())


def test_a_rater_is_described_by_its_given_scores() -> None:
    """Of 1, 3 and a missing one: mean 2, population sd 1, and the missing one is counted apart."""
    found = raters(ratings(("a", "r", 1.0), ("b", "r", 3.0), ("c", "r", None)))
    assert found.rows() == [("r", 2, 1, 2.0, 1.0)]


def test_a_rater_without_a_score_has_no_scale() -> None:
    """A rater whose every score is missing has neither mean nor sd: null, not zero."""
    found = raters(ratings(("a", "r", None)))
    assert found.rows() == [("r", 0, 1, None, None)]


def test_scores_are_in_standard_deviations() -> None:
    """One rater's 1 and 3 have mean 2 and sd 1, so they become -1 and 1."""
    assert calibrated(("a", "r", 1.0), ("b", "r", 3.0)) == {"a": -1.0, "b": 1.0}


def test_a_rater_on_another_scale_weighs_the_same() -> None:
    """Scores 10 and 30 say what 1 and 3 say: the mean over both raters is again -1 and 1."""
    found = calibrated(("a", "r", 1.0), ("b", "r", 3.0), ("a", "s", 10.0), ("b", "s", 30.0))
    assert found == pytest.approx({"a": -1.0, "b": 1.0})


def test_the_mean_over_raters_is_scaled_to_unit_spread() -> None:
    """Two raters who disagree on two of four leave means 1, 0, 0, -1, whose sd is sqrt(1/2).

    Both raters' scores are +1 and -1 already; divided by sqrt(1/2) the means are +-sqrt(2).
    """
    found = calibrated(
        *(("a", "r", 1.0), ("b", "r", 1.0), ("c", "r", -1.0), ("d", "r", -1.0)),
        *(("a", "s", 1.0), ("b", "s", -1.0), ("c", "s", 1.0), ("d", "s", -1.0)),
    )
    assert found == pytest.approx({"a": 2**0.5, "b": 0.0, "c": 0.0, "d": -(2**0.5)})


def test_missing_is_not_low() -> None:
    """A missing score moves nothing: b rests on the other rater alone."""
    with_missing = calibrated(("a", "r", 1.0), ("b", "r", 3.0), ("b", "s", None))
    assert with_missing == {"a": -1.0, "b": 1.0}


def test_num_raters_counts_those_who_gave_a_score() -> None:
    """Of two raters of a response, one of whom gave no score, one counts."""
    frame = ratings(("a", "r", 1.0), ("a", "s", None), ("b", "s", 1.0))
    found = scores(frame, raters(frame))
    assert found.select("response_id", "num_raters").rows() == [("a", 1), ("b", 1)]


def test_an_unscored_response_has_no_row() -> None:
    """Where no rater gave a score there is no calibrated score, not a zero."""
    assert calibrated(("a", "r", 1.0), ("b", "r", None)).keys() == {"a"}


@pytest.mark.parametrize("score", [0.1, 0.7, 3.3, 5.0])
def test_a_rater_who_always_says_the_same_says_nothing(score: float) -> None:
    """All scores alike give exactly zero, whatever digits their floats end in."""
    found = calibrated(*((name, "r", score) for name in "abcdefg"))
    assert set(found.values()) == {0.0}


def test_a_constant_rater_does_not_lift_what_it_rated() -> None:
    """Beside a rater of everything, one who says 0.1 of three answers halves them, no more.

    r's scores are 1, 1, -1, -1 by design; s adds zero to a, b and c, so their means are 1/2, 1/2,
    -1/2 and d's is -1. Their mean is -1/8 and their sd sqrt((3 * 1/4 + 1) / 4 - 1/64) = sqrt(27)/8.
    """
    found = calibrated(
        *(("a", "r", 1.0), ("b", "r", 1.0), ("c", "r", -1.0), ("d", "r", -1.0)),
        *(("a", "s", 0.1), ("b", "s", 0.1), ("c", "s", 0.1)),
    )
    unit = 27**0.5 / 8
    assert found == pytest.approx(
        {"a": 0.5 / unit, "b": 0.5 / unit, "c": -0.5 / unit, "d": -1 / unit}
    )


def test_opposite_raters_leave_a_tie_not_noise() -> None:
    """Two raters who contradict each other on everything cancel out to exactly zero.

    In floats the standardised 1, 2, 3 and 0.3, 0.2, 0.1 do not cancel to the last digit; scaled to
    unit spread, what is left over would be a margin of two standard deviations.
    """
    found = calibrated(
        *(("a", "r", 1.0), ("b", "r", 2.0), ("c", "r", 3.0)),
        *(("a", "s", 0.3), ("b", "s", 0.2), ("c", "s", 0.1)),
    )
    assert set(found.values()) == {0.0}


def test_standardising_is_over_prompts_not_within() -> None:
    """A prompt whose answers differ little keeps its small margin.

    Scores 0, 10 on one prompt and 5, 5 on another: mean 5, sd sqrt(50 / 4); standardised within a
    prompt the second would have no scale at all, and a 5, 6 would weigh as much as 0, 10.
    """
    rows = {"a": ("p", 0.0), "b": ("p", 10.0), "c": ("q", 5.0), "d": ("q", 6.0)}
    frame = pl.DataFrame(
        [
            {"response_id": name, "rater": "r", "prompt_id": prompt, "score": score}
            for name, (prompt, score) in rows.items()
        ],
        schema=Ratings.create_empty().schema,
    )
    found = dict(scores(frame, raters(frame)).select("response_id", "score").iter_rows())
    assert found["b"] - found["a"] == pytest.approx(10 * (found["d"] - found["c"]))


def test_no_ratings_give_empty_tables() -> None:
    """A source of prompts alone is not an error here."""
    empty = Ratings.create_empty()
    assert scores(empty, raters(empty)).height == raters(empty).height == 0
