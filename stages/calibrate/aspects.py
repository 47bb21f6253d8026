"""Several aspects of one answer, mixed into one judgement by declared weights."""

from collections.abc import Mapping

import polars as pl

from rather.schemas.base import UserError
from rather.stages.calibrate.ratings_per_item import OVERALL

Weights = Mapping[str, float]


def mixed(rows: pl.DataFrame, weights: Weights, value: str) -> pl.DataFrame:
    """Put the weighted mean of a rater's judgements of aspects in place of that of the whole.

    rows:    ratings or comparisons, whose judgement is the column `value`
    weights: of the aspects that count, all on one scale, overall itself where it shall; without
             any, rows stay as they are

    An aspect that a rater left out of one judgement weighs nothing in that one; where none could
    be had, its reason stays. The aspects keep their own rows, as objectives.
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
    """Raise UserError for a weight of an aspect that nobody judged."""
    unknown = sorted(set(weights) - known)
    if unknown:
        raise UserError(
            f"calibrate.aspects: expected aspects that were judged ({', '.join(sorted(known))}), "
            f"found {', '.join(unknown)}; correct the name"
        )
