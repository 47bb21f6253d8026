"""Reliability data: judgements by item and rater, folded to the distinct profiles.

judgements: item, rater, aspect, source, value: a number, a text category, or null where missing
tally:      aspect, profile, item, num_items, rater, source, value: items to which the same raters
            gave the same values share a profile, stored once, with the number of its items and the
            least of their ids. Tallies of buckets that share no item add up to that of all.
"""

from collections.abc import Iterable

import polars as pl

from rather.stages.agreement.levels import Kind

KEY = ("first_id", "second_id", "rater")
UNDECIDED = "undecided"  # the reason of a score that is an opinion, though no number
BESIDE = "|"  # stands in no id


def of_ratings(ratings: pl.DataFrame) -> pl.DataFrame:
    """Read each rating as a judgement of its response."""
    score = pl.col("score")
    return ratings.select(
        "rater",
        "aspect",
        "source",
        item="response_id",
        value=pl.when(score.is_finite()).then(score),
    )


def of_comparisons(comparisons: pl.DataFrame) -> pl.DataFrame:
    """Read each comparison as a judgement of its pair, in the order that was shown first.

    Raters who saw opposite orders can thus agree. Judgements of both orders by a rater count once:
    the mean of the two, or its sign where neither is graded.
    """
    first, second = pl.col("first_id"), pl.col("second_id")
    low_first = first < second
    turned = low_first != low_first.first().over(
        pl.min_horizontal(first, second), pl.max_horizontal(first, second)
    )
    value = pl.col("preference") * pl.when(turned).then(-1.0).otherwise(1.0)
    judged = comparisons.sort("source", "source_line", *KEY).select(
        "rater",
        "aspect",
        "source",
        item=pl.min_horizontal(first, second) + BESIDE + pl.max_horizontal(first, second),
        value=value.replace(-0.0, 0.0),  # no tie is minus zero
    )
    return _once(judged)


def as_met(ratings: pl.DataFrame, comparisons: pl.DataFrame) -> dict[Kind, pl.DataFrame]:
    """Read the judgements of a source as they are, before repeats are set aside.

    A line on which several raters compare two answers is an item of its own, though the same two
    answers return further down. Of several scores by one rater of one answer the last counts.
    """
    last = ratings.unique(["response_id", "rater", "aspect"], keep="last", maintain_order=True)
    on_line = [pl.col("source"), pl.col("source_line")]
    several = pl.col("rater").n_unique().over(*on_line) > 1
    line = pl.when(several).then(pl.format("{}:{}", *on_line)).otherwise(pl.lit(""))
    items = comparisons.select(
        "rater", "aspect", "source", "source_line", "preference", pair_line=line
    ).hstack(comparisons.select("first_id", "second_id"))
    named = items.with_columns(
        pl.concat_str("first_id", "pair_line"), pl.concat_str("second_id", "pair_line")
    )
    return {"score": of_ratings(last), "compare": of_comparisons(named)}


def undecided_as_category(ratings: pl.DataFrame) -> pl.DataFrame:
    """Replace an opinion that is no number by a category of its own."""
    beyond = pl.col("score").max() + 1
    undecided = pl.when(pl.col("reason") == UNDECIDED).then(beyond)
    return of_ratings(ratings.with_columns(score=pl.coalesce("score", undecided)))


def _once(judged: pl.DataFrame) -> pl.DataFrame:
    """Reduce a rater's judgements of one item and aspect to one."""
    key = ["item", "rater", "aspect"]
    repeated = judged.select(pl.struct(key).hash().is_duplicated()).to_series()
    if not repeated.any():
        return judged
    value = pl.col("value")
    mean = value.mean()
    merged = (
        judged.filter(repeated)
        .sort(*key, "source", "value")
        .group_by(key, maintain_order=True)
        .agg(
            pl.col("source").first(),
            value=pl.when(value.is_in([-1.0, 0.0, 1.0]).all()).then(mean.sign()).otherwise(mean),
        )
    )
    return pl.concat([judged.filter(~repeated), merged.select(judged.columns)])


def tally(judgements: pl.DataFrame) -> pl.DataFrame:
    """Fold the judgements of complete items to profiles."""
    parts = judgements.partition_by("aspect")
    return pl.concat([_fold(part) for part in parts]) if parts else _fold(judgements)


def merge(tallies: Iterable[pl.DataFrame]) -> pl.DataFrame:
    """Merge the tallies of buckets that share no item."""
    keys = ["aspect", "profile", "rater", "source", "value"]
    everything = pl.concat(tallies)
    merged = everything.group_by(keys).agg(pl.col("item").min(), pl.col("num_items").sum())
    return merged.select(everything.columns)


def _fold(judgements: pl.DataFrame) -> pl.DataFrame:
    """Fold judgements of one aspect: a profile is the sum, modulo 2^64, of its judgements' hashes.

    The chance of a collision among a million profiles is 3e-8.
    """
    hashes = judgements.select("rater", "source", "value").hash_rows()
    profiles = (
        judgements.select("item", profile=hashes)
        .group_by("item")
        .agg(pl.col("profile").sum())
        .group_by("profile")
        .agg(pl.col("item").min(), num_items=pl.len().cast(pl.Int64))
    )
    profiled = judgements.join(profiles, on="item")
    return profiled.select("aspect", "profile", "item", "num_items", "rater", "source", "value")
