"""Bring raters to one scale.   ratings -> raters, scores"""

import polars as pl

from schemas.scores import Raters, Scores

DECIMALS = 12  # sums of floats differ beyond; scaled up, that noise would be a preference


def raters(ratings: pl.DataFrame) -> pl.DataFrame:
    """Describe each rater's use of its own scale."""
    score = pl.col("score")
    return (
        ratings.group_by("rater")
        .agg(
            num_ratings=score.count().cast(pl.Int64),
            num_missing=score.null_count().cast(pl.Int64),
            mean=score.mean(),
            sd=score.std(ddof=0),
        )
        .sort("rater")
        .select(Raters.column_names())
    )


def scores(ratings: pl.DataFrame, scales: pl.DataFrame) -> pl.DataFrame:
    """Give each rated response one calibrated score, in standard deviations.

    A rater's scores are standardised over all its ratings, never per prompt: that would give a
    prompt whose answers are all alike the spread of one whose answers differ. A rater who gave
    everything the same score says nothing and adds zero. The mean over raters is scaled to unit
    standard deviation over all responses, so that a margin means the same however many rate.
    """
    standard = (pl.col("score") - pl.col("mean")) / pl.col("sd")
    means = (
        ratings.filter(pl.col("score").is_not_null())
        .join(scales.select("rater", "mean", "sd"), on="rater")
        .with_columns(z=pl.when(pl.col("sd") > 0).then(standard).otherwise(0.0))
        .sort("response_id", "rater")
        .group_by("response_id", "prompt_id", maintain_order=True)
        .agg(score=pl.col("z").mean().round(DECIMALS), num_raters=pl.len().cast(pl.Int64))
    )
    spread = means["score"].std(ddof=0)
    unit = spread if isinstance(spread, float) and spread > 0 else 1.0
    return means.with_columns(pl.col("score") / unit).select(Scores.column_names())
