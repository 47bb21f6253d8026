"""Pair responses within a prompt.   prompts, features, scores, ratings -> pairs"""

import polars as pl

from schemas.pairs import DroppedPrompts, Pairs
from stages.ids import digest, pair_id


def pair(
    prompts: pl.DataFrame,
    features: pl.DataFrame,
    scores: pl.DataFrame,
    ratings: pl.DataFrame,
    seed: int,
) -> pl.DataFrame:
    """Make every pair of scored responses to one prompt, the higher score chosen.

    A tie is oriented by a hash of the seed and the pair, so that its order means nothing.
    """
    scored = features.join(scores.drop("prompt_id"), on="response_id")
    both = _two_of_each(scored)
    oriented = _orient(both, seed)
    evidence = _agreement(oriented, ratings)
    return (
        oriented.join(evidence, on="pair_id", how="left")
        .join(prompts.select("prompt_id", "split"), on="prompt_id")
        .with_columns(
            pl.col("num_raters").fill_null(0),
            margin=pl.col("chosen_score") - pl.col("rejected_score"),
            length_gap=pl.col("chosen_tokens") - pl.col("rejected_tokens"),
        )
        .select(Pairs.column_names())
        .sort("pair_id")
    )


def unpaired(prompts: pl.DataFrame, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Name each prompt without a pair, and why."""
    counts = features.group_by("prompt_id").agg(num_responses=pl.len())
    reason = (
        pl.when(pl.col("num_responses").is_null())
        .then(pl.lit("no_response"))
        .when(pl.col("num_responses") == 1)
        .then(pl.lit("one_response"))
        .otherwise(pl.lit("fewer_than_two_scored"))
    )
    return (
        prompts.join(pairs, on="prompt_id", how="anti")
        .join(counts, on="prompt_id", how="left")
        .select("prompt_id", reason=reason)
        .select(DroppedPrompts.column_names())
        .sort("prompt_id")
    )


def _two_of_each(scored: pl.DataFrame) -> pl.DataFrame:
    """Join each prompt's responses with one another, each pair once."""
    first = scored.select(
        "prompt_id",
        first_id="response_id",
        first_score="score",
        first_tokens="num_tokens",
        first_key="key",
        first_complete=~(pl.col("blank") | pl.col("unfinished")),
    )
    second = first.rename(lambda name: name.replace("first_", "second_"))
    both = first.join(second, on="prompt_id").filter(pl.col("first_id") < pl.col("second_id"))
    ids = [pair_id(one, two) for one, two in both.select("first_id", "second_id").iter_rows()]
    return both.with_columns(pair_id=pl.Series(ids, dtype=pl.String)).sort("pair_id")


def _orient(both: pl.DataFrame, seed: int) -> pl.DataFrame:
    """Call the response with the higher score chosen."""
    coins = [int(digest([str(seed), name]), 16) % 2 == 0 for name in both["pair_id"]]
    coin = pl.Series("coin", coins, dtype=pl.Boolean)
    gap = pl.col("first_score") - pl.col("second_score")
    first_wins = (gap > 0) | ((gap == 0) & coin)
    return both.select(
        "pair_id",
        "prompt_id",
        *_sided("id", first_wins),
        *_sided("score", first_wins),
        *_sided("tokens", first_wins),
        complete=pl.col("first_complete") & pl.col("second_complete"),
        distinct=pl.col("first_key") != pl.col("second_key"),
    )


def _sided(name: str, first_wins: pl.Expr) -> list[pl.Expr]:
    """Give a column of the two responses as one of chosen and one of rejected."""
    first, second = pl.col(f"first_{name}"), pl.col(f"second_{name}")
    return [
        pl.when(first_wins).then(first).otherwise(second).alias(f"chosen_{name}"),
        pl.when(first_wins).then(second).otherwise(first).alias(f"rejected_{name}"),
    ]


def _agreement(oriented: pl.DataFrame, ratings: pl.DataFrame) -> pl.DataFrame:
    """Count, over the raters of both responses, the share who prefer chosen; a tie is one half.

    One rater alone is no evidence of agreement: null.
    """
    given = ratings.filter(pl.col("score").is_not_null()).select("response_id", "rater", "score")
    preference = (pl.col("score") - pl.col("score_right")).sign()
    halves = preference.sum() + pl.len()  # 2 for chosen, 1 for a tie; whole numbers sum exactly
    return (
        oriented.select("pair_id", "chosen_id", "rejected_id")
        .join(given, left_on="chosen_id", right_on="response_id")
        .join(given, left_on=["rejected_id", "rater"], right_on=["response_id", "rater"])
        .group_by("pair_id")
        .agg(num_raters=pl.len().cast(pl.Int64), agreement=halves / (2 * pl.len()))
        .with_columns(agreement=pl.when(pl.col("num_raters") > 1).then(pl.col("agreement")))
    )
