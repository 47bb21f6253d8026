"""P(correct): how far ratings and comparisons support one answer against another.

Log-odds of independent judgements add up; the sum over both kinds, put through `calibrated` and a
sigmoid, is the probability that the answer is truly better.
"""

from dataclasses import asdict, dataclass

import numpy as np
import polars as pl

from rather.stages.calibrate import quadrature
from rather.stages.calibrate.factor import MIN_ITEMS
from rather.stages.calibrate.length_slopes import length_difference
from rather.stages.calibrate.quadrature import Floats
from rather.stages.calibrate.ratings_per_item import votes as as_votes

DECIMALS = 12  # what floats leave of a tie must not orient the pair
FARTHEST = 8.0  # sd; a normal tail beyond is below what a double can tell from 1


@dataclass(frozen=True)
class Evidence:
    """What turns judgements into odds, beside the raters themselves.

    length_unit:   one standard deviation of log length within prompts
    length_worth:  what a longer answer is truly worth: standard deviations of quality difference
                   per unit of length difference
    tie:           weight of a tie among votes
    trust, length: by trusted pairs: calibrated log-odds = trust * log-odds + length * difference
    """

    length_unit: float = 1.0
    length_worth: float = 0.0
    tie: float = 0.0
    trust: float = 1.0
    length: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Give plain numbers, for JSON; `Evidence(**numbers)` is the way back."""
        return asdict(self)


UNCALIBRATED = Evidence()


def log_odds_of_scores(gap: pl.Expr, variance: pl.Expr) -> pl.Expr:
    """Log-odds that the true gap is above zero; null where its variance is unknown.

    variance: of the gap, the sum of both scores' variances. logit(Phi(x)) is taken from Bowling et
    al. (2009), 1.5976 x + 0.07056 x^3, exact to 0.00014 of probability.
    """
    sure = gap.sign() * FARTHEST
    distance = pl.when(variance > 0).then(gap / variance.sqrt()).otherwise(sure)
    bounded = distance.clip(-FARTHEST, FARTHEST)
    odds = 1.5976 * bounded + 0.07056 * bounded**3
    return pl.when(variance.is_not_null()).then(odds)


def calibrated(
    log_odds: pl.Expr, low_tokens: pl.Expr, high_tokens: pl.Expr, evidence: Evidence = UNCALIBRATED
) -> pl.Expr:
    """Correct log-odds for low against high by what trusted pairs taught."""
    difference = length_difference(low_tokens, high_tokens, evidence.length_unit)
    return evidence.trust * log_odds + evidence.length * difference


def log_odds_of_comparisons(
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    raters: pl.DataFrame,
    evidence: Evidence = UNCALIBRATED,
) -> pl.DataFrame:
    """Give each unordered pair that was compared the log-odds that its low answer is better.

    low_id, high_id: the smaller and the larger response id
    log_odds:        null where no rater of known reliability compared them
    num_raters, num_low, num_high, num_ties: raters, votes for each answer, and ties
    """
    votes = as_votes(comparisons)
    pairs = _counted(votes)
    known = votes.join(_known(raters), on="rater", how="inner", maintain_order="left")
    told = known.select("low_id", "high_id").unique(maintain_order=True)
    if told.is_empty():
        return pairs.with_columns(log_odds=pl.lit(None, pl.Float64)).select(COLUMNS)
    found = pl.Series(_log_odds(known, told, features, evidence)).round(DECIMALS)
    odds = told.with_columns(log_odds=found)
    return pairs.join(odds, on=["low_id", "high_id"], how="left", maintain_order="left").select(
        COLUMNS
    )


NUMBERS = ("reliability", "length_slope", "position_bias")
COLUMNS = ("low_id", "high_id", "log_odds", "num_raters", "num_low", "num_high", "num_ties")


def _counted(votes: pl.DataFrame) -> pl.DataFrame:
    """Count the votes on each pair."""
    vote = pl.col("vote")
    return votes.group_by("low_id", "high_id", maintain_order=True).agg(
        num_raters=pl.col("rater").n_unique().cast(pl.Int64),
        num_low=(vote > 0).sum().cast(pl.Int64),
        num_high=(vote < 0).sum().cast(pl.Int64),
        num_ties=(vote == 0).sum().cast(pl.Int64),
    )


def _known(raters: pl.DataFrame) -> pl.DataFrame:
    """Give raters of comparisons of known reliability; those of equal numbers share a code."""
    compare = (pl.col("kind") == "compare") & pl.col("reliability").is_not_null()
    own = pl.col("num_items") >= MIN_ITEMS
    numbered = raters.filter(compare).select(
        "rater",
        "reliability",
        pl.col("length_slope").fill_null(0.0),
        pl.when(own).then("position_bias").otherwise(None).fill_null(0.5).alias("position_bias"),
    )
    kinds = numbered.select(NUMBERS).unique().sort(NUMBERS).with_row_index("code")
    return numbered.join(kinds, on=NUMBERS).select("rater", pl.col("code").cast(pl.Int64), *NUMBERS)


def _log_odds(
    votes: pl.DataFrame, pairs: pl.DataFrame, features: pl.DataFrame, evidence: Evidence
) -> Floats:
    """Sum out the true difference of each pair; who is worse than chance is not listened to."""
    length = quadrature.pair_lengths(pairs, features, evidence.length_unit)
    code = votes["code"].rank("dense").cast(pl.Int64).to_numpy() - 1
    numbered = quadrature.vote_arrays(votes, code, length)
    kinds = votes.select("code", *NUMBERS).unique("code").sort("code")
    reliability, slope, share = (kinds[name].to_numpy() for name in NUMBERS)
    steepness = np.maximum(quadrature.steepness_of(reliability), 0.0)
    bias = quadrature.bias_of(np.clip(share, 0.005, 0.995), reliability)
    logit = quadrature.logits(steepness, slope + steepness * evidence.length_worth, bias)
    blocks = quadrature.blocks(numbered, len(logit))
    told = [quadrature.log_likelihoods(block, logit, steepness, evidence.tie) for block in blocks]
    return quadrature.log_odds(np.concatenate(told), evidence.length_worth * length)
