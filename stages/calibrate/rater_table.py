"""The table of raters, from what the models of scores and of comparisons say of each."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.schemas.evidence import Raters
from rather.stages.calibrate import factor, quadrature
from rather.stages.calibrate.aggregate import DECIMALS
from rather.stages.calibrate.factor import MIN_ITEMS, Factor
from rather.stages.calibrate.quadrature import Floats
from rather.stages.calibrate.ratings_per_item import comparisons_as_judged
from rather.stages.calibrate.vote_model import Voters

Flags = NDArray[np.bool_]
NUMBERS = ("reliability", "num_items", "length_slope")
DIGITS = 12  # of a rater's own scale, however large; sums over buckets differ beyond


def of_scores(described: pl.DataFrame, model: Factor, right: pl.DataFrame | None) -> pl.DataFrame:
    """Describe who scored responses; right, where given, has a label model's reliabilities."""
    own = model.known & (model.num_items >= MIN_ITEMS)
    bias = model.slope - model.loading * model.worth
    numbers = _numbers(factor.reliabilities(model), model.known, model.num_items, bias, own)
    scale = pl.col("mean", "sd").round_sig_figs(DIGITS)
    rows = described.with_columns(scale, **numbers, kind=pl.lit("score"))
    return _table(rows if right is None else _replaced(rows, right))


def of_comparisons(
    comparisons: pl.DataFrame, votes: pl.DataFrame, model: Voters, right: pl.DataFrame | None
) -> pl.DataFrame:
    """Describe who compared responses; right as for scores."""
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
    """Give the share of decided votes for the answer shown first.

    A source whose every vote is for the first, or for the second, does not tell the order shown:
    it writes the better answer there.
    """
    first = (pl.col("vote").sign() * pl.col("shown") > 0).mean()
    decided = votes.filter(pl.col("vote") != 0).group_by("rater").agg(position_bias=first)
    told = pl.col("position_bias").is_between(0.0, 1.0, closed="none")
    return decided.with_columns(pl.when(told).then(pl.col("position_bias").round(DECIMALS)))


def _replaced(rows: pl.DataFrame, right: pl.DataFrame) -> pl.DataFrame:
    """Put a label model's reliabilities in place; such a model has no length slope."""
    others = rows.drop("reliability", "length_slope")
    return others.join(right, on="rater", how="left", maintain_order="left")


def _table(rows: pl.DataFrame) -> pl.DataFrame:
    """Add the columns a kind of judgement does not have."""
    schema = Raters.create_empty().schema
    missing = [name for name in schema if name not in rows.columns]
    full = rows.with_columns(pl.lit(None, schema[name]).alias(name) for name in missing)
    return full.select(pl.col(name).cast(dtype) for name, dtype in schema.items())
