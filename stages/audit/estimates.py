"""Shares and means with their 95% intervals, from sums that add up over buckets.

Pairs of one prompt go together, so prompts are the units (Cochran 1977, Sampling Techniques, ch. 6:
the ratio estimator). The interval is Wilson's (1927), with as many draws as would vary that much.
"""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

Z95 = 1.959963984540054  # of the normal distribution: 95% lie within so many sd
SUMS = ("num_prompts", "over", "under", "over_over", "over_under", "under_under")


class Estimate(NamedTuple):
    """A share or a mean between 0 and 1, both ends of its interval, and what it is a share of."""

    value: float | None
    low: float | None
    high: float | None
    num: int


NOTHING = Estimate(None, None, None, 0)


def sums(rows: pl.DataFrame, over: pl.Expr, under: pl.Expr, by: Sequence[str] = ()) -> pl.DataFrame:
    """Sum up, prompt by prompt, what an estimate of over / under needs, apart for each `by`."""
    each = (
        rows.group_by("prompt_id", *by, maintain_order=True)
        .agg(over=over.cast(pl.Float64).sum(), under=under.cast(pl.Float64).sum())
        .filter(pl.col("under") > 0)
    )
    x, n = pl.col("over"), pl.col("under")
    squares = {"over_over": x * x, "over_under": x * n, "under_under": n * n}
    counted = each.with_columns(num_prompts=pl.lit(1.0), **squares)
    totals = counted.group_by(by, maintain_order=True) if by else None
    summed = [pl.col(name).sum() for name in SUMS]
    return counted.select(summed) if totals is None else totals.agg(summed)


def added(parts: Iterable[pl.DataFrame], by: Sequence[str] = ()) -> pl.DataFrame:
    """Add up the sums or counts of several buckets; every column but `by` is one."""
    every = pl.concat(parts)
    if not by:
        return every.sum()
    return every.group_by(by, maintain_order=True).agg(pl.all().sum()).sort(by)


def estimate(row: dict[str, Any]) -> Estimate:
    """Return the estimate from sums; one prompt alone has no interval."""
    prompts, x, n, xx, xn, nn = (float(row[name]) for name in SUMS)
    if n <= 0:
        return NOTHING
    share = min(x / n, 1.0)
    if prompts < 2:
        return Estimate(share, None, None, round(n))
    error2 = prompts / (prompts - 1) * max(xx - 2 * share * xn + share**2 * nn, 0.0) / n**2
    spread = share * (1 - share)
    draws = spread / error2 if error2 > spread * 1e-12 > 0 else prompts if spread == 0 else 1e12
    return Estimate(share, *_wilson(share, draws), round(n))


def estimated(sums: pl.DataFrame) -> Estimate:
    """Return the estimate from one row of sums."""
    return estimate(sums.row(0, named=True)) if sums.height else NOTHING


def chance_greater(counts: pl.DataFrame) -> Estimate:
    """Compute P(first > second) for one value of each kind, a tie counting half.

    counts: value, first and second, how often each kind has it.  The interval is that of DeLong
    et al. (1988), by the spread of how each value stands among those of the other kind.
    """
    ordered = counts.group_by("value").agg(pl.col("first", "second").sum()).sort("value")
    first, second = (ordered[name].to_numpy().astype(np.float64) for name in ("first", "second"))
    if not first.sum() or not second.sum():
        return NOTHING
    above = 1 - (np.cumsum(first) - first / 2) / first.sum()
    below = (np.cumsum(second) - second / 2) / second.sum()
    chance = float(np.average(below, weights=first))
    error2 = np.average((below - chance) ** 2, weights=first) / first.sum()
    error2 += np.average((above - chance) ** 2, weights=second) / second.sum()
    reach = Z95 * float(np.sqrt(error2))
    ends = max(chance - reach, 0.0), min(chance + reach, 1.0)
    return Estimate(chance, *ends, round(first.sum() + second.sum()))


def _wilson(share: float, draws: float) -> tuple[float, float]:
    """Compute Wilson's interval of a share."""
    middle = share + Z95**2 / (2 * draws)
    reach = Z95 * ((share * (1 - share) + Z95**2 / (4 * draws)) / draws) ** 0.5
    whole = 1 + Z95**2 / draws
    return max((middle - reach) / whole, 0.0), min((middle + reach) / whole, 1.0)
