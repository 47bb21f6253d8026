"""Ten raters of known accuracy, an adversary and four who favour length among them.

World: tests/worlds.py, seed 0, 20,000 prompts of 4 answers; each judged by 3 to 5 of the 10.
"""

from dataclasses import dataclass
from functools import cache

import numpy as np
import polars as pl
import pytest

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.calibrate.calibrate import Calibration, Options, in_memory, learn_from_trusted
from rather.stages.calibrate.rating_evidence import calibrated
from rather.stages.calibrate.trusted import expected_calibration_error, with_odds
from tests.worlds import World, crowd

NUM_PROMPTS = 20_000
NUM_TRUSTED = 100
ADJUDICATOR = "adjudicator"
WORLDS = [("scores", 0.0), ("comparisons", 0.0), ("scores", 0.5), ("comparisons", 0.5)]


@dataclass(frozen=True)
class Judged:
    """A world, what calibration says of its raters, and each pair's odds and majority.

    pairs: low_id, high_id, truth (low is better), log_odds, majority (-1 to 1: mean vote for low)
    """

    world: World
    calibration: Calibration
    pairs: pl.DataFrame


@cache
def judged(kind: str, true_length: float) -> Judged:
    """Calibrate a world on all but its trusted pairs, and learn from those."""
    world = crowd(NUM_PROMPTS, kind=kind, true_length=true_length)
    found, scores = in_memory(world.ratings, world.comparisons, world.features, Options())
    pairs = true_pairs(world)
    others = (scores, world.comparisons, world.features)
    learned = learn_from_trusted(
        (Ratings.create_empty(), adjudicated(pairs)), *others, found
    ).evidence
    odds = with_odds(pairs, *others, found.raters, found.evidence)
    tokens = world.features.select("response_id", "num_tokens")
    corrected = (
        odds.join(
            tokens.rename({"num_tokens": "low_tokens"}), left_on="low_id", right_on="response_id"
        )
        .join(
            tokens.rename({"num_tokens": "high_tokens"}), left_on="high_id", right_on="response_id"
        )
        .with_columns(
            log_odds=calibrated(
                pl.col("log_odds"), pl.col("low_tokens"), pl.col("high_tokens"), learned
            )
        )
    )
    voted = corrected.join(majority(world), on=["low_id", "high_id"]).sort("low_id", "high_id")
    return Judged(world, found, voted)


def true_pairs(world: World) -> pl.DataFrame:
    """Return all pairs of a prompt's answers, and whether the low one is truly better."""
    sides = world.gold.join(world.gold, on="prompt_id", suffix="_high")
    return sides.filter(pl.col("response_id") < pl.col("response_id_high")).select(
        "prompt_id",
        low_id="response_id",
        high_id="response_id_high",
        truth=pl.col("quality") > pl.col("quality_high"),
    )


def adjudicated(pairs: pl.DataFrame) -> pl.DataFrame:
    """Have an adjudicator, who is always right, judge a hundred pairs."""
    some = pairs.sort("low_id", "high_id").sample(NUM_TRUSTED, seed=0)
    rows = some.select(
        "prompt_id",
        first_id="low_id",
        second_id="high_id",
        rater=pl.lit(ADJUDICATOR),
        aspect=pl.lit("overall"),
        preference=pl.when("truth").then(1.0).otherwise(-1.0),
    )
    return pl.concat([Comparisons.create_empty(), rows], how="diagonal")


def majority(world: World) -> pl.DataFrame:
    """Compute the mean vote of each pair's raters; scores vote for the higher answer."""
    one, rated = (
        world.comparisons,
        world.ratings.select("response_id", "prompt_id", "rater", "score"),
    )
    if not one.is_empty():
        low = pl.col("first_id") < pl.col("second_id")
        votes = one.select(
            low_id=pl.min_horizontal("first_id", "second_id"),
            high_id=pl.max_horizontal("first_id", "second_id"),
            vote=pl.when(low).then("preference").otherwise(-pl.col("preference")),
        )
    else:
        sides = rated.join(rated, on=["prompt_id", "rater"], suffix="_high")
        votes = sides.filter(pl.col("response_id") < pl.col("response_id_high")).select(
            low_id="response_id",
            high_id="response_id_high",
            vote=(pl.col("score") - pl.col("score_high")).sign(),
        )
    return votes.group_by("low_id", "high_id").agg(majority=pl.col("vote").mean())


def accuracy(found: Judged, by: str, share: float) -> float:
    """Compute the accuracy among this share of the pairs, the most certain ones.

    A tie is right half of the time; pairs it is equally sure of are taken in the order of ids.
    """
    said, truth = found.pairs[by].to_numpy(), found.pairs["truth"].to_numpy()
    surest = np.argsort(-np.abs(said), kind="stable")[: round(share * len(said))]
    right = np.where(said[surest] == 0, 0.5, (said[surest] > 0) == truth[surest])
    return float(right.mean())


@pytest.mark.parametrize(("kind", "true_length"), WORLDS)
def test_reliabilities_are_recovered(kind: str, true_length: float) -> None:
    """Estimated reliability and planted accuracy correlate above .99; the adversary is seen."""
    found = judged(kind, true_length)
    both = found.calibration.raters.join(found.world.raters, on="rater")
    assert np.corrcoef(both["reliability"], both["accuracy"])[0, 1] >= 0.99
    assert both.filter(pl.col("accuracy") < 0.5)["reliability"].item() == pytest.approx(
        0.2, abs=0.03
    )


@pytest.mark.parametrize(("kind", "true_length"), WORLDS)
def test_who_favours_length_is_found(kind: str, true_length: float) -> None:
    """The four with a liking for length have slopes above the six without, worth taken out."""
    found = judged(kind, true_length)
    both = found.calibration.raters.join(found.world.raters, on="rater")
    liking = both.filter(pl.col("length_liking") > 0)["length_slope"]
    assert liking.min() > 0.2
    assert both.filter(pl.col("length_liking") == 0)["length_slope"].abs().max() < 0.1


@pytest.mark.parametrize(("kind", "true_length"), WORLDS)
@pytest.mark.parametrize("share", [0.25, 0.5, 1.0])
def test_labels_beat_the_majority(kind: str, true_length: float, share: float) -> None:
    """Kept pairs are right at least .03 more often than as many of the majority's surest."""
    found = judged(kind, true_length)
    assert accuracy(found, "log_odds", share) >= accuracy(found, "majority", share) + 0.03


@pytest.mark.parametrize(("kind", "true_length"), WORLDS)
def test_p_correct_is_calibrated(kind: str, true_length: float) -> None:
    """With 100 trusted pairs, p_correct is within .05 of the share that is right, by tenths."""
    found = judged(kind, true_length)
    odds, truth = found.pairs["log_odds"].to_numpy(), found.pairs["truth"].to_numpy()
    stated = 1 / (1 + np.exp(-np.abs(odds)))
    assert expected_calibration_error(stated, ((odds > 0) == truth).astype(np.float64)) <= 0.05
