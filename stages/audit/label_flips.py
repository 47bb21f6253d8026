"""Labels that everyone else contradicts, and raters who contradict themselves.   -> pairs"""

import polars as pl

from rather.stages.calibrate.rating_evidence import (
    Evidence,
    calibrated,
    log_odds_of_comparisons,
    log_odds_of_scores,
)
from rather.stages.common.ids import pair_ids
from rather.stages.pair.compared_pairs import contradictions
from rather.stages.sources.mapping import SOURCE

LABELS = (SOURCE, "label", "gold", "published")
LOW_HIGH = ["low_id", "high_id"]


def label_rater(named: str | None, raters: pl.DataFrame) -> str | None:
    """Return the rater that is the published label: as set, or by its name.

    Null where nobody of such a name compares answers, or where nobody else judges any.
    """
    comparing = raters.filter(pl.col("kind") == "compare")["rater"].to_list()
    found = next((name for name in ([named] if named else LABELS) if name in comparing), None)
    return found if raters.height > 1 else None


def labelled(
    pairs: pl.DataFrame,
    comparisons: pl.DataFrame,
    scores: pl.DataFrame,
    features: pl.DataFrame,
    raters: pl.DataFrame,
    evidence: Evidence,
    label: str,
) -> pl.DataFrame:
    """Weigh each published label by what everyone else says: pair_id, prompt_id, p_label.

    p_label: probability that the label is right, the label itself left out; where nobody's
        reliability is known, 1 or 0 by the side most others, or the scores, are on; null where
        nobody else judged the pair or they are even
    """
    own = _summed(comparisons.filter(pl.col("rater") == label))
    rest = comparisons.filter(pl.col("rater") != label)
    odds = log_odds_of_comparisons(rest, features, raters, evidence)
    told = own.join(odds, on=LOW_HIGH, how="left", maintain_order="left")
    scored = _with_scores(told, scores, features).with_columns(total=_log_odds(evidence))
    gap, votes = pl.col("low_score") - pl.col("high_score"), pl.col("num_low") - pl.col("num_high")
    sided = pl.coalesce(pl.when(votes != 0).then(votes), pl.when(gap != 0).then(gap)).sign()
    side = pl.col("vote").sign()
    surely = pl.when(sided.is_not_null()).then((sided == side).cast(pl.Float64))
    known = scored.with_columns(
        pair_id=pair_ids(pl.col("low_id"), pl.col("high_id")),
        p_label=pl.when(pl.col("total") != 0)
        .then(1 / (1 + (-pl.col("total") * side).exp()))
        .otherwise(surely),
    )
    return pairs.select("pair_id", "prompt_id").join(
        known.select("pair_id", "p_label"), on="pair_id", maintain_order="left"
    )


def contradicted(comparisons: pl.DataFrame, features: pl.DataFrame) -> int:
    """Count the couples of answers of which one rater has said both that one is better."""
    own = comparisons.with_columns(aspect=pl.concat_str("rater", "aspect", separator="\n"))
    return contradictions(own, features).height


def _summed(votes: pl.DataFrame) -> pl.DataFrame:
    """Sum up votes on unordered pairs, those that even out left out."""
    low_first = pl.col("first_id") < pl.col("second_id")
    side = pl.when(low_first).then(1.0).otherwise(-1.0)
    return (
        votes.drop_nulls("preference")
        .group_by(
            low_id=pl.min_horizontal("first_id", "second_id"),
            high_id=pl.max_horizontal("first_id", "second_id"),
            maintain_order=True,
        )
        .agg(vote=(pl.col("preference") * side).sum())
        .filter(pl.col("vote") != 0)
    )


def _with_scores(told: pl.DataFrame, scores: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """Add both answers' scores, with their variances, and lengths."""
    known = features.select("response_id", tokens="num_tokens").join(
        scores.select("response_id", "score", "variance"), on="response_id", how="left"
    )
    for side in ("low", "high"):
        named = known.rename({name: f"{side}_{name}" for name in ("score", "variance", "tokens")})
        told = told.join(
            named,
            left_on=f"{side}_id",
            right_on="response_id",
            how="left",
            maintain_order="left",
        )
    return told


def _log_odds(evidence: Evidence) -> pl.Expr:
    """Add up the log-odds for the low answer, null where neither scores nor votes tell any."""
    variance = pl.col("low_variance") + pl.col("high_variance")
    of_scores = log_odds_of_scores(pl.col("low_score") - pl.col("high_score"), variance)
    both = pl.sum_horizontal(of_scores, "log_odds")
    known = pl.when(of_scores.is_not_null() | pl.col("log_odds").is_not_null()).then(both)
    return calibrated(known, pl.col("low_tokens"), pl.col("high_tokens"), evidence)
