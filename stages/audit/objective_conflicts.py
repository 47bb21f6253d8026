"""Which objectives are at odds: aspects that prefer different answers of a pair.   -> counts"""

from itertools import combinations
from typing import Any

import polars as pl

from rather.stages.calibrate.ratings_per_item import OVERALL
from rather.stages.pair.rater_votes import DECIMALS

MOST_ASPECTS = 10
TURNED = (("chosen_id", "rejected_id", 1.0), ("rejected_id", "chosen_id", -1.0))
COUNTS = {
    "first": pl.String,
    "second": pl.String,
    "pairs": pl.Int64,
    "agree": pl.Int64,
    "disagree": pl.Int64,
}


def conflicts(
    pairs: pl.DataFrame, ratings: pl.DataFrame, comparisons: pl.DataFrame
) -> pl.DataFrame:
    """Count, for each two aspects beside overall, the pairs on which both prefer an answer.

    agree, disagree: both prefer the same, or one the other;  counts of several buckets add up
    """
    signs = _signs(pairs, ratings, comparisons)
    aspects = signs["aspect"].unique().sort()[:MOST_ASPECTS].to_list()
    wide = signs.filter(pl.col("sign") != 0).pivot("aspect", index="pair_id", values="sign")
    known = [aspect for aspect in aspects if aspect in wide.columns]
    rows = [_couple(wide, *couple) for couple in combinations(known, 2)]
    return pl.DataFrame(rows, schema=COUNTS)


def _couple(wide: pl.DataFrame, first: str, second: str) -> dict[str, Any]:
    """Count the pairs of which both of two aspects prefer an answer."""
    product = wide.select(pl.col(first) * pl.col(second)).to_series().drop_nulls()
    agree, disagree = int((product > 0).sum()), int((product < 0).sum())
    sides = {"first": first, "second": second}
    return {**sides, "pairs": product.len(), "agree": agree, "disagree": disagree}


def _signs(pairs: pl.DataFrame, ratings: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return pair_id, aspect and sign, above zero where the aspect prefers chosen.

    As in the evidence: votes first, then gaps of raters who scored both, then means.
    """
    tiers = [_votes(pairs, comparisons), *_scored(pairs, ratings)]
    every = pl.concat(tier.with_columns(tier=pl.lit(at)) for at, tier in enumerate(tiers))
    return (
        every.sort("pair_id", "aspect", "tier")
        .unique(["pair_id", "aspect"], keep="first", maintain_order=True)
        .select("pair_id", "aspect", sign=pl.col("told").round(DECIMALS).sign())
    )


def _votes(pairs: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Sum up each aspect's votes on each pair."""
    given = _beside_overall(comparisons, "preference")
    sides = [
        pairs.select("pair_id", first_id=one, second_id=other, side=pl.lit(side))
        for one, other, side in TURNED
    ]
    voted = given.join(pl.concat(sides), on=["first_id", "second_id"])
    return voted.group_by("pair_id", "aspect", maintain_order=True).agg(
        told=(pl.col("preference") * pl.col("side")).sum()
    )


def _scored(pairs: pl.DataFrame, ratings: pl.DataFrame) -> list[pl.DataFrame]:
    """Sum up the gaps of raters who scored both answers, and take the gap of all raters' means."""
    given = _beside_overall(ratings, "score").select("response_id", "rater", "aspect", "score")
    both = _beside(pairs, given, ["rater", "aspect"])
    means = given.group_by("response_id", "aspect").agg(pl.col("score").mean())
    gap = pl.col("score") - pl.col("score_rejected")
    apart = _beside(pairs, means, ["aspect"])
    return [
        both.group_by("pair_id", "aspect", maintain_order=True).agg(told=gap.sum()),
        apart.select("pair_id", "aspect", told=gap),
    ]


def _beside(pairs: pl.DataFrame, given: pl.DataFrame, on: list[str]) -> pl.DataFrame:
    """Lay the scores of both answers of each pair side by side."""
    chosen = pairs.select("pair_id", "rejected_id", response_id="chosen_id").join(
        given, on="response_id"
    )
    return chosen.join(
        given.rename({"response_id": "rejected_id"}), on=["rejected_id", *on], suffix="_rejected"
    )


def _beside_overall(judged: pl.DataFrame, value: str) -> pl.DataFrame:
    """Return the judgements of single aspects that have a value."""
    return judged.filter(pl.col("aspect") != OVERALL, pl.col(value).is_not_null())
