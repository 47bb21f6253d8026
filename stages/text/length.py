"""Effect of length on preference: in pairs before and after selection, and by rater.

Gaps are integers, so results are computed from counts of equal gaps: fast, additive over buckets,
and bit-equal whatever the order of rows.
"""

from typing import Any

import numpy as np
import polars as pl

from rather.stages.common.logistic import fit

UNITS = {"tokens": "tokens", "characters": "chars"}
JUDGED = ["rater", "kind"]


def share_longer(pairs: pl.DataFrame) -> float | None:
    """Compute the share of chosen answers that are longer, over pairs of unequal length."""
    gap = pairs["length_gap"]
    unequal = gap.filter(gap != 0)
    return float((unequal > 0).sum()) / unequal.len() if unequal.len() else None


def length_report(pairs: pl.DataFrame) -> dict[str, Any]:
    """Compute length statistics of pairs in tokens and in characters; undefined ones are null.

    num_longer, num_shorter, num_equal: pairs whose chosen answer is longer, shorter, equal
    share_longer: of those of unequal length; the accuracy of the rule "the longer one wins"
    mean_gap, median_gap: length of chosen minus rejected
    effect_size:  Cohen's d of log(1 + length)
    pearson, spearman: of margin and gap
    slope, slope_low, slope_high: of the logistic regression of a randomly oriented preference on
        tanh(gap / its root mean square), with its 95% interval; 0 without an effect of length
    win_at_equal_length: probability of the first of two equally long answers: near 0.5 by chance
    """
    return {
        "num_pairs": pairs.height,
        **{unit: _of_unit(pairs, suffix) for unit, suffix in UNITS.items()},
    }


def _of_unit(pairs: pl.DataFrame, suffix: str) -> dict[str, Any]:
    """Compute length statistics in one unit."""
    chosen, rejected = pl.col(f"chosen_{suffix}"), pl.col(f"rejected_{suffix}")
    first = pl.col("pair_id").str.slice(-1).is_in(list("02468ace"))  # an id is a hash: a fair coin
    gap = (chosen - rejected).alias("gap")
    counts = (
        pairs.select(gap=pl.when(first).then(gap).otherwise(-gap), won=first)
        .group_by("gap", "won")
        .len("num")
    )
    gaps = pairs.select(gap, "margin")
    return {
        **_shares(gaps["gap"]),
        "effect_size": _effect_size(pairs.select(chosen=chosen, rejected=rejected)),
        "pearson": _correlation(gaps, "pearson"),
        "spearman": _correlation(gaps, "spearman"),
        **slope(counts),
    }


def _shares(gap: pl.Series) -> dict[str, Any]:
    """Count pairs by the longer answer, and compute the mean and median gap."""
    longer, shorter = int((gap > 0).sum()), int((gap < 0).sum())
    return {
        "num_longer": longer,
        "num_shorter": shorter,
        "num_equal": gap.len() - longer - shorter,
        "share_longer": longer / (longer + shorter) if longer + shorter else None,
        "mean_gap": int(gap.sum()) / gap.len() if gap.len() else None,
        "median_gap": gap.median(),
    }


def _effect_size(lengths: pl.DataFrame) -> float | None:
    """Compute Cohen's d: the difference of mean log lengths in pooled standard deviations."""
    if lengths.is_empty():
        return None
    (mean, variance), (other_mean, other_variance) = (
        _moments(lengths[side]) for side in ("chosen", "rejected")
    )
    pooled = ((variance + other_variance) / 2) ** 0.5
    return (mean - other_mean) / pooled if pooled > 0 else None


def _moments(lengths: pl.Series) -> tuple[float, float]:
    """Compute mean and variance of log(1 + length), from counts of equal lengths."""
    counted = lengths.value_counts(name="num").sort(lengths.name)
    logs, num = np.log1p(counted[lengths.name].to_numpy()), counted["num"].to_numpy()
    mean = float(np.average(logs, weights=num))
    return mean, float(np.average((logs - mean) ** 2, weights=num))


def _correlation(gaps: pl.DataFrame, method: Any) -> float | None:
    """Correlate margin and gap; null without margins, or where either is the same everywhere."""
    known = gaps.filter(pl.col("margin").is_finite()).sort("margin", "gap")
    if known.height < 2 or any(known[name].n_unique() < 2 for name in known.columns):
        return None
    return float(known.select(pl.corr("margin", "gap", method=method)).item())


def slope(counts: pl.DataFrame) -> dict[str, float | None]:
    """Regress `won` on tanh(gap / root mean square), from counts of gap, won and num."""
    counted = counts.sort("gap", "won")
    gap, num = counted["gap"].to_numpy().astype(np.float64), counted["num"].to_numpy()
    spread = float(np.sqrt(np.average(gap**2, weights=num))) if len(gap) else 0.0
    fitted = fit(np.tanh(gap / (spread or 1.0)), counted["won"].to_numpy(), num)
    return {
        "slope": fitted and fitted.slope,
        "slope_low": fitted and fitted.low,
        "slope_high": fitted and fitted.high,
        "win_at_equal_length": fitted and fitted.at_zero,
    }


