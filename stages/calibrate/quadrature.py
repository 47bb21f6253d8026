"""Likelihood of votes on a pair, integrated over the true quality difference on a grid.

A rater votes for low, for high or for neither in the proportion exp(z / 2) : exp(-z / 2) : t, where
z = b d + l x + c s: d is the true difference of quality at equal length, standard normal; x the
difference of lengths; s the side low was shown on. b is the rater's discrimination, l its length
slope, c its position bias; t, the weight of a tie, is common to all. In each d this is the model of
Bradley and Terry with ties (Davidson 1970) and rater reliability (Chen et al. 2013); with d summed
out, it is the two-parameter model of item response theory (Bock and Aitkin 1981).
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.stages.calibrate.length_slopes import FARTHEST, length_difference

Floats = NDArray[np.float64]
Codes = NDArray[np.int64]

STEP = 0.4
NODES: Floats = np.arange(-3.0, 3.1, STEP, dtype=np.float64)  # none at zero: no pair is truly a tie
PRIOR: Floats = np.exp(-(NODES**2) / 2) / np.exp(-(NODES**2) / 2).sum()
LENGTHS: Floats = np.linspace(-FARTHEST, FARTHEST, 31)
SIDES: Floats = np.array([-1.0, 1.0])
CHUNK = 100_000
STEEPEST = 20.0


@dataclass(frozen=True)
class Votes:
    """Votes of known raters on pairs, sorted by pair.

    pair:   row of the pair, 0 ... num_pairs - 1, every one of them present
    rater:  number of the rater
    cell:   number of (rater, side, length), rows of a table of likelihoods
    vote:   1 for low, -1 for high, 0 a tie, between them a graded preference
    """

    pair: Codes
    rater: Codes
    cell: Codes
    vote: Floats
    num_pairs: int


def sigmoid(logit: Floats) -> Floats:
    """Compute the logistic function without overflow."""
    return 0.5 * (1 + np.tanh(logit / 2))


def cells(rater: Codes, shown: Floats, length: Floats) -> Codes:
    """Compute each vote's cell; lengths are rounded to fifths of a standard deviation."""
    side = (shown > 0).astype(np.int64)
    width = np.rint((length / FARTHEST + 1) * (len(LENGTHS) - 1) / 2).astype(np.int64)
    return (rater * len(SIDES) + side) * len(LENGTHS) + width


def vote_arrays(votes: pl.DataFrame, rater: Codes, lengths: Floats) -> Votes:
    """Convert votes, sorted by pair, to arrays; `lengths` has one difference per distinct pair."""
    row = pl.struct("low_id", "high_id").rle_id().cast(pl.Int64)
    pair = votes.select(row).to_series().to_numpy()
    cell = cells(rater, votes["shown"].to_numpy(), lengths[pair])
    return Votes(pair, rater, cell, votes["vote"].to_numpy(), len(lengths))


def logits(steepness: Floats, slopes: Floats, bias: Floats) -> Floats:
    """Compute the logit of a vote for low, (cells, nodes), from each rater's b, l and c."""
    difference = steepness[:, None, None, None] * NODES
    length = slopes[:, None, None, None] * LENGTHS[:, None]
    side = bias[:, None, None, None] * SIDES[:, None, None]
    return (difference + length + side).reshape(-1, len(NODES))


def blocks(votes: Votes, num_cells: int) -> list[tuple[Any, Any]]:
    """Build sparse matrices (pairs, cells) of counts and vote sums, in blocks of pairs."""
    from scipy.sparse import csr_array

    place, shape = (votes.pair, votes.cell), (votes.num_pairs, num_cells)
    seen = csr_array((np.ones(len(votes.cell)), place), shape=shape)
    chose = csr_array((votes.vote, place), shape=shape)
    starts = range(0, votes.num_pairs, CHUNK)
    return [(seen[first : first + CHUNK], chose[first : first + CHUNK]) for first in starts]


def log_likelihoods(block: tuple[Any, Any], logit: Floats, steepness: Floats, tie: float) -> Floats:
    """Compute each pair's log-likelihood at each node, (pairs, nodes), up to a constant per pair.

    A vote v adds v z / 2 - log(exp(z / 2) + exp(-z / 2) + t), for graded ones too, and of z only
    b d depends on the node.
    """
    seen, chose = block
    leaning = chose @ np.repeat(steepness / 2, len(SIDES) * len(LENGTHS))
    whole = np.log(2 * np.cosh(logit / 2) + tie)
    total: Floats = leaning[:, None] * NODES - seen @ whole
    return total


def log_odds(log_likelihood: Floats, shift: Floats) -> Floats:
    """Compute the log-odds that low is better, if the true difference is d + shift."""
    relative = np.exp(log_likelihood - log_likelihood.max(axis=1, keepdims=True)) * PRIOR
    better = np.clip((NODES + shift[:, None]) / STEP + 0.5, 0.0, 1.0)
    tiny = np.finfo(np.float64).tiny
    ahead, behind = (relative * better).sum(axis=1), (relative * (1 - better)).sum(axis=1)
    odds: Floats = np.log(np.maximum(ahead, tiny)) - np.log(np.maximum(behind, tiny))
    return odds


def reliabilities(steepness: Floats) -> Floats:
    """Compute the chance that a vote at equal length is right, for each discrimination."""
    right: Floats = (sigmoid(steepness[:, None] * np.abs(NODES)) * PRIOR).sum(axis=1)
    return right


def steepness_of(reliability: Floats) -> Floats:
    """Compute the discrimination of a reliability; the inverse of `reliabilities`."""
    steps = np.sinh(np.linspace(-1, 1, 801) * np.arcsinh(STEEPEST))
    steepness: Floats = np.interp(reliability, reliabilities(steps), steps)
    return steepness


def bias_of(share_first: Floats, reliability: Floats) -> Floats:
    """Compute the logit of the position bias from the share of votes for the answer shown first.

    With odds A of being right, the share is the mean of kA / (1 + kA) and k / (k + A), a quadratic
    equation in the odds k.
    """
    odds = np.clip(reliability, 0.005, 0.995)
    odds = odds / (1 - odds)
    linear = (1 + odds**2) * (1 - 2 * share_first)
    root = np.sqrt(linear**2 + 16 * odds**2 * share_first * (1 - share_first))
    result: Floats = np.log((root - linear) / (4 * odds * (1 - share_first)))
    return result


def pair_lengths(pairs: pl.DataFrame, features: pl.DataFrame, unit: float) -> Floats:
    """Compute low_id's log length minus high_id's, in standard deviations."""
    tokens = features.select("response_id", "num_tokens")
    low = tokens.rename({"response_id": "low_id", "num_tokens": "low_tokens"})
    high = tokens.rename({"response_id": "high_id", "num_tokens": "high_tokens"})
    joined = (
        pairs.select("low_id", "high_id")
        .join(low, on="low_id", how="left", maintain_order="left")
        .join(high, on="high_id", how="left", maintain_order="left")
    )
    gap = length_difference(pl.col("low_tokens"), pl.col("high_tokens"), unit)
    lengths: Floats = joined.select(gap.fill_null(0.0)).to_series().to_numpy()
    return lengths
