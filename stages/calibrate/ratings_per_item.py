"""One judgement per rater and item, over all aspects.

A rater's overall judgement counts, even if it is missing; without one, the mean over its aspects.
"""

import polars as pl

OVERALL = "overall"


def ratings_as_judged(ratings: pl.DataFrame) -> pl.DataFrame:
    """Return response_id, prompt_id, rater and score; null for a missing score."""
    return _one_each(ratings, ["response_id", "prompt_id", "rater"], "score")


def comparisons_as_judged(comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return first_id, second_id, prompt_id, rater and preference; null for a missing one."""
    items = ["first_id", "second_id", "prompt_id", "rater"]
    return _one_each(comparisons, items, "preference")


def _one_each(rows: pl.DataFrame, keys: list[str], value: str) -> pl.DataFrame:
    whole = pl.col("aspect") == OVERALL
    if rows.select(whole.all()).item():
        return rows.select(*keys, value)
    overall = rows.filter(whole).select(*keys, value)
    rest = rows.filter(~whole).join(overall, on=keys, how="anti").sort(*keys, "aspect")
    means = rest.group_by(keys, maintain_order=True).agg(pl.col(value).mean())
    return pl.concat([overall, means]).sort(keys)


def votes(comparisons: pl.DataFrame) -> pl.DataFrame:
    """Return each preference as a vote on an unordered pair, sorted by pair and rater.

    low_id, high_id: the smaller and the larger response id
    vote:            1 for low, -1 for high, 0 a tie, between them a graded preference
    shown:           1 where low stands first, -1 where it stands second
    """
    low_first = pl.col("first_id") < pl.col("second_id")
    side = pl.when(low_first).then(1.0).otherwise(-1.0)
    return (
        comparisons_as_judged(comparisons)
        .filter(pl.col("preference").is_not_null())
        .select(
            "prompt_id",
            "rater",
            low_id=pl.min_horizontal("first_id", "second_id"),
            high_id=pl.max_horizontal("first_id", "second_id"),
            vote=pl.col("preference") * side,
            shown=side,
        )
        .sort("low_id", "high_id", "rater", "shown")
    )
