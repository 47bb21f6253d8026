"""Units: the distinct multisets of an item's values, each with its number of items.

Every coefficient depends on them alone. Its cost thus grows with the number of patterns (35 for
three raters and five stars), not with the number of items.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
SAME = ["size", "pattern"]  # what makes two items one unit


class Figure(NamedTuple):
    """A coefficient, or the reason why it is not defined."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Units:
    """U units with E distinct values among them, V in all, and each rater's values in them.

    values:   (V,) in order
    patterns: item (the least id of the unit's items), size, pattern (hash of values): U rows
    sizes:    (U,) ratings of an item;  weights: (U,) number of items
    unit, code, count: (E,) unit, index into values, number of raters; sorted by unit and code
    raters:   (R,) in order
    entry, rater, given: index into E, index into R, and number of items
    """

    values: NDArray[Any]
    patterns: pl.DataFrame
    sizes: Ints
    weights: Ints
    unit: Ints
    code: Ints
    count: Ints
    raters: list[str]
    entry: Ints
    rater: Ints
    given: Ints

    @property
    def numeric(self) -> bool:
        """Check whether values are numbers, not names of categories."""
        return self.values.dtype.kind == "f"

    @property
    def pairable(self) -> NDArray[np.bool_]:
        """True for units with two ratings or more; only these bear on agreement."""
        return self.sizes >= 2

    def totals(self) -> Ints:
        """Count the ratings of each value in pairable units: (V,)."""
        often = np.where(self.pairable, self.weights, 0)[self.unit] * self.count
        return np.bincount(self.code, often, self.values.size).astype(np.int64)


def units(tallied: pl.DataFrame, aspect: str, source: str | None = None) -> Units:
    """Build the units of one aspect's tally, or of one source's part of it."""
    wanted = (pl.col("aspect") == aspect) & pl.col("value").is_not_null()
    if source is not None:
        wanted &= pl.col("source") == source
    rows = tallied.filter(wanted)
    raters = rows["rater"].unique().sort()
    rows = rows.select(
        "profile",
        "item",
        "num_items",
        "value",
        code=pl.col("value").rank("dense").cast(pl.Int64) - 1,
        rater=pl.col("rater").cast(pl.Enum(raters)).to_physical().cast(pl.Int64),
    )
    patterns, unit_of = _patterns(rows)
    values = rows["value"].unique().sort()
    cell, rater, given = _given(rows.join(unit_of, on="profile"), values.len(), raters.len())
    first = np.flatnonzero(np.diff(cell, prepend=-1))
    entry = np.repeat(np.arange(first.size), np.diff(first, append=cell.size))
    unit, code = np.divmod(cell[first], max(1, values.len()))
    weights = patterns["num_items"].to_numpy()
    return Units(
        values=values.to_numpy(),
        patterns=patterns.select("item", *SAME),
        sizes=patterns["size"].to_numpy(),
        weights=weights,
        unit=unit,
        code=code,
        count=np.bincount(entry, given).astype(np.int64) // weights[unit],
        raters=raters.to_list(),
        entry=entry,
        rater=rater,
        given=given,
    )


def pattern_of(by: str) -> tuple[pl.Expr, pl.Expr]:
    """Return a group's size and an order-independent hash of its values, the pattern.

    The pattern is the sum, modulo 2^64, of the values' hashes.
    """
    return pl.len().cast(pl.Int64).alias("size"), pl.col(by).hash().sum().alias("pattern")


def _patterns(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Number the patterns by their least item, and map each profile to its pattern."""
    profiles = rows.group_by("profile").agg(
        pl.col("item", "num_items").first(), *pattern_of("value")
    )
    patterns = (
        profiles.group_by(SAME)
        .agg(pl.col("item").min(), pl.col("num_items").sum())
        .sort("item")
        .with_columns(unit=pl.int_range(pl.len(), dtype=pl.Int64))
    )
    unit_of = profiles.join(patterns.select(*SAME, "unit"), on=SAME).select("profile", "unit")
    return patterns, unit_of


def _given(rows: pl.DataFrame, num_values: int, num_raters: int) -> tuple[Ints, Ints, Ints]:
    """Count items by unit and code (in one number) and rater, sorted."""
    place = (pl.col("unit") * num_values + pl.col("code")) * num_raters + pl.col("rater")
    placed = rows.select("num_items", place=place).sort("place")
    places = placed["place"].to_numpy()
    first = np.flatnonzero(np.diff(places, prepend=-1))
    given = np.add.reduceat(placed["num_items"].to_numpy(), first)
    cell, rater = np.divmod(places[first], max(1, num_raters))
    return cell, rater, given
