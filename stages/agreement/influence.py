"""Influence on alpha: the exact difference that one item or one rater makes.

It is exact, as alpha is computed again from the sums without the item or the rater.
"""

import numpy as np
import polars as pl

from rather.stages.agreement.alpha import Sums, chunks, entries, parts, vectors
from rather.stages.agreement.intervals import leave_one_out
from rather.stages.agreement.units import SAME, Floats, Units

DECIMALS = 12  # sums of floats differ beyond
OF_RATERS = {"rater": pl.String, "num_judgements": pl.Int64, "influence": pl.Float64}


def of_units(sums: Sums) -> pl.DataFrame:
    """Compute disagreement and influence of each unit with two ratings or more.

    unit:             its index
    item, num_items:  the least id of its items, and how many there are
    size, pattern:    number of ratings, and hash of their values
    disagreement:     mean squared distance of its ratings, in multiples of the expected one: 0 for
                      perfect agreement, about 1 for chance
    influence:        alpha without one item minus alpha: above zero where the item reduces alpha,
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


def of_raters(units: Units, added: Sums | str) -> pl.DataFrame:
    """Compute each rater's judgements and influence: alpha with the rater minus without.

    Null where alpha is not defined, with the rater or without.
    """
    judged = np.bincount(units.rater, units.given, len(units.raters)).astype(np.int64)
    influence = np.full(len(units.raters), np.nan)
    if not isinstance(added, str):
        influence = added.alpha() - added.metric.alphas(added.total - _parts(added))
    columns = {"rater": units.raters, "num_judgements": judged, "influence": influence}
    return pl.DataFrame(columns, schema=OF_RATERS).with_columns(_clean("influence"))


def _parts(sums: Sums) -> Floats:
    """Sum the changes that each rater's ratings make to the sums: (R, width)."""
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
    """Compute the change of a unit's state by one rating of each of its values: (E, width)."""
    units, metric, held = sums.units, sums.metric, entries(sums.units, part)
    of_unit = units.unit[held] - part.start
    sizes = units.sizes[part].astype(np.float64)
    whole = vectors(units, metric, part)
    point = metric.points[metric.index[units.code[held]]]
    left = metric.states(whole[of_unit] - point, sizes[of_unit] - 1)
    return np.asarray(metric.states(whole, sizes)[of_unit] - left)


def _clean(name: str) -> pl.Expr:
    """Round to remove floating-point noise, and replace nan by null."""
    return pl.col(name).fill_nan(None).round(DECIMALS).replace(-0.0, 0.0)
