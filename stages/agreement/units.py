"""Units: the distinct multisets of values that items were given, each with its number of items.

Every coefficient of agreement rests on them alone, so that its cost follows the number of patterns
(35 for three raters and five stars), never the number of items.
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
    """A coefficient, or the reason why there is none."""

    value: float | None
    reason: str | None = None


@dataclass(frozen=True)
class Units:
    """U units with E distinct values among them, V in all, and what each rater gave in them.

    values:   (V,) in order
    patterns: item (the least id of the unit's items), size, pattern (hash of values): U rows
    sizes:    (U,) ratings of an item;  weights: (U,) number of items
    unit, code, count: (E,) unit, index into values, and how many raters gave it; by unit and code
    raters:   (R,) in order
    entry, rater, given: who gave the values: index into the E, into the R, and in how many items
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
        """Tell whether values are numbers, not names of categories."""
        return self.values.dtype.kind == "f"

    @property
    def pairable(self) -> NDArray[np.bool_]:
        """Tell which units have two ratings or more; no other says anything about agreement."""
        return self.sizes >= 2

    def totals(self) -> Ints:
        """Count how often each value was given in pairable units."""
        often = np.where(self.pairable, self.weights, 0)[self.unit] * self.count
        return np.bincount(self.code, often, self.values.size).astype(np.int64)


def units(tallied: pl.DataFrame, aspect: str, source: str | None = None) -> Units:
    """Make units of one aspect's tally, or of the part of it that comes from one source."""
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
    """Tell how many values a group holds and which, whatever their order: size and pattern.

    The pattern is the sum, modulo 2^64, of the values' hashes.
    """
    return pl.len().cast(pl.Int64).alias("size"), pl.col(by).hash().sum().alias("pattern")


def _patterns(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give each pattern of values its number, by least item, and each profile its pattern's."""
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
    """Add up who gave what where: unit and code in one number, rater, number of items; in order."""
    place = (pl.col("unit") * num_values + pl.col("code")) * num_raters + pl.col("rater")
    placed = rows.select("num_items", place=place).sort("place")
    places = placed["place"].to_numpy()
    first = np.flatnonzero(np.diff(places, prepend=-1))
    given = np.add.reduceat(placed["num_items"].to_numpy(), first)
    cell, rater = np.divmod(places[first], max(1, num_raters))
    return cell, rater, given
