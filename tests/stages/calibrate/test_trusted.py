"""Odds made right by trusted pairs."""

import numpy as np
import polars as pl
import pytest

from rather.schemas.evidence import Features
from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.calibrate.rating_evidence import Evidence
from rather.stages.calibrate.trusted import expected_calibration_error, learn, trusted_pairs


def pairs(log_odds: list[float], low_better: list[bool]) -> pl.DataFrame:
    """Make trusted pairs with what others say of them."""
    ids = [f"{number:04}" for number in range(len(log_odds))]
    return pl.DataFrame(
        {
            "low_id": [f"{name}a" for name in ids],
            "high_id": [f"{name}b" for name in ids],
            "low_better": low_better,
            "log_odds": log_odds,
        }
    )


NO_FEATURES = Features.create_empty()


def test_odds_that_promise_too_much_are_trusted_less() -> None:
    """Odds of e^4 that are right in three of four pairs should be log 3: trust log(3) / 4 = .27.

    The prior at 1 holds back a little: four hundred pairs make that less than .02.
    """
    known = pairs([4.0, -4.0, 4.0, -4.0] * 100, [True, False, True, True] * 100)
    found = learn(known, NO_FEATURES, Evidence())
    assert found.evidence.trust == pytest.approx(np.log(3) / 4, abs=0.02)
    assert found.report["held_out"]["log_loss"] < found.report["before"]["log_loss"]


def test_odds_that_keep_their_promise_stay() -> None:
    """Odds of 3 that are right in three of four pairs are left exactly as they are."""
    odds = float(np.log(3))
    known = pairs([odds, -odds, odds, -odds] * 25, [True, False, True, True] * 25)
    assert learn(known, NO_FEATURES, Evidence()).evidence == Evidence()


def test_what_does_not_hold_on_held_out_pairs_is_not_adopted() -> None:
    """Every fifth pair is wrong, and they are held out together: who has not seen them is no wiser.

    Over all pairs odds of e^4 ask for a trust of about log(4) / 4 = .35. Held out, the wrong fifth
    costs 4.02 nats a pair as before, and the right ones .29 instead of .02.
    """
    known = pairs([4.0] * 100, [number % 5 != 0 for number in range(100)])
    found = learn(known, NO_FEATURES, Evidence())
    assert found.report["trust"] == pytest.approx(0.35, abs=0.02)
    assert not found.report["adopted"]
    assert found.evidence == Evidence()


def test_a_dozen_pairs_teach_nothing() -> None:
    """Below twenty pairs nothing is fitted, and the report says how many there were."""
    found = learn(pairs([4.0] * 12, [False] * 12), NO_FEATURES, Evidence())
    assert found.evidence == Evidence()
    assert found.report == {"num_pairs": 12, "at_least": 20}


def test_pairs_nobody_else_knows_are_left_out() -> None:
    """A pair without odds cannot test them."""
    known = pairs([1.0] * 30, [True] * 30).with_columns(log_odds=pl.lit(None, pl.Float64))
    assert learn(known, NO_FEATURES, Evidence()).report["num_pairs"] == 0


def test_trusted_scores_and_comparisons_become_pairs() -> None:
    """Of scores a 1, b 2, c 2: a-b and a-c tell; b-c ties. A comparison against a-b cancels it."""
    ratings = pl.DataFrame(
        [
            {"response_id": n, "rater": "t", "aspect": "overall", "prompt_id": "p", "score": s}
            for n, s in (("a", 1.0), ("b", 2.0), ("c", 2.0))
        ],
        schema=Ratings.create_empty().schema,
    )
    none = Comparisons.create_empty()
    assert trusted_pairs(ratings, none).rows() == [("a", "b", False), ("a", "c", False)]
    against = pl.DataFrame(
        [
            {
                "first_id": "b",
                "second_id": "a",
                "rater": "t",
                "aspect": "overall",
                "prompt_id": "p",
                "preference": -1.0,
            }
        ],
        schema=none.schema,
    )
    assert trusted_pairs(ratings, against).rows() == [("a", "c", False)]


def test_calibration_error_is_the_gap_in_each_bin() -> None:
    """Stated .6 and .9, right .5 and 1: gaps .1 and .1 over two bins of two."""
    stated, right = np.array([0.6, 0.6, 0.9, 0.9]), np.array([1.0, 0.0, 1.0, 1.0])
    assert expected_calibration_error(stated, right, bins=2) == pytest.approx(0.1)
