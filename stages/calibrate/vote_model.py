"""Reliability, length slope and position bias of raters, fitted to their comparisons.

The model is that of `quadrature`, fitted by expectation-maximisation with weak priors: b_r near
the raters' mean, slopes and position biases near zero. Truth is the sign of d + worth * x;
as with scores, the default worth of length is the median rater's.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.stages.calibrate import quadrature
from rather.stages.calibrate.factor import MIN_ITEMS, median_worth
from rather.stages.calibrate.quadrature import LENGTHS, NODES, SIDES, STEEPEST, Codes, Floats, Votes

MOST_PAIRS = 20_000  # enough for a first fit; the last rounds take all
FIRST_ROUNDS = 60
LAST_ROUNDS = 4
TOLERANCE = 1e-4

State = tuple[Floats, float]  # each rater's b, slope and bias, (3, raters), and the weight of a tie


@dataclass(frozen=True)
class Voters:
    """The fitted model; arrays over `names`.

    steepness: b;  slope: of length, worth included;  bias: for the side shown first
    num_items: pairs that another rater judged too;  known: whether reliability rests on such
    worth:     true effect of a unit of length difference, in sd of the true difference
    tie:       weight of a tie
    """

    names: list[str]
    steepness: Floats
    slope: Floats
    bias: Floats
    num_items: Floats
    known: NDArray[np.bool_]
    worth: float
    tie: float


def fit(votes: pl.DataFrame, lengths: Floats, worth: float | None = None) -> Voters:
    """Fit the model to votes, as `ratings_per_item.votes` returns them.

    Raters with too few shared items are pooled into one.

    lengths: low's length minus high's, one for each distinct pair, in order
    """
    names = votes["rater"].unique().sort().to_list()
    code = votes.select(pl.col("rater").cast(pl.Enum(names)).to_physical().cast(pl.Int64))
    rater, size = code.to_series().to_numpy(), len(names)
    pair = quadrature.vote_arrays(votes, rater, lengths).pair
    together, num_items = _shared(pair, rater, len(lengths), size)
    own = num_items >= MIN_ITEMS
    member = np.where(own, np.cumsum(own) - 1, own.sum())
    numbered = quadrature.vote_arrays(votes, member[rater], lengths)
    groups = int(own.sum()) + 1
    ordered = _tells_order(votes, member[rater], groups)
    fitted = _estimated(_subset(numbered, together), ordered, groups)
    steepness, slope, bias = fitted[0]
    valued = median_worth(steepness[:-1], slope[:-1]) if worth is None else worth
    return Voters(
        names=names,
        steepness=steepness[member],
        slope=np.where(own, slope[member], steepness[member] * valued),
        bias=bias[member],
        num_items=num_items,
        known=(num_items > 0) & (num_items.sum() / 2 >= MIN_ITEMS),
        worth=valued,
        tie=fitted[1],
    )


def _estimated(votes: Votes, ordered: NDArray[np.bool_], groups: int) -> State:
    """Fit a sample of the pairs to convergence, then all pairs for a few rounds."""
    start = np.full((3, groups), [[1.5], [0.0], [0.0]])
    some = np.arange(votes.num_pairs) % -(-max(votes.num_pairs, 1) // MOST_PAIRS) == 0
    state = _rounds(_subset(votes, some[votes.pair]), (start, 0.1), ordered, FIRST_ROUNDS)
    return state if some.all() else _rounds(votes, state, ordered, LAST_ROUNDS)


def _shared(
    pair: Codes, rater: Codes, num_pairs: int, size: int
) -> tuple[NDArray[np.bool_], Floats]:
    """Mark votes on pairs that several raters judged, and count such pairs per rater."""
    fresh = np.diff(pair * size + rater, prepend=-1) != 0
    raters = np.bincount(pair, fresh, num_pairs)
    together = raters[pair] > 1
    return together, np.bincount(rater[fresh & together], minlength=size).astype(np.float64)


def _tells_order(votes: pl.DataFrame, rater: Codes, size: int) -> NDArray[np.bool_]:
    """Find raters whose order shown is known: their votes go to both sides.

    A source with votes for one side only writes the better answer first.
    """
    chose_first = votes["shown"].to_numpy() * np.sign(votes["vote"].to_numpy())
    first = np.bincount(rater, chose_first > 0, size)
    second = np.bincount(rater, chose_first < 0, size)
    result: NDArray[np.bool_] = (first > 0) & (second > 0)
    return result


def _subset(votes: Votes, kept: NDArray[np.bool_]) -> Votes:
    pairs, pair = np.unique(votes.pair[kept], return_inverse=True)
    return Votes(pair, votes.rater[kept], votes.cell[kept], votes.vote[kept], num_pairs=len(pairs))


def _rounds(votes: Votes, start: State, ordered: NDArray[np.bool_], most: int) -> State:
    """Alternate between the posterior of d and one Newton step on each rater."""
    if votes.num_pairs == 0:
        return start
    (parameters, tie), size = start, start[0].shape[1] * len(SIDES) * len(LENGTHS)
    blocks = quadrature.blocks(votes, size)
    ties = float((1 - np.abs(votes.vote)).sum())
    for _ in range(most):
        logit = quadrature.logits(*parameters)
        seen, chose = _expected(blocks, logit, parameters[0], tie)
        moved = _newton(parameters, logit, tie, seen, chose, ordered)
        tie = ties / float((seen / (2 * np.cosh(logit / 2) + tie)).sum())
        change, parameters = np.abs(moved - parameters).max(), moved
        if change < TOLERANCE:
            break
    return parameters, tie


def _expected(
    blocks: list[tuple[Any, Any]], logit: Floats, steepness: Floats, tie: float
) -> tuple[Floats, Floats]:
    """Sum by cell the posterior of d, and that times the vote for low: each (cells, nodes)."""
    seen, chose = np.zeros((2, *logit.shape))
    for block in blocks:
        likelihood = quadrature.log_likelihoods(block, logit, steepness, tie)
        post = np.exp(likelihood - likelihood.max(axis=1, keepdims=True)) * quadrature.PRIOR
        post /= post.sum(axis=1, keepdims=True)
        seen += block[0].T @ post
        chose += block[1].T @ post
    return seen, chose


def _newton(
    parameters: Floats,
    logit: Floats,
    tie: float,
    seen: Floats,
    chose: Floats,
    ordered: NDArray[np.bool_],
) -> Floats:
    """Take one Newton step on each rater's b, slope and bias, (3, raters), under their priors."""
    size = parameters.shape[1]
    shape = (size, len(SIDES), len(LENGTHS), len(NODES))
    whole = 2 * np.cosh(logit / 2) + tie
    mean = 2 * np.sinh(logit / 2) / whole
    error = ((chose - seen * mean) / 2).reshape(shape)
    weight = (seen * ((whole - tie) / whole - mean**2) / 4).reshape(shape)
    sides = SIDES[:, None, None] * ordered[:, None, None, None]
    columns = [np.broadcast_to(feature, shape) for feature in (NODES, LENGTHS[:, None], sides)]
    middle = np.array([parameters[0].mean(), 0.0, 0.0])[:, None]
    gradient = np.stack([(error * f).sum(axis=(1, 2, 3)) for f in columns]) - (parameters - middle)
    hessian = np.array([[(weight * f * g).sum(axis=(1, 2, 3)) for g in columns] for f in columns])
    curved = hessian.transpose(2, 0, 1) + np.eye(len(columns))
    step = np.linalg.solve(curved, gradient.T[:, :, None])[:, :, 0].T
    moved: Floats = np.clip(parameters + np.clip(step, -1.0, 1.0), -STEEPEST, STEEPEST)
    return moved
