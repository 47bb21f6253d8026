"""How margins and lengths spread, and what another threshold would keep.   pairs -> counts"""

import math
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.stages.winnow.winnow import DEFAULT_RULES

NUM_BINS = 36
NUM_CUTS = 20  # thresholds at which the keep rate is told
OUTER = (0.01, 0.99)  # quantiles between which bins are of one width; the ends hold the rest

Values = NDArray[np.float64]


def histogram(values: pl.Series, marks: dict[str, pl.Series], num_bins: int = NUM_BINS) -> Any:
    """Count values in bins of a round width, apart for each mark that says which values are meant.

    The first and the last bin hold also what lies beyond them. Values that are null do not count.
    """
    known = values.is_finite().fill_null(False)
    numbers = values.filter(known).cast(pl.Float64).to_numpy()
    if not numbers.size:
        return []
    low, high = np.quantile(numbers, OUTER, method="inverted_cdf")
    edges = _edges(float(low), float(high), num_bins)
    place = np.clip(np.searchsorted(edges, numbers, "right") - 1, 0, len(edges) - 2)
    counts = {
        name: np.bincount(place[mark.filter(known).to_numpy()], minlength=len(edges) - 1).tolist()
        for name, mark in marks.items()
    }
    ends = zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True)
    return [
        {"low": low, "high": high, **{name: count[at] for name, count in counts.items()}}
        for at, (low, high) in enumerate(ends)
    ]


def _edges(low: float, high: float, num_bins: int) -> Values:
    """Return bin edges whose width is 1, 2 or 5 times a power of ten, on multiples of it."""
    step = round_step((high - low) / num_bins)
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    return np.round(np.arange(first, max(last, first + 1) + 1) * step, 10)


def round_step(rough: float) -> float:
    """Return the smallest of 1, 2 and 5 times a power of ten that is no less; 1 for zero."""
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))


def keep_rates(margin: pl.Series, others_pass: pl.Series) -> list[dict[str, float]]:
    """Compute the share of pairs kept at other thresholds of the margin.

    share: with every other rule as it is;  alone: if the margin were the only rule
    others_pass: whether a pair fails no other rule
    """
    known = margin.is_finite().fill_null(False)
    every = np.sort(margin.filter(known).to_numpy())
    passing = np.sort(margin.filter(known & others_pass).to_numpy())
    if not every.size:
        return []
    step = round_step(float(np.quantile(every, OUTER[1])) / NUM_CUTS)
    return [
        {
            "at_least": at,
            "share": float(_from(passing, at)) / margin.len(),
            "alone": float(_from(every, at)) / margin.len(),
        }
        for at in np.round(np.arange(NUM_CUTS + 1) * step, 10).tolist()
    ]


def _from(values: Values, at: float) -> int:
    """Count the values, in order, that are at least this."""
    return len(values) - int(np.searchsorted(values, at, "left"))


def cuts(options: dict[str, Any] | None) -> list[dict[str, Any]]:
    """Return the thresholds of the margin rule, empty without the rule."""
    if options is None:
        return []
    ends = DEFAULT_RULES["margin"] | options
    return [
        {"at": ends[name], "label": f"{name.replace('_', ' ')} {ends[name]:g}"}
        for name in ("at_least", "at_most")
        if name in ends and math.isfinite(ends[name])
    ]
