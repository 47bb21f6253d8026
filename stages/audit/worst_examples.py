"""The worst pairs of each reason, for a person to look at.   pairs with their fate -> rows

Worst is what the reason's own evidence says: the smallest margin, the lowest agreement. Of the kept
pairs the least sure are the worst.
"""

import polars as pl

from rather.stages.audit.objective_conflicts import TURNED

KEPT = "kept"
MOST = 200
UNKNOWN = 2.0  # of probabilities, shares and margins: what nobody knows comes after what is bad

# What a reason judges by, the worst having the least of it.
LEAST = {
    KEPT: pl.col("p_correct"),
    "complete": pl.min_horizontal("chosen_tokens", "rejected_tokens"),
    "distinct": -pl.col("similarity"),
    "margin": pl.col("margin"),
    "good_enough": pl.col("chosen_rating"),
    "agreement": pl.col("agreement"),
    "num_raters": pl.col("num_raters"),
    "confident": pl.col("p_correct"),
    "consistent": pl.col("p_correct"),
    "objectives_agree": pl.col("objectives_for") - pl.col("objectives_against"),
    "sane_length": -pl.max_horizontal("chosen_tokens", "rejected_tokens"),
    "length_balance": -pl.col("length_gap").abs(),
}
ELSE = pl.col("p_correct")


def worst(pairs: pl.DataFrame, flipped_from: float, most: int = MOST) -> pl.DataFrame:
    """Return the worst pairs of each reason and each finding; chosen pairs have the reason `kept`.

    pairs: Pairs with stage, reason, failed and p_label; one that was dropped and is a finding too
        is listed under both.  Adds `badness`, by which the worst of several
    buckets are the worst of all: the least is the worst. Equal ones go by pair_id, a hash.
    """
    named = pairs.with_columns(pl.col("reason").fill_null(KEPT))
    parts = [
        _of_reason(rows, LEAST.get(str(reason), ELSE), most)
        for (reason,), rows in sorted(named.partition_by("reason", as_dict=True).items())
    ]
    found = [
        _of_reason(rows.with_columns(reason=pl.lit(name), stage=pl.lit("audit")), least, most)
        for name, (rows, least) in _findings(pairs, flipped_from).items()
    ]
    return pl.concat([*parts, *found])


def _findings(pairs: pl.DataFrame, flipped_from: float) -> dict[str, tuple[pl.DataFrame, pl.Expr]]:
    """Return the pairs to inspect whatever the rules decide, with their badness."""
    label = pl.col("p_label")
    return {
        "flipped_label": (pairs.filter(label <= 1 - flipped_from), label),
        "in_a_test_set": (pairs.drop_nulls("contamination"), ELSE),
        "repeated_prompt": (pairs.drop_nulls("duplicate_of"), ELSE),
    }


def _of_reason(rows: pl.DataFrame, least: pl.Expr, most: int) -> pl.DataFrame:
    """Return the worst pairs of one reason; without its evidence, the least certain ones."""
    badness = pl.coalesce(least, ELSE, "agreement", "margin").cast(pl.Float64)
    return rows.with_columns(badness=badness).sort("badness", "pair_id", nulls_last=True).head(most)


def still_worst(parts: list[pl.DataFrame], most: int = MOST) -> pl.DataFrame:
    """Return the worst pairs over several buckets."""
    ordered = pl.concat(parts).sort("reason", "badness", "pair_id", nulls_last=True)
    return ordered.group_by("reason", maintain_order=True).head(most)


def judgements(
    pairs: pl.DataFrame, ratings: pl.DataFrame, comparisons: pl.DataFrame
) -> pl.DataFrame:
    """List all that was said of each pair: pair_id, judgements.

    chosen, rejected: the rater's scores of both;  preference: 1 where it prefers chosen, -1 where
    it prefers rejected, as comparisons tell
    """
    of = ["pair_id", "rater", "aspect"]
    scores, votes = _scores(pairs, ratings), _votes(pairs, comparisons)
    said = scores.join(votes, on=of, how="full", coalesce=True)
    one = pl.struct(pl.col(name).cast(dtype) for name, dtype in JUDGEMENT.items())
    return said.sort(*of, "preference").group_by("pair_id", maintain_order=True).agg(judgements=one)


JUDGEMENT = {
    "rater": pl.String,
    "aspect": pl.String,
    "chosen": pl.Float64,
    "rejected": pl.Float64,
    "preference": pl.Float64,
}


def _scores(pairs: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """Lay the scores of both answers side by side."""
    of = ["pair_id", "rater", "aspect"]
    sides = [
        pairs.select("pair_id", response_id=f"{side}_id")
        .join(ratings, on="response_id")
        .select(*of, pl.col("score").alias(side))
        for side in ("chosen", "rejected")
    ]
    return sides[0].join(sides[1], on=of, how="full", coalesce=True)


def _votes(pairs: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Turn comparisons of the two answers to the side of chosen."""
    sides = [
        pairs.select("pair_id", first_id=first, second_id=second, side=pl.lit(side))
        for first, second, side in TURNED
    ]
    told = comparisons.join(pl.concat(sides), on=["first_id", "second_id"])
    preference = (pl.col("preference") * pl.col("side")).replace(-0.0, 0.0)
    return told.select("pair_id", "rater", "aspect", preference=preference)
