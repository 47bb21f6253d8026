"""Who compared responses, and how much each is worth, by the method asked for."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl

from rather.stages.calibrate import crowd, quadrature, vote_model
from rather.stages.calibrate.aggregate import DECIMALS
from rather.stages.calibrate.rater_table import of_comparisons
from rather.stages.calibrate.ratings_per_item import votes as as_votes
from rather.stages.calibrate.vote_model import Voters

Method = Literal["bradley_terry", "mean", "majority", "dawid_skene", "mace"]


@dataclass(frozen=True)
class Compared:
    """Rows for the table of raters, and what the odds need beside them.

    worth: of length, in sd of the true difference;  tie: weight of a tie;  note: what could not be
    """

    raters: pl.DataFrame
    worth: float
    tie: float
    note: str | None = None


def compared(
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    unit: float,
    method: Method,
    worth: float | None,
) -> Compared:
    """Describe who compared responses; unit is of log length."""
    given = as_votes(comparisons)
    pairs = given.select("low_id", "high_id").unique(maintain_order=True)
    model = vote_model.fit(given, quadrature.pair_lengths(pairs, features, unit), worth)
    if method == "bradley_terry":
        return Compared(of_comparisons(comparisons, given, model, None), model.worth, model.tie)
    right, note = _right(given, model, method)
    return Compared(of_comparisons(comparisons, given, model, right), 0.0, model.tie, note)


def _right(given: pl.DataFrame, model: Voters, method: Method) -> tuple[pl.DataFrame, str | None]:
    """Give every rater's reliability by a label model; by mean and majority, the same for all."""
    if method == "dawid_skene" or method == "mace":
        rows = given.with_columns(label=pl.col("vote").sign())
        found = crowd.aggregate(rows, ["low_id", "high_id"], method)
        if found.raters is not None:
            return found.raters, None
        return _alike(model), found.note
    return _alike(model), None


def _alike(model: Voters) -> pl.DataFrame:
    """Give all raters the reliability that they have on average."""
    chance = quadrature.reliabilities(model.steepness)
    mean = float(np.average(chance, weights=model.num_items)) if model.known.any() else None
    common = pl.Series([mean if known else None for known in model.known], dtype=pl.Float64)
    names = pl.Series("rater", model.names, dtype=pl.String)
    return pl.DataFrame({"rater": names, "reliability": common.round(DECIMALS)})
