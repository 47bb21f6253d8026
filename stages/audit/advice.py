"""What the numbers advise: whether enough pairs are left, of everything, and balanced."""

from math import exp
from typing import Any, Literal, NamedTuple

import polars as pl

from rather.stages.common.spelling import counted

FEW, MANY = 1_000, 5_000
NUM_AT_LEAST = 20  # prompts of a group: of fewer, its rate says little
FAR_BELOW = 0.8  # of the rate of all ...
NUM_ERRORS = 3.0  # ... and by so many standard errors: a group that small would not be by chance


class Advice(NamedTuple):
    """One sentence for the user, and how loud it is."""

    level: Literal["warning", "note"]
    sentence: str


def of_size(num_pairs: int) -> Advice | None:
    """Return advice if there are too few training pairs."""
    if num_pairs < FEW:
        return Advice(
            "warning",
            f"{counted(num_pairs, 'training pair')}: below {FEW:,} training rarely helps; collect "
            "more ratings, or relax the rule that dropped most",
        )
    if num_pairs < MANY:
        return Advice(
            "note",
            f"{counted(num_pairs, 'training pair')}: below {MANY:,} compare the trained model with "
            "the one it started from before using it",
        )
    return None


def of_length(share_longer: float | None, target: float, tolerance: float) -> Advice | None:
    """Return advice if the share of longer chosen answers is not the declared one."""
    if share_longer is None or abs(share_longer - target) <= tolerance:
        return None
    return Advice(
        "warning",
        f"the chosen answer is the longer in {share_longer:.1%} of pairs, {target:.0%} was "
        "declared: too few pairs lean the other way; add responses for the same prompts, or lower "
        "choose.keep_at_least to drop more pairs instead",
    )


def retention(prompts: pl.DataFrame, kept: pl.Series, by: str) -> pl.DataFrame:
    """Return each group's prompts before and after, its rate, and whether the rate is far too low.

    prompts: prompt_id and the grouping column (source, category, cluster); null is a group too
    kept:    ids of the prompts that still have a pair
    flagged: a group of 20 or more, kept at under 0.8 of the rate of all, by 3 standard errors
    """
    # outside the aggregation, which would look through all of `kept` once per group
    marked = prompts.select(group=by, stays=pl.col("prompt_id").is_in(kept.implode()))
    groups = marked.group_by("group").agg(before=pl.len(), after=pl.col("stays").sum())
    rate = pl.col("after") / pl.col("before")
    overall = pl.col("after").sum() / pl.col("before").sum()
    error = (overall * (1 - overall) / pl.col("before")).sqrt()
    low = (rate < FAR_BELOW * overall) & (rate < overall - NUM_ERRORS * error)
    return groups.select(
        pl.col("group").cast(pl.String),
        pl.col("before").cast(pl.Int64),
        pl.col("after").cast(pl.Int64),
        rate=rate,
        flagged=low & (pl.col("before") >= NUM_AT_LEAST),
    ).sort("group")


def diversity(prompts: pl.DataFrame, kept: pl.Series) -> dict[str, dict[str, Any]]:
    """Describe the variety of prompts before and after, by cluster of near-duplicates.

    effective_clusters: exp of the entropy: as many equal clusters would be as various
    """
    after = prompts.filter(pl.col("prompt_id").is_in(kept.implode()))
    return {"before": _variety(prompts), "after": _variety(after)}


def _variety(prompts: pl.DataFrame) -> dict[str, Any]:
    """Count prompts and clusters, and give the largest one's share."""
    sizes = prompts["cluster"].value_counts(name="num")["num"].sort()
    share = sizes / prompts.height
    return {
        "prompts": prompts.height,
        "clusters": sizes.len(),
        "largest_share": share.max(),
        "effective_clusters": exp(share.entropy(normalize=False) or 0.0)
        if prompts.height
        else None,
    }
