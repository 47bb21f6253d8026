"""Rates and means with their intervals, by bootstrap over prompts: samples of one go together."""

from typing import Any, NamedTuple

import numpy as np
import polars as pl

NUM_DRAWS = 1000
PERCENTILES = (2.5, 97.5)


class Estimate(NamedTuple):
    """A value and its 95% interval; None without data."""

    value: float | None
    interval: tuple[float, float] | None = None

    def named(self, name: str) -> dict[str, Any]:
        """Return value and interval under NAME and NAME_interval."""
        interval = None if self.interval is None else [*self.interval]
        return {name: self.value, f"{name}_interval": interval}


NOTHING = Estimate(None)


def ratio(rows: pl.DataFrame, over: pl.Expr, under: pl.Expr | None = None) -> Estimate:
    """Return the ratio of two sums over rows, with its 95% interval.

    The interval is the middle 95% of 1,000 seeded draws of as many prompts with replacement (Efron
    1979); a single prompt has none.

    Args:
        rows: have a prompt_id.
        over: what the numerator sums.
        under: what the denominator sums; None counts rows.
    """
    under = pl.lit(1.0) if under is None else under
    terms = rows.select("prompt_id", over=over.cast(pl.Float64), under=under.cast(pl.Float64))
    sums = terms.drop_nulls().group_by("prompt_id", maintain_order=True).sum().drop("prompt_id")
    table = sums.to_numpy()
    if not table.size or not table[:, 1].sum():
        return NOTHING
    value = float(table[:, 0].sum() / table[:, 1].sum())
    if len(table) < 2:
        return Estimate(value)
    rng = np.random.default_rng(0)
    drawn = [table[rng.integers(len(table), size=len(table))].sum(0) for _ in range(NUM_DRAWS)]
    ratios = [over / under for over, under in drawn if under]
    low, high = np.percentile(ratios, PERCENTILES)
    return Estimate(value, (float(low), float(high)))
