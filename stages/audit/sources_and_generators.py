"""Where pairs come from: their files, who answered, and who wins against whom.   pairs -> counts"""

from typing import Any

import polars as pl

from rather.stages.winnow.rules import EVEN

MOST_GENERATORS = 20
WINS = ["low", "high"]


def by_source(pairs: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    """Count pairs by the file their prompt stands in, and by fate: name, reason, num."""
    files = prompts.select("prompt_id", name="source")
    return pairs.join(files, on="prompt_id").group_by("name", "reason").agg(num=pl.len())


def with_generators(pairs: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """Add who gave the two answers; of a text that several gave, the first.

    responses: response_id and generator, each response once
    """
    who = responses.select("response_id", "generator")
    for side in ("chosen", "rejected"):
        named = who.rename({"response_id": f"{side}_id", "generator": f"{side}_generator"})
        pairs = pairs.join(named, on=f"{side}_id", how="left", maintain_order="left")
    return pairs


def by_generator(pairs: pl.DataFrame) -> pl.DataFrame:
    """Count pairs by who gave an answer of it, and by fate: name, reason, num."""
    both = pl.concat_list("chosen_generator", "rejected_generator").list.unique()
    return (
        pairs.select("reason", name=both)
        .explode("name")
        .group_by("name", "reason")
        .agg(num=pl.len())
    )


def wins(pairs: pl.DataFrame) -> pl.DataFrame:
    """Count how each two generators fare against each other, before any rule.

    low, high: their names in order;  low_wins, high_wins, ties
    """
    chosen, rejected = pl.col("chosen_generator"), pl.col("rejected_generator")
    tied, first = is_tie(), chosen < rejected
    return (
        pairs.filter(chosen != rejected)
        .group_by(low=pl.min_horizontal(chosen, rejected), high=pl.max_horizontal(chosen, rejected))
        .agg(
            low_wins=(first & ~tied).sum().cast(pl.Int64),
            high_wins=(~first & ~tied).sum().cast(pl.Int64),
            ties=tied.sum().cast(pl.Int64),
        )
    )


def is_tie() -> pl.Expr:
    """Flag pairs without a preference."""
    leaning = pl.coalesce(
        pl.col("p_correct") == EVEN, pl.col("margin") == 0, pl.col("agreement") == EVEN
    )
    return leaning.fill_null(False)


def model_wins(counted: pl.DataFrame) -> list[dict[str, Any]]:
    """List the pairs of generators that met most, the one that wins more often first."""
    met = pl.col("low_wins") + pl.col("high_wins") + pl.col("ties")
    most = counted.with_columns(met=met).sort("met", *WINS, descending=[True, False, False])
    return [_duel(row) for row in most.head(MOST_GENERATORS**2 // 2).to_dicts()]


def _duel(row: dict[str, Any]) -> dict[str, Any]:
    """Count two generators' wins over each other."""
    sides = [(row["low"], row["low_wins"]), (row["high"], row["high_wins"])]
    (winner, won), (loser, lost) = sorted(sides, key=lambda side: (-side[1], side[0]))
    return {"winner": winner, "loser": loser, "wins": won, "losses": lost, "ties": row["ties"]}
