"""Weighted means of several aspects of one answer."""

from collections.abc import Mapping

import polars as pl

from rather.schemas.base import UserError
from rather.stages.calibrate.ratings_per_item import OVERALL

Weights = Mapping[str, float]


def mixed(rows: pl.DataFrame, weights: Weights, value: str) -> pl.DataFrame:
    """Replace each rater's overall judgement by the weighted mean of its aspects.

    rows:    ratings or comparisons, whose judgement is the column `value`
    weights: of the aspects that count, all on one scale; may include overall. Empty leaves the
             rows unchanged

    An aspect that is missing from one judgement has weight 0 there. If all are missing, the first
    reason is kept. The aspects keep their own rows, as objectives.
    """
    if not weights:
        return rows
    keys = ["prompt_id", *(name for name in rows.columns if name.endswith("_id")), "rater"]
    keys = list(dict.fromkeys(keys))
    counted = rows.filter(pl.col("aspect").is_in(list(weights))).sort(*keys, "aspect")
    weight = pl.col("aspect").replace_strict(dict(weights), return_dtype=pl.Float64)
    had = pl.col(value).is_not_null()
    total = (pl.col(value) * weight).sum() / weight.filter(had).sum()
    others = pl.exclude(*keys, "aspect", value, "reason").first()
    whole = counted.group_by(keys, maintain_order=True).agg(
        pl.when(had.any()).then(total).alias(value),
        pl.when(~had.any()).then(pl.col("reason").first()).alias("reason"),
        others,
        aspect=pl.lit(OVERALL),
    )
    return pl.concat([whole.select(rows.columns), rows.filter(pl.col("aspect") != OVERALL)])


def require_known(weights: Weights, known: set[str]) -> None:
    """Raise UserError for a weight of an aspect without judgements."""
    unknown = sorted(set(weights) - known)
    if unknown:
        raise UserError(
            f"calibrate.aspects: expected aspects that were judged ({', '.join(sorted(known))}), "
            f"found {', '.join(unknown)}; correct the name"
        )
