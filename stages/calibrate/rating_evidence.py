"""P(correct): the probability that the preferred answer is better, given all judgements.

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
    """The numbers that turn judgements into odds, apart from the raters' own.

    length_unit:   one standard deviation of log length within prompts
    length_worth:  true effect of length: standard deviations of quality difference per unit of
                   length difference
    tie:           weight of a tie among votes
    trust, length: by trusted pairs: calibrated log-odds = trust * log-odds + length * difference
    """

    length_unit: float = 1.0
    length_worth: float = 0.0
    tie: float = 0.0
    trust: float = 1.0
    length: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Return plain numbers for JSON; `Evidence(**numbers)` reads them."""
        return asdict(self)


UNCALIBRATED = Evidence()


def log_odds_of_scores(gap: pl.Expr, variance: pl.Expr) -> pl.Expr:
    """Compute the log-odds that the true gap is above zero; null where its variance is unknown.

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
    """Apply the trusted pairs' correction to log-odds for low against high."""
    difference = length_difference(low_tokens, high_tokens, evidence.length_unit)
    return evidence.trust * log_odds + evidence.length * difference


def log_odds_of_comparisons(
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    raters: pl.DataFrame,
    evidence: Evidence = UNCALIBRATED,
) -> pl.DataFrame:
    """Compute for each compared pair the log-odds that its low answer is better.

    low_id, high_id: the smaller and the larger response id
    log_odds:        null where no rater of known reliability compared them
    num_raters, num_low, num_high, num_ties: raters, votes for each answer, and ties
    """
    votes = as_votes(comparisons)
    pairs = _counted(votes)
    known = votes.join(_known(raters), on="rater", how="inner", maintain_order="left")
    judged = known.select("low_id", "high_id").unique(maintain_order=True)
    if judged.is_empty():
        return pairs.with_columns(log_odds=pl.lit(None, pl.Float64)).select(COLUMNS)
    log_odds = pl.Series(_log_odds(known, judged, features, evidence)).round(DECIMALS)
    odds = judged.with_columns(log_odds=log_odds)
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
    """Return the raters of known reliability; raters with equal parameters share a code."""
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
    """Integrate out each pair's true difference; raters worse than chance are ignored."""
    length = quadrature.pair_lengths(pairs, features, evidence.length_unit)
    code = votes["code"].rank("dense").cast(pl.Int64).to_numpy() - 1
    numbered = quadrature.vote_arrays(votes, code, length)
    kinds = votes.select("code", *NUMBERS).unique("code").sort("code")
    reliability, slope, share = (kinds[name].to_numpy() for name in NUMBERS)
    steepness = np.maximum(quadrature.steepness_of(reliability), 0.0)
    bias = quadrature.bias_of(np.clip(share, 0.005, 0.995), reliability)
    logit = quadrature.logits(steepness, slope + steepness * evidence.length_worth, bias)
    blocks = quadrature.blocks(numbered, len(logit))
    likelihoods = [
        quadrature.log_likelihoods(block, logit, steepness, evidence.tie) for block in blocks
    ]
    return quadrature.log_odds(np.concatenate(likelihoods), evidence.length_worth * length)
