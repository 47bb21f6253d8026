"""Who moves alpha: the exact difference that one item or one rater makes.

Exact because alpha is taken anew from the sums without the item's or the rater's part.
"""

import numpy as np
import polars as pl

from rather.stages.agreement.alpha import Sums, chunks, entries, parts, vectors
from rather.stages.agreement.intervals import leave_one_out
from rather.stages.agreement.units import SAME, Floats, Units, pattern_of

DECIMALS = 12  # sums of floats differ beyond
OF_RATERS = {"rater": pl.String, "num_judgements": pl.Int64, "influence": pl.Float64}


def of_units(sums: Sums) -> pl.DataFrame:
    """Tell of each unit with two ratings or more how much it is apart and what an item of it moves.

    unit:             its index
    item, num_items:  the least id of its items, and how many there are
    size, pattern:    number of ratings, and hash of their values
    disagreement:     mean squared distance of its ratings as a multiple of what all ratings make
                      expected: 0 where they agree, about 1 where by chance
    influence:        alpha without one item minus alpha: above zero where the item harms agreement,
                      null where alpha is not defined without it
    """
    units = sums.units
    apart = [
        sums.metric.disagreements(states, sums.total) for _, states in chunks(units, sums.metric)
    ]
    return (
        units.patterns.with_row_index("unit")
        .with_columns(
            num_items=units.weights,
            disagreement=np.concatenate(apart),
            influence=leave_one_out(sums) - sums.alpha(),
        )
        .filter(pl.Series(units.pairable))
        .select(
            "unit", "item", "num_items", *SAME, "disagreement", pl.col("influence").fill_nan(None)
        )
    )


def of_items(judgements: pl.DataFrame, sums: Sums) -> pl.DataFrame:
    """Tell each item of a bucket its unit's disagreement and influence, in order of id.

    judgements: all that were given to these items of the aspect and source that the sums are of
    """
    told = of_units(sums).select(*SAME, "disagreement", "influence")
    return (
        judgements.filter(pl.col("value").is_not_null())
        .group_by("item")
        .agg(*pattern_of("value"))
        .join(told, on=SAME)
        .select("item", pl.col("size").alias("num_ratings"), "disagreement", "influence")
        .sort("item")
    )


def of_raters(units: Units, added: Sums | str) -> pl.DataFrame:
    """Tell each rater's number of judgements and influence: alpha with the rater minus without.

    Null where alpha is not defined, with the rater or without.
    """
    judged = np.bincount(units.rater, units.given, len(units.raters)).astype(np.int64)
    influence = np.full(len(units.raters), np.nan)
    if not isinstance(added, str):
        influence = added.alpha() - added.metric.alphas(added.total - _parts(added))
    told = {"rater": units.raters, "num_judgements": judged, "influence": influence}
    return pl.DataFrame(told, schema=OF_RATERS).with_columns(_clean("influence"))


def _parts(sums: Sums) -> Floats:
    """Add up what each rater's ratings change in the sums: (R, width)."""
    units, num_raters = sums.units, len(sums.units.raters)
    changed = np.zeros((num_raters, sums.metric.width))
    for part in parts(units, sums.metric):
        held = entries(units, part)
        here = slice(*np.searchsorted(units.entry, [held.start, held.stop]))
        change = _changes(sums, part)[units.entry[here] - held.start]
        for column in range(sums.metric.width):
            moved = change[:, column] * units.given[here]
            changed[:, column] += np.bincount(units.rater[here], moved, num_raters)
    return changed


def _changes(sums: Sums, part: slice) -> Floats:
    """Give the difference that one rating of each value makes to its unit's state: (E, width)."""
    units, metric, held = sums.units, sums.metric, entries(sums.units, part)
    of_unit = units.unit[held] - part.start
    sizes = units.sizes[part].astype(np.float64)
    whole = vectors(units, metric, part)
    point = metric.points[metric.index[units.code[held]]]
    left = metric.states(whole[of_unit] - point, sizes[of_unit] - 1)
    return np.asarray(metric.states(whole, sizes)[of_unit] - left)


def _clean(name: str) -> pl.Expr:
    """Round what rounding errors differ in, and make null what is no number."""
    return pl.col(name).fill_nan(None).round(DECIMALS).replace(-0.0, 0.0)
