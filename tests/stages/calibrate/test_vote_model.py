"""What comparisons tell of raters."""

import numpy as np
import polars as pl
import pytest

from rather.stages.calibrate import quadrature
from rather.stages.calibrate.ratings_per_item import votes as as_votes
from rather.stages.calibrate.vote_model import Voters, fit
from tests.worlds import crowd


def fitted(frame: pl.DataFrame) -> Voters:
    """Fit votes on pairs of equal length."""
    pairs = frame.select("low_id", "high_id").n_unique()
    return fit(frame, np.zeros(pairs))


def votes(*rows: tuple[int, str, float]) -> pl.DataFrame:
    """Make votes of (pair, rater, vote)."""
    return pl.DataFrame(
        [
            {"low_id": f"{pair:04}a", "high_id": f"{pair:04}b", "rater": r, "vote": v, "shown": 1.0}
            for pair, r, v in rows
        ],
        schema={
            "low_id": pl.String,
            "high_id": pl.String,
            "rater": pl.String,
            "vote": pl.Float64,
            "shown": pl.Float64,
        },
    ).sort("low_id", "rater")


def test_who_agrees_with_the_others_is_reliable() -> None:
    """Of three, two always agree and the third flips a coin: .9 and more, and about .5."""
    rows = [
        (pair, rater, vote)
        for pair in range(400)
        for rater, vote in (
            ("r", (-1.0) ** pair),
            ("s", (-1.0) ** pair),
            ("t", (-1.0) ** (pair // 2)),
        )
    ]
    found = fitted(votes(*rows))
    assert quadrature.reliabilities(found.steepness) == pytest.approx([0.95, 0.95, 0.5], abs=0.05)


def test_of_two_who_disagree_neither_is_right() -> None:
    """Opposite votes, though one calls a third of the pairs a tie, leave both at chance."""
    rows = [
        (pair, r, v * (-1.0) ** pair) for pair in range(100) for r, v in (("r", 1.0), ("s", -1.0))
    ]
    assert quadrature.reliabilities(fitted(votes(*rows)).steepness) == pytest.approx(
        [0.5, 0.5], abs=1e-3
    )


def test_few_shared_pairs_are_not_enough() -> None:
    """Nineteen pairs that two raters share tell nothing; twenty do."""
    for num, known in ((19, False), (20, True)):
        rows = [(pair, rater, 1.0) for pair in range(num) for rater in "rs"]
        assert fitted(votes(*rows)).known.tolist() == [known, known]


def test_a_source_of_better_answers_first_has_no_position_bias() -> None:
    """Where every vote is for the first, the order shown is not told: no bias is made of it."""
    rows = [(pair, rater, 1.0) for pair in range(100) for rater in "rst"]
    assert fitted(votes(*rows)).bias.tolist() == [0.0, 0.0, 0.0]


def test_a_liking_for_the_first_shown_is_found() -> None:
    """A rater who takes the first in a third of the pairs regardless has a positive bias."""
    world = crowd(500, kind="comparisons")
    mixed = pl.col("first_id").str.slice(-1).is_in(list("01234"))
    drawn = (pl.col("rater") == "rater0") & mixed
    frame = as_votes(
        world.comparisons.with_columns(preference=pl.when(drawn).then(1.0).otherwise("preference"))
    )
    found = fitted(frame)
    assert found.bias[0] > 0.3
    assert abs(found.bias[2]) < 0.3


def test_the_bias_that_explains_a_share_is_found_again() -> None:
    """Odds k for the first and A for the better: the share is the mean of kA/(1+kA), k/(k+A)."""
    k, a = 2.0, 4.0
    share = (k * a / (1 + k * a) + k / (k + a)) / 2
    assert quadrature.bias_of(np.array([share]), np.array([0.8])) == pytest.approx([np.log(k)])


def test_reliability_and_discrimination_are_inverse() -> None:
    """A rater of this reliability has the discrimination that gives it back."""
    some = np.array([0.1, 0.5, 0.7, 0.97])
    assert quadrature.reliabilities(quadrature.steepness_of(some)) == pytest.approx(some, abs=1e-4)
