"""Does the policy win against the model it started from?   samples, ratings -> win rates"""

from collections.abc import Mapping
from typing import Any

import polars as pl

from rather.stages.evaluate.bootstrap import ratio

SAME = ["prompt_id", "sample_index"]


def win_rates(
    samples: pl.DataFrame,
    baseline: pl.DataFrame,
    ratings: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]],
) -> dict[str, Any]:
    """Compare two models' answers to the same prompt, first with first, second with second.

    samples, baseline: the policy's and the first model's Responses
    ratings: each rater's Ratings of both

    win_rate:          share of couples whose policy's answer was rated higher, ties counting half;
        of a couple that several raters judged, their mean; with its 95% interval over prompts
    win_rate_by_rater: the same of each rater, and how many couples it judged
    """
    judged = [
        _couples(samples, baseline, *both).with_columns(rater=pl.lit(rater))
        for rater, both in ratings.items()
    ]
    couples = pl.concat(judged) if judged else pl.DataFrame(schema=COUPLES)
    each = couples.group_by(SAME, maintain_order=True).agg(pl.col("won").mean())
    by_rater = {
        rater: {**ratio(rows, pl.col("won")).named("win_rate"), "couples": rows.height}
        for rater in ratings
        for rows in [couples.filter(pl.col("rater") == rater)]
    }
    return {**ratio(each, pl.col("won")).named("win_rate"), "win_rate_by_rater": by_rater}


COUPLES = {"prompt_id": pl.String, "sample_index": pl.Int64, "won": pl.Float64, "rater": pl.String}


def _couples(
    samples: pl.DataFrame,
    baseline: pl.DataFrame,
    rated: pl.DataFrame,
    baseline_rated: pl.DataFrame,
) -> pl.DataFrame:
    """Pair answers by prompt and sample; without a rating of both there is no couple."""
    ours, theirs = _scored(samples, rated), _scored(baseline, baseline_rated)
    won = ((pl.col("score") - pl.col("score_right")).sign() + 1) / 2
    return ours.join(theirs, on=SAME).select(*SAME, won=won).sort(SAME)


def _scored(samples: pl.DataFrame, rated: pl.DataFrame) -> pl.DataFrame:
    scores = rated.filter(pl.col("score").is_not_null()).select("response_id", "score")
    return (
        samples.select(*SAME, "response_id").join(scores, on="response_id").select(*SAME, "score")
    )
