"""Pick pairs so that length does not give the label away.   clear -> chosen, dropped"""

import polars as pl
from pydantic import BaseModel, ConfigDict


class Options(BaseModel):
    """How pairs are chosen.

    balance_length: keep equal numbers of pairs whose chosen answer is longer and shorter
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    balance_length: bool = True


def choose(clear: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Add `reason`: null to keep; best against worst per prompt, then the balance of lengths."""
    best = pl.col("margin").rank("ordinal", descending=True).over("prompt_id", order_by="pair_id")
    picked = clear.sort("pair_id").with_columns(
        reason=pl.when(best > 1).then(pl.lit("not_best_against_worst"))
    )
    return _balance(picked) if options.balance_length else picked


def _balance(picked: pl.DataFrame) -> pl.DataFrame:
    """Drop the smallest margins of the commoner side, in each split, until both are equal.

    Pairs of equal length are neither; they stay.
    """
    keys = ["split", "side"]
    sides = (
        picked.filter(pl.col("reason").is_null(), pl.col("length_gap") != 0)
        .with_columns(side=pl.col("length_gap").sign())
        .with_columns(
            rank=pl.col("margin").rank("ordinal", descending=True).over(keys, order_by="pair_id")
        )
    )
    longer, shorter = (
        pl.col("side").filter(pl.col("side") == sign).len().over("split") for sign in (1, -1)
    )
    surplus = sides.filter(pl.col("rank") > pl.min_horizontal(longer, shorter))["pair_id"]
    return picked.with_columns(
        reason=pl.when(pl.col("pair_id").is_in(surplus.implode()))
        .then(pl.lit("length_balance"))
        .otherwise(pl.col("reason"))
    )


def share_longer(pairs: pl.DataFrame) -> float | None:
    """Give the share of pairs of unequal length whose chosen answer is the longer."""
    gap = pairs["length_gap"]
    unequal = gap.filter(gap != 0)
    return float((unequal > 0).sum()) / unequal.len() if unequal.len() else None