def judged_gaps(
    ratings: pl.DataFrame, comparisons: pl.DataFrame, features: pl.DataFrame
) -> pl.DataFrame:
    """Count each rater's decided judgements of two answers: rater, kind, gap, won, num.

    gap: length in tokens of the first answer minus the second's;  won: the first was preferred
    The first answer is the one shown first; for ratings, the one with the smaller id.
    Counts of several buckets add up.
    """
    tokens = features.select("response_id", tokens="num_tokens")
    votes = pl.concat([_of_comparisons(comparisons), _of_ratings(ratings)])
    return (
        votes.join(tokens, left_on="first", right_on="response_id")
        .join(tokens, left_on="second", right_on="response_id", suffix="_second")
        .group_by(*JUDGED, gap=pl.col("tokens") - pl.col("tokens_second"), won=pl.col("won"))
        .agg(num=pl.len())
    )


def _of_comparisons(comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return the decided comparisons."""
    return comparisons.filter(pl.col("preference") != 0).select(
        "rater",
        pl.lit("compare").alias("kind"),
        first="first_id",
        second="second_id",
        won=pl.col("preference") > 0,
    )


def _of_ratings(ratings: pl.DataFrame) -> pl.DataFrame:
    """Return pairs of answers to a prompt that a rater scored differently in one aspect."""
    same = ["prompt_id", "rater", "aspect"]
    given = ratings.drop_nulls("score").select(*same, "response_id", "score")
    return (
        given.join(given, on=same, suffix="_second")
        .filter(
            pl.col("response_id") < pl.col("response_id_second"),
            pl.col("score") != pl.col("score_second"),
        )
        .select(
            "rater",
            pl.lit("score").alias("kind"),
            first="response_id",
            second="response_id_second",
            won=pl.col("score") > pl.col("score_second"),
        )
    )


def rater_lengths(counts: pl.DataFrame) -> pl.DataFrame:
    """Compute each rater's share of longer winners, and the slope, from `judged_gaps`."""
    total = counts.group_by(*JUDGED, "gap", "won").agg(pl.col("num").sum())
    rows = [
        {"rater": rater, "kind": kind, **_of_rater(group)}
        for (rater, kind), group in sorted(total.partition_by(JUDGED, as_dict=True).items())
    ]
    return pl.DataFrame(rows, schema=RATER_LENGTHS)


RATER_LENGTHS = {
    "rater": pl.String,
    "kind": pl.String,
    "num_unequal": pl.Int64,
    "share_longer": pl.Float64,
    "slope": pl.Float64,
    "slope_low": pl.Float64,
    "slope_high": pl.Float64,
    "win_at_equal_length": pl.Float64,
}


def _of_rater(counts: pl.DataFrame) -> dict[str, Any]:
    """Compute one rater's statistics."""
    unequal = counts.filter(pl.col("gap") != 0)
    longer = int(unequal.filter((pl.col("gap") > 0) == pl.col("won"))["num"].sum())
    num = int(unequal["num"].sum())
    return {"num_unequal": num, "share_longer": longer / num if num else None, **slope(counts)}


def longer_wins(
    comparisons: pl.DataFrame, features: pl.DataFrame, unit: str = "num_chars"
) -> tuple[int, int]:
    """Count pairs where the majority prefers the longer answer, and all counted pairs.

    This is a baseline for judges. Pairs count if one answer has more votes than the other and than
    the ties, and if lengths differ. Counts of several buckets add up.
    """
    length = features.select("response_id", length=unit)
    swapped = pl.col("first_id") > pl.col("second_id")
    vote = pl.col("preference").sign() * pl.when(swapped).then(-1).otherwise(1)
    first, second, tie = ((pl.col("vote") == value).sum() for value in (1, -1, 0))
    votes = (
        comparisons.drop_nulls("preference")
        .select(
            low=pl.min_horizontal("first_id", "second_id"),
            high=pl.max_horizontal("first_id", "second_id"),
            vote=vote,
        )
        .group_by("low", "high")
        .agg(first=first, second=second, tie=tie)
        .join(length, left_on="low", right_on="response_id")
        .join(length, left_on="high", right_on="response_id", suffix="_high")
    )
    most = pl.max_horizontal("first", "second")
    decided = votes.filter(
        pl.col("first") != pl.col("second"),
        most > pl.col("tie"),
        pl.col("length") != pl.col("length_high"),
    )
    right = (pl.col("length") > pl.col("length_high")) == (pl.col("first") > pl.col("second"))
    return int(decided.select(right.sum()).item()), decided.height
