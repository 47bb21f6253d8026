"""Judge each answer by itself.   features, scores, ratings -> labels

KTO learns from absolute labels: what an answer is worth, not what it was compared with
(Ethayarajh et al. 2024, arXiv:2402.01306).
"""

import polars as pl

from rather.schemas.training_sets import DroppedLabels
from rather.stages.calibrate.raters_of import (
    NOBODY,
    judges_of_both_sides,
    judges_of_pairs,
    judges_of_responses,
)
from rather.stages.convert.label_rules import Rule

DECIMALS = 12  # means of equal numbers differ beyond; that noise would be a label
MOST = 4 / 3


def label(
    features: pl.DataFrame, scores: pl.DataFrame, ratings: pl.DataFrame, rule: Rule
) -> pl.DataFrame:
    """Return each response of a bucket with its `label`, or the `reason` for a missing one.

    Reasons: incomplete (blank, or cut before it ended), unscored, disputed, undecided.
    """
    rows = _finished(features).join(scores.drop("prompt_id"), on="response_id", how="left")
    if rule.at_most_sd is not None:
        rows = rows.join(_disagreement(ratings), on="response_id", how="left")
    if rule.by == "per_prompt":
        rows = rows.sort(
            "prompt_id", "response_id"
        )  # a mean is a sum of floats, which order changes
    good, bad = _judged(rule)
    reason = (
        pl.when(pl.col("score").is_null())
        .then(pl.lit("unscored"))
        .when(_disputed(rule))
        .then(pl.lit("disputed"))
        .when(good == bad)
        .then(pl.lit("undecided"))
    )
    judged = _decided(rows, good, reason)
    labelled = judged.filter(pl.col("label").is_not_null())
    return judged.join(judges_of_responses(labelled, ratings), on="response_id", how="left")


def label_by_pairs(
    features: pl.DataFrame,
    chosen: pl.DataFrame,
    ratings: pl.DataFrame,
    comparisons: pl.DataFrame,
    rule: Rule,
) -> pl.DataFrame:
    """Label the responses of the chosen pairs: a relative judgement made absolute.

    Reasons: incomplete, unpaired (in no chosen pair), disputed, both_sides (chosen here, rejected
    there).
    """
    named = chosen.join(judges_of_pairs(chosen, ratings, comparisons), on="pair_id", how="left")
    sides = pl.concat(
        named.select("raters", response_id=side, good=pl.lit(side == "chosen_id"))
        for side in ("chosen_id", "rejected_id")
    )
    ways = sides.group_by("response_id").agg(good=pl.col("good").any(), bad=(~pl.col("good")).any())
    unscored = {"score": pl.lit(None, pl.Float64), "rating": pl.lit(None, pl.Float64)}
    rows = (
        _finished(features)
        .join(ways, on="response_id", how="left")
        .join(judges_of_both_sides(sides), on="response_id", how="left")
        .with_columns(pl.col("raters").fill_null(NOBODY), **unscored)
        .with_columns(num_raters=pl.col("raters").list.len().cast(pl.Int64))
    )
    reason = (
        pl.when(pl.col("good").is_null())
        .then(pl.lit("unpaired"))
        .when(_disputed(rule))
        .then(pl.lit("disputed"))
        .when(pl.col("good") & pl.col("bad"))
        .then(pl.lit("both_sides"))
    )
    return _decided(rows, pl.col("good"), reason)


def unlabelled(labels: pl.DataFrame) -> pl.DataFrame:
    """Return the responses without a label."""
    dropped = labels.filter(pl.col("label").is_null()).select(DroppedLabels.column_names())
    return dropped.sort("prompt_id", "response_id")


def one_sided(labels: pl.DataFrame) -> dict[str, int]:
    """Count prompts by the labels of their answers: of both kinds, or of one kind only.

    Buckets hold whole prompts, so their counts add up.
    """
    good = pl.col("label")
    prompts = labels.drop_nulls("label").group_by("prompt_id").agg(any=good.any(), all=good.all())
    kinds = {
        "both_kinds": pl.col("any") & ~pl.col("all"),
        "only_desirable": pl.col("all"),
        "only_undesirable": ~pl.col("any"),
    }
    return {name: prompts.filter(kind).height for name, kind in kinds.items()}


def weights(num_desirable: int, num_undesirable: int) -> tuple[float, float]:
    """Return KTO's weights of desirable and undesirable answers for a training split.

    lambda_D n_D / (lambda_U n_U) is brought into [1, 4/3] (Ethayarajh et al. 2024, section 4.2)
    by raising the weight of the rarer class as little as that asks; with one class alone there is
    nothing to balance.
    """
    if not num_desirable or not num_undesirable:
        return 1.0, 1.0
    ratio = num_desirable / num_undesirable
    return max(1.0, 1 / ratio), max(1.0, ratio / MOST)


def _finished(features: pl.DataFrame) -> pl.DataFrame:
    """Return the responses with `finished`: neither blank nor cut."""
    finished = ~(pl.col("blank") | pl.col("unfinished"))
    return features.select("response_id", "prompt_id", finished=finished)


def _decided(rows: pl.DataFrame, good: pl.Expr, reason: pl.Expr) -> pl.DataFrame:
    """Add each row's label where it has no reason against one."""
    incomplete = pl.when(~pl.col("finished")).then(pl.lit("incomplete"))
    return rows.with_columns(reason=incomplete.otherwise(reason), good=good).with_columns(
        label=pl.when(pl.col("reason").is_null()).then(pl.col("good"))
    )


def _judged(rule: Rule) -> tuple[pl.Expr, pl.Expr]:
    """Return expressions for good and bad responses; those that are both are undecided."""
    value = pl.col(rule.of)
    if rule.by == "per_prompt":
        mean = value.filter("finished").mean().over("prompt_id")
        above = (value - mean).round(DECIMALS)
        return above > 0, above < 0
    if rule.by == "threshold":
        return value >= rule.at_least, value < rule.at_least
    return value >= rule.at_least, value <= rule.at_most


def _disputed(rule: Rule) -> pl.Expr:
    """Return an expression for responses with too few raters, or raters too far apart."""
    few = pl.col("num_raters").clip(1) < rule.at_least_raters
    return few if rule.at_most_sd is None else few | (pl.col("sd") > rule.at_most_sd)


def _disagreement(ratings: pl.DataFrame) -> pl.DataFrame:
    """Return the largest standard deviation of each response's scores over aspects."""
    return (
        ratings.group_by("response_id", "aspect")
        .agg(sd=pl.col("score").std(ddof=0))
        .group_by("response_id")
        .agg(pl.col("sd").max())
    )
