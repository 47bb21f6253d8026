"""The very same two answers, compared more than once with opposite outcomes."""

import polars as pl

SAME = ("group", "low", "high", "aspect")


def contradictions(
    comparisons: pl.DataFrame, features: pl.DataFrame, clusters: pl.DataFrame | None = None
) -> pl.DataFrame:
    """Name the contradicted pairs: low_id and high_id, the smaller and the larger response id.

    Answers are the same where they read the same (features.key). Whoever compared them, in
    whatever order, counts; what was judged must be the same aspect. Without `clusters` (prompt_id,
    cluster) answers meet within their prompt, with it within all prompts that nearly repeat it.
    """
    votes = _by_text(comparisons, features).with_columns(group="prompt_id")
    if clusters is not None:
        votes = votes.drop("group").join(
            clusters.select("prompt_id", group="cluster"), on="prompt_id"
        )
    low, high = (
        votes.filter(side).select(SAME) for side in (pl.col("vote") > 0, pl.col("vote") < 0)
    )
    both = low.join(high, on=SAME, how="semi").unique()
    return (
        votes.join(both, on=SAME, how="semi")
        .select(
            low_id=pl.min_horizontal("first_id", "second_id"),
            high_id=pl.max_horizontal("first_id", "second_id"),
        )
        .unique()
        .sort("low_id", "high_id")
    )


def _by_text(comparisons: pl.DataFrame, features: pl.DataFrame) -> pl.DataFrame:
    """Give each preference as a vote for the text whose key is smaller: `low` against `high`."""
    keys = features.select("response_id", "key")
    side = pl.when(pl.col("first_key") < pl.col("second_key")).then(1.0).otherwise(-1.0)
    return (
        comparisons.filter(pl.col("preference").is_not_null())
        .select("prompt_id", "first_id", "second_id", "aspect", "preference")
        .join(keys.rename({"response_id": "first_id", "key": "first_key"}), on="first_id")
        .join(keys.rename({"response_id": "second_id", "key": "second_key"}), on="second_id")
        .filter(pl.col("first_key") != pl.col("second_key"))
        .with_columns(
            low=pl.min_horizontal("first_key", "second_key"),
            high=pl.max_horizontal("first_key", "second_key"),
            vote=pl.col("preference") * side,
        )
    )
