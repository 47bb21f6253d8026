"""95% intervals of alpha over items, by jackknife and by bootstrap.

Both let the expected disagreement vary with the items. The bootstrap of Hayes and Krippendorff
(2007) keeps it fixed and is too narrow, so it is left out.
"""

from typing import NamedTuple

import numpy as np

from rather.stages.agreement.alpha import Sums, chunks
from rather.stages.agreement.units import Floats, Ints

Z95 = 1.959963984540054  # the normal's 97.5% point
PERCENTILES = (2.5, 97.5)
NUM_DRAWS = 1000
MAX_GROUPS = 1000  # drawn one by one, patterns beyond it would take minutes


class Interval(NamedTuple):
    """Both ends; neither where alpha is not defined without some item."""

    low: float | None
    high: float | None


UNKNOWN = Interval(None, None)


def jackknife(sums: Sums) -> Interval:
    """Compute the jackknife interval over items: alpha -+ 1.96 standard errors."""
    left = leave_one_out(sums)[sums.units.pairable]
    weights = sums.units.weights[sums.units.pairable]
    num_items = int(weights.sum())
    if num_items < 2 or np.isnan(left).any():
        return UNKNOWN
    mean = np.average(left, weights=weights)
    error = np.sqrt((num_items - 1) * np.average((left - mean) ** 2, weights=weights))
    alpha = sums.alpha()
    return Interval(float(alpha - Z95 * error), float(min(1.0, alpha + Z95 * error)))


def leave_one_out(sums: Sums) -> Floats:
    """Compute alpha without one item of each unit: (U,), nan where it is not defined."""
    parts = [
        sums.metric.alphas(sums.total - states) for _, states in chunks(sums.units, sums.metric)
    ]
    return np.concatenate(parts)


def bootstrap(sums: Sums, seed: int = 0, num_draws: int = NUM_DRAWS) -> Interval:
    """Compute the percentile bootstrap interval over items (95%).

    Items of more than 1,000 patterns are drawn in 1,000 random groups.
    """
    rng = np.random.default_rng(seed)
    weights = np.where(sums.units.pairable, sums.units.weights, 0)
    num_items = int(weights.sum())
    if num_items < 2:
        return UNKNOWN
    if not grouped(sums):
        held = [states[weights[part] > 0] for part, states in chunks(sums.units, sums.metric)]
        states, odds = np.concatenate(held), weights[weights > 0] / num_items
    else:
        states, odds = _groups(sums, weights, rng), np.full(MAX_GROUPS, 1 / MAX_GROUPS)
        num_items = MAX_GROUPS
    alphas = sums.metric.alphas(rng.multinomial(num_items, odds, size=num_draws) @ states)
    alphas = alphas[~np.isnan(alphas)]  # a draw of one value only tells nothing
    return Interval(*map(float, np.percentile(alphas, PERCENTILES))) if alphas.size else UNKNOWN


def grouped(sums: Sums) -> bool:
    """Check whether items are too many patterns to be drawn one by one."""
    return int(np.count_nonzero(sums.units.pairable)) > MAX_GROUPS


def _groups(sums: Sums, weights: Ints, rng: np.random.Generator) -> Floats:
    """Assign items to random groups of equal size and sum their states: (1000, width)."""
    num_items = int(weights.sum())
    group = rng.permutation(np.arange(num_items) * MAX_GROUPS // num_items)
    ends = np.cumsum(weights)
    added = np.zeros((MAX_GROUPS, sums.metric.width))
    for part, states in chunks(sums.units, sums.metric):
        start = int(ends[part.start - 1]) if part.start else 0
        stop = int(ends[part.stop - 1])
        of_unit = np.repeat(np.arange(len(states)), weights[part])
        for column in range(sums.metric.width):
            value = states[:, column][of_unit]
            added[:, column] += np.bincount(group[start:stop], value, MAX_GROUPS)
    return added
