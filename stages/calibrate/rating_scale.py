"""Recognition of the scale that all raters share.   ratings -> Scale, or None"""

from typing import NamedTuple

import polars as pl

WIDER = 3  # times another's range: no longer the same scale used with more care
DECIMALS = 9
ENOUGH = 20  # scores by which a rater shows how far up its scale goes


class Scale(NamedTuple):
    """Lowest and highest possible score."""

    lowest: float
    highest: float

    @property
    def middle(self) -> float:
        """The midpoint."""
        return (self.lowest + self.highest) / 2

    @property
    def eighth(self) -> float:
        """An eighth of the scale's width."""
        return (self.highest - self.lowest) / 8


THUMBS = Scale(0, 1)
USUAL = (THUMBS, Scale(1, 5), Scale(1, 10))


def usage(ratings: pl.DataFrame, times: str | None = None) -> pl.DataFrame:
    """Summarise each rater's scores by aspect; rows of several buckets may be stacked.

    times: a column with the count of each score; None counts each row once
    """
    score = pl.col("score")
    given = score.count() if times is None else pl.col(times).filter(score.is_not_null()).sum()
    return (
        ratings.group_by("rater", "aspect")
        .agg(
            num_scores=given.cast(pl.Int64),
            lowest=score.min(),
            highest=score.max(),
            whole=(score == score.floor()).all(),
        )
        .sort("rater", "aspect")
    )


def shared_scale(used: pl.DataFrame) -> Scale | None:
    """Recognise the scale that all raters use: thumbs (0, 1), 1 to 5 or 1 to 10, in whole scores.

    It must contain every score. At least one rater must use its top, and each rater of 20 scores or
    more must go above the next smaller scale: stars out of five among marks out of ten are no
    shared scale. None if no scale qualifies.
    """
    given = used.filter(pl.col("num_scores") > 0)
    if given.is_empty() or not given["whole"].all():
        return None
    columns = pl.col("num_scores").sum(), pl.col("lowest").min(), pl.col("highest").max()
    raters = given.group_by("rater", "aspect").agg(columns)
    lowest, highest = raters.select(pl.col("lowest").min(), pl.col("highest").max()).row(0)
    for number, scale in enumerate(USUAL):
        if scale.lowest <= lowest and highest <= scale.highest:
            return scale if number == 0 or _reached(scale, USUAL[number - 1], raters) else None
    return None


def _reached(scale: Scale, smaller: Scale, raters: pl.DataFrame) -> bool:
    """Check that a scale's top is used, and that no rater of many scores fits a smaller scale."""
    steady = pl.col("highest").filter(pl.col("num_scores") >= ENOUGH)
    top, lowest_top = raters.select(pl.col("highest").max(), low=steady.min()).row(0)
    return bool(top == scale.highest and (lowest_top is None or lowest_top > smaller.highest))


def on_one_scale(used: pl.DataFrame) -> bool:
    """Check whether raters of 20 scores or more use comparable ranges.

    Ranges differ if one is over three times another's width, or if two do not overlap.
    """
    steady = (
        used.filter(pl.col("num_scores") >= ENOUGH, pl.col("highest") > pl.col("lowest"))
        .group_by("rater")
        .agg(pl.col("lowest").min(), pl.col("highest").max())
    )
    if steady.height < 2:
        return True
    widths = steady["highest"] - steady["lowest"]
    apart = steady.select(pl.col("lowest").max() >= pl.col("highest").min()).item()
    return not apart and bool(widths.max() <= WIDER * widths.min())  # type: ignore[operator]


def standardised(ratings: pl.DataFrame, means: pl.DataFrame) -> pl.DataFrame:
    """Standardise each rater's scores by its mean and standard deviation over all of them.

    means: rater, mean and sd; a constant rater gets 0
    """
    score = (pl.col("score") - pl.col("mean")) / pl.col("sd")
    spread = pl.when(pl.col("sd") > 0).then(score).otherwise(pl.col("score") * 0.0)
    return (
        ratings.join(means.select("rater", "mean", "sd"), on="rater", how="left")
        .with_columns(score=spread.round(DECIMALS))
        .select(ratings.columns)
    )


def means_of(ratings: pl.DataFrame) -> pl.DataFrame:
    """Compute each rater's mean and population standard deviation."""
    score = pl.col("score")
    return (
        ratings.sort("rater", "score")
        .group_by("rater")
        .agg(mean=score.mean(), sd=score.std(ddof=0))
    )
