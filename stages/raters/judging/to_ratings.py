"""A judge's answers as judgements.   verdicts -> ratings, comparisons, position bias"""

from typing import Any

import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.common.bootstrap import Estimate, ratio
from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.wording import parse

COUPLE = ["prompt_id", "low_id", "high_id", "aspect"]
SAID = {"aspect": pl.String, "value": pl.Float64, "why_none": pl.String}


def said(verdicts: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Return a row for each answer and aspect, with its value or the reason of null."""
    rows, positions = [], []
    columns = verdicts.select("text", "finish_reason", "reason").iter_rows()
    for row, (text, finish_reason, reason) in enumerate(columns):
        for aspect, value in parse(text, finish_reason, options).items():
            known = not isinstance(value, str)
            rows.append((aspect, value if known else None, None if known else reason or value))
            positions.append(row)
    return verdicts[positions].hstack(pl.DataFrame(rows, schema=SAID, orient="row"))


def as_ratings(read: pl.DataFrame, rater: str) -> pl.DataFrame:
    """Return each response's mean over votes; without a readable vote null, with a reason."""
    score = pl.col("value").mean()
    rows = (
        read.group_by("prompt_id", "aspect", response_id="first_id")
        .agg(score=score, reason=_reason(score.is_null()))
        .with_columns(rater=pl.lit(rater))
    )
    return _filled(rows, Ratings.create_empty()).sort("response_id", "aspect")


def as_comparisons(read: pl.DataFrame, rater: str) -> pl.DataFrame:
    """Return one preference for each couple, of the verdicts in its two orders.

    A verdict that flips with the order counts as a tie, else the mean of both orders counts; each
    order's is the mean of its votes. Null if an order has no readable verdict: the other alone
    would be as biased as the judge. first_id is the smaller id, since both orders were shown.
    """
    low, high = pl.col("low"), pl.col("high")
    flips, unknown = low * high < 0, low.is_null() | high.is_null()
    whole = (low + high) / 2
    preference = pl.when(~unknown).then(pl.when(flips).then(0.0).otherwise(whole))
    rows = (
        _orders(read)
        .with_columns(
            preference=preference,
            rater=pl.lit(rater),
            reason=pl.when(unknown).then("reason"),
        )
        .rename({"low_id": "first_id", "high_id": "second_id"})
    )
    return _filled(rows, Comparisons.create_empty()).sort("first_id", "second_id", "aspect")


def _orders(read: pl.DataFrame) -> pl.DataFrame:
    """Return each couple's preference for its smaller id, by the order shown.

    low, high: where the smaller id is shown first, and where the larger is
    """
    value, low_first = pl.col("value"), pl.col("first_id") < pl.col("second_id")
    return (
        read.with_columns(
            low_id=pl.min_horizontal("first_id", "second_id"),
            high_id=pl.max_horizontal("first_id", "second_id"),
        )
        .group_by(COUPLE)
        .agg(
            low=value.filter(low_first).mean(),
            high=-value.filter(~low_first).mean(),
            reason=pl.col("why_none").min(),
        )
        .sort(COUPLE)
    )


def position_bias(read: pl.DataFrame) -> dict[str, Any]:
    """Return the effect of the order shown, over couples and aspects with both orders readable.

    position_bias: share of decided orders whose verdict is for the answer shown first, .5 where
        the order plays no part; the meaning of position_bias among calibrate's raters
    order_effect:  twice its distance from .5: of a judge that takes the first whatever it is in
        that share of its answers, and else judges truly, that share; below 0 it takes the second
    flipped:       share of couples whose verdict flips with the order, and so became a tie
    """
    known = _orders(read).drop_nulls(["low", "high"])
    # An order's verdict is for the first shown where low is preferred in low's, high in high's.
    first = (pl.col("low") > 0).cast(pl.Float64) + (pl.col("high") < 0)
    second = (pl.col("low") < 0).cast(pl.Float64) + (pl.col("high") > 0)
    share = ratio(known, first, first + second)
    flipped = ratio(known, (pl.col("low") * pl.col("high") < 0).cast(pl.Float64))
    estimates = {"position_bias": share, "order_effect": _effect(share), "flipped": flipped}
    return {
        key: value
        for name, estimate in estimates.items()
        for key, value in estimate.named(name).items()
    }


def _effect(share: Estimate) -> Estimate:
    """Return how much more often the first is taken than the second, of the share of the first."""
    if share.value is None:
        return share
    ends = share.interval and (2 * share.interval[0] - 1, 2 * share.interval[1] - 1)
    return Estimate(2 * share.value - 1, ends)


def _reason(when: pl.Expr) -> pl.Expr:
    return pl.when(when).then(pl.col("why_none").min())


def _filled(rows: pl.DataFrame, empty: pl.DataFrame) -> pl.DataFrame:
    """Return rows with all columns of a table, the unknown ones as nulls."""
    known = rows.select(name for name in rows.columns if name in empty.columns)
    return pl.concat([empty, known], how="diagonal")
