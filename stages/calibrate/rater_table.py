"""The table of raters, from the models of scores and of comparisons."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.schemas.evidence import Raters
from rather.stages.calibrate import crowd, factor, quadrature, vote_model
from rather.stages.calibrate.aggregate import DECIMALS
from rather.stages.calibrate.factor import MIN_ITEMS, Factor
from rather.stages.calibrate.quadrature import Floats
from rather.stages.calibrate.ratings_per_item import comparisons_as_judged
from rather.stages.calibrate.ratings_per_item import votes as as_votes
from rather.stages.calibrate.vote_model import Voters

Flags = NDArray[np.bool_]
NUMBERS = ("reliability", "num_items", "length_slope")
DIGITS = 12  # of a rater's own scale, however large; sums over buckets differ beyond


def of_scores(described: pl.DataFrame, model: Factor, right: pl.DataFrame | None) -> pl.DataFrame:
    """Build the rows of raters of scores; `right` holds a label model's reliabilities, if any."""
    own = model.known & (model.num_items >= MIN_ITEMS)
    bias = model.slope - model.loading * model.worth
    numbers = _numbers(factor.reliabilities(model), model.known, model.num_items, bias, own)
    scale = pl.col("mean", "sd").round_sig_figs(DIGITS)
    rows = described.with_columns(scale, **numbers, kind=pl.lit("score"))
    return _table(rows if right is None else _replaced(rows, right))


def of_comparisons(
    comparisons: pl.DataFrame, votes: pl.DataFrame, model: Voters, right: pl.DataFrame | None
) -> pl.DataFrame:
    """Build the rows of raters of comparisons; `right` as for scores."""
    own = model.known & (model.num_items >= MIN_ITEMS)
    bias = model.slope - model.steepness * model.worth
    chance = quadrature.reliabilities(model.steepness)
    numbers = _numbers(chance, model.known, model.num_items, bias, own)
    fitted = pl.DataFrame({"rater": pl.Series(model.names, dtype=pl.String), **numbers})
    given = pl.col("preference")
    counted = (
        comparisons_as_judged(comparisons)
        .group_by("rater")
        .agg(
            num_ratings=given.count().cast(pl.Int64), num_missing=given.null_count().cast(pl.Int64)
        )
        .sort("rater")
        .join(fitted, on="rater", how="left", maintain_order="left")
        .join(_position_bias(votes), on="rater", how="left", maintain_order="left")
        .with_columns(pl.col("num_items").fill_null(0), kind=pl.lit("compare"))
    )
    return _table(counted if right is None else _replaced(counted, right))


def _numbers(
    reliability: Floats, known: Flags, num_items: Floats, bias: Floats, own: Flags
) -> dict[str, pl.Series]:
    columns = (
        pl.Series(np.where(known, reliability, np.nan)).fill_nan(None).round(DECIMALS),
        pl.Series(num_items.astype(np.int64)),
        pl.Series(np.where(own, bias, np.nan)).fill_nan(None).round(DECIMALS),
    )
    return dict(zip(NUMBERS, columns, strict=True))


def _position_bias(votes: pl.DataFrame) -> pl.DataFrame:
    """Compute the share of decided votes for the answer shown first.

    Null where all votes are for one side: such a source writes the better answer first, whatever
    the order shown.
    """
    first = (pl.col("vote").sign() * pl.col("shown") > 0).mean()
    decided = votes.filter(pl.col("vote") != 0).group_by("rater").agg(position_bias=first)
    is_known = pl.col("position_bias").is_between(0.0, 1.0, closed="none")
    return decided.with_columns(pl.when(is_known).then(pl.col("position_bias").round(DECIMALS)))


def _replaced(rows: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Replace reliabilities by a label model's, which has no length slopes."""
    others = rows.drop("reliability", "length_slope")
    return others.join(right, on="rater", how="left", maintain_order="left")


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the columns that a kind of judgement lacks, as nulls."""
    schema = Raters.create_empty().schema
    missing = [name for name in schema if name not in rows.columns]
    full = rows.with_columns(pl.lit(None, schema[name]).alias(name) for name in missing)
    return full.select(pl.col(name).cast(dtype) for name, dtype in schema.items())


Method = Literal["bradley_terry", "mean", "majority", "dawid_skene", "mace"]


@dataclass(frozen=True)
class Compared:
    """Rows for the table of raters, and the other numbers that the odds need.

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
    """Fit the raters of comparisons; `unit` is one standard deviation of log length."""
    given = as_votes(comparisons)
    pairs = given.select("low_id", "high_id").unique(maintain_order=True)
    model = vote_model.fit(given, quadrature.pair_lengths(pairs, features, unit), worth)
    if method == "bradley_terry":
        return Compared(of_comparisons(comparisons, given, model, None), model.worth, model.tie)
    right, note = _right(given, model, method)
    return Compared(of_comparisons(comparisons, given, model, right), 0.0, model.tie, note)


def _right(given: pl.DataFrame, model: Voters, method: Method) -> tuple[pl.DataFrame, str | None]:
    """Return each rater's reliability by a label model; mean and majority take all alike."""
    if method == "dawid_skene" or method == "mace":
        rows = given.with_columns(label=pl.col("vote").sign())
        labels = crowd.aggregate(rows, ["low_id", "high_id"], method)
        if labels.raters is not None:
            return labels.raters, None
        return _alike(model), labels.note
    return _alike(model), None


def _alike(model: Voters) -> pl.DataFrame:
    """Return the mean reliability for all raters."""
    chance = quadrature.reliabilities(model.steepness)
    mean = float(np.average(chance, weights=model.num_items)) if model.known.any() else None
    common = pl.Series([mean if known else None for known in model.known], dtype=pl.Float64)
    names = pl.Series("rater", model.names, dtype=pl.String)
    return pl.DataFrame({"rater": names, "reliability": common.round(DECIMALS)})
