"""Logistic regression on one variable, from counts, with an intercept and an interval."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

NUM_STEPS = 50
CLOSE = 1e-12
Z_95 = 1.959963984540054  # 97.5th percentile of the standard normal distribution


class Fitted(NamedTuple):
    """The slope with its 95% (Wald) interval, and the probability where x is 0."""

    slope: float
    low: float
    high: float
    at_zero: float


def fit(x: NDArray[np.float64], won: NDArray[np.bool_], num: NDArray[np.integer]) -> Fitted | None:
    """Fit P(won) = 1 / (1 + exp(-a - b x)) by Newton's method.

    Args:
        x: (N,) values.
        won: (N,) outcomes.
        num: (N,) counts of each row.

    Returns:
        None if no finite b is optimal: x separates the outcomes, or is constant.
    """
    if _separates(x, won) or _separates(-x, won):
        return None
    design, weights = np.stack([np.ones_like(x), x]), num.astype(np.float64)
    coefficients = np.zeros(2)
    for _ in range(NUM_STEPS):
        chance = 1 / (1 + np.exp(-coefficients @ design))
        information = (design * (weights * chance * (1 - chance))) @ design.T
        step = np.linalg.solve(information, design @ (weights * (won - chance)))
        coefficients = coefficients + step / max(1.0, float(np.abs(step).max()))
        if np.abs(step).max() < CLOSE:
            break
    reach = Z_95 * float(np.sqrt(np.linalg.inv(information)[1, 1]))
    slope = float(coefficients[1])
    return Fitted(slope, slope - reach, slope + reach, float(1 / (1 + np.exp(-coefficients[0]))))


def _separates(x: NDArray[np.float64], won: NDArray[np.bool_]) -> bool:
    """Check whether x separates the outcomes, or one outcome is missing."""
    if won.all() or not won.any():
        return True
    return bool(x[won].min() >= x[~won].max())
