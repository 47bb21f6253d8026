"""How far judgements support one answer against another."""

import math

import polars as pl
import pytest

from rather.schemas.evidence import Features, Raters
from rather.schemas.judgements import Comparisons
from rather.stages.calibrate.rating_evidence import (
    Evidence,
    calibrated,
    log_odds_of_comparisons,
    log_odds_of_scores,
)


def comparisons(*rows: tuple[str, str, str, float | None]) -> pl.DataFrame:
    """Make comparisons of (first, second, rater, preference)."""
    return pl.DataFrame(
        [
            {
                "first_id": first,
                "second_id": second,
                "rater": rater,
                "aspect": "overall",
                "prompt_id": "p",
                "preference": preference,
            }
            for first, second, rater, preference in rows
        ],
        schema=Comparisons.create_empty().schema,
    )


def raters(**reliability: float | None) -> pl.DataFrame:
    """Make raters of known reliability and no bias."""
    return pl.DataFrame(
        [
            {"rater": name, "kind": "compare", "reliability": value, "num_items": 100}
            for name, value in reliability.items()
        ],
        schema=Raters.create_empty().schema,
    )


def features(**tokens: int) -> pl.DataFrame:
    """Make features of answers of these lengths."""
    rows = [{"response_id": name, "num_tokens": num} for name, num in tokens.items()]
    return pl.DataFrame(rows, schema=Features.create_empty().schema)


EQUAL = features(a=10, b=10)


def odds(votes: pl.DataFrame, known: pl.DataFrame, lengths: pl.DataFrame = EQUAL) -> float | None:
    """Return the log-odds of the only compared pair."""
    value: float | None = log_odds_of_comparisons(votes, lengths, known)["log_odds"].item()
    return value


def test_one_vote_is_worth_its_rater() -> None:
    """A rater right in 80% gives odds of 4 to 1."""
    found = odds(comparisons(("a", "b", "r", 1.0)), raters(r=0.8))
    assert found == pytest.approx(math.log(4), abs=1e-3)


def test_the_vote_belongs_to_the_answer_not_to_the_slot() -> None:
    """Raters who saw opposite orders and agree on the answer add up; the sign is low_id's."""
    votes = comparisons(("a", "b", "r", -1.0), ("b", "a", "s", 1.0))
    found = log_odds_of_comparisons(votes, EQUAL, raters(r=0.8, s=0.8))
    assert found["log_odds"].item() < -math.log(4)
    assert found.select("low_id", "high_id", "num_low", "num_high").row(0) == ("a", "b", 0, 2)


def test_equal_and_opposite_votes_leave_exactly_nothing() -> None:
    """Two raters of one reliability who contradict each other make a tie, to the last digit."""
    votes = comparisons(("a", "b", "r", 1.0), ("a", "b", "s", -1.0))
    assert odds(votes, raters(r=0.83, s=0.83)) == 0.0


def test_a_tie_leaves_exactly_nothing() -> None:
    """A tie says that neither is better, and is counted."""
    found = log_odds_of_comparisons(comparisons(("a", "b", "r", 0.0)), EQUAL, raters(r=0.9))
    assert found.select("log_odds", "num_ties", "num_raters").row(0) == (0.0, 1, 1)


def test_a_slight_preference_weighs_less() -> None:
    """Half a preference says less than a whole one, and more than none."""
    half = odds(comparisons(("a", "b", "r", 0.5)), raters(r=0.8))
    assert half is not None
    assert 0 < half < math.log(4) / 1.5


def test_unknown_reliability_is_unknown_odds() -> None:
    """Where nobody of known reliability compared a pair, its odds are null, not even."""
    found = log_odds_of_comparisons(
        comparisons(("a", "b", "r", 1.0), ("a", "b", "x", 1.0)), EQUAL, raters(r=None)
    )
    assert found.select("log_odds", "num_raters").row(0) == (None, 2)


def test_who_is_worse_than_chance_is_not_listened_to() -> None:
    """An adversary's vote is not turned round: it counts for nothing."""
    assert odds(comparisons(("a", "b", "r", 1.0)), raters(r=0.2)) == 0.0


def test_a_liking_for_length_is_taken_out() -> None:
    """A vote for the longer answer by one who likes length says less than one for the shorter."""
    long = features(a=100, b=10)
    known = raters(r=0.8).with_columns(length_slope=pl.lit(2.0))
    longer = odds(comparisons(("a", "b", "r", 1.0)), known, long)
    shorter = odds(comparisons(("a", "b", "r", -1.0)), known, long)
    assert longer is not None
    assert shorter is not None
    assert 0 < longer < math.log(4) < -shorter


def test_a_liking_for_the_first_shown_is_taken_out() -> None:
    """A vote for the answer shown first says less where a rater takes the first in 80%."""
    known = raters(r=0.7).with_columns(position_bias=pl.lit(0.8))
    first = odds(comparisons(("a", "b", "r", 1.0)), known)
    second = odds(comparisons(("b", "a", "r", -1.0)), known)
    assert first is not None
    assert second is not None
    assert 0 < first < second


def test_missing_votes_are_no_votes() -> None:
    """A preference that could not be had makes no row."""
    assert log_odds_of_comparisons(comparisons(("a", "b", "r", None)), EQUAL, raters()).height == 0


@pytest.mark.parametrize(
    ("gap", "variance", "p"), [(0.0, 1.0, 0.5), (1.0, 1.0, 0.8413), (2.0, 4.0, 0.8413)]
)
def test_scores_give_normal_odds(gap: float, variance: float, p: float) -> None:
    """One standard deviation apart, the better is better with probability Phi(1) = .8413."""
    row = pl.DataFrame({"gap": [gap], "variance": [variance]})
    found = row.select(log_odds_of_scores(pl.col("gap"), pl.col("variance"))).item()
    assert 1 / (1 + math.exp(-found)) == pytest.approx(p, abs=2e-4)


def test_scores_of_unknown_variance_give_no_odds() -> None:
    """Null stays null; no variance at all is as sure as can be, and no gap is even."""
    rows = pl.DataFrame({"gap": [1.0, 1.0, 0.0], "variance": [None, 0.0, 0.0]})
    found = rows.select(o=log_odds_of_scores(pl.col("gap"), pl.col("variance")))["o"].to_list()
    assert found[0] is None
    assert found[1] > 40
    assert found[2] == 0.0


def test_trusted_pairs_correct_trust_and_length() -> None:
    """Odds 2 at trust .5, and a length difference of one standard deviation worth .3 less: .7."""
    evidence = Evidence(length_unit=math.log(10), trust=0.5, length=-0.3)
    row = pl.DataFrame({"o": [2.0], "low": [99], "high": [9]})
    found = row.select(calibrated(pl.col("o"), pl.col("low"), pl.col("high"), evidence)).item()
    assert found == pytest.approx(0.7)


def test_evidence_survives_json() -> None:
    """Numbers out and in again are the same evidence."""
    evidence = Evidence(0.5, 0.1, 0.2, 0.9, -0.1)
    assert Evidence(**evidence.to_dict()) == evidence
