"""What each pair is worth to a strategy: the larger, the sooner it is chosen from its prompt."""

from collections.abc import Callable

import polars as pl

from rather.stages.common.ids import digests

DIGITS = 12  # of a hash: a number that a float holds exactly
FARTHEST = 10.0  # sd or log-odds: what lies beyond is not worth more, and must not dwarf the rest


def quality() -> pl.Expr:
    """Margin; where there is none, the log-odds that chosen is truly better; where neither, 1."""
    sure = pl.col("p_correct").clip(1e-6, 1 - 1e-6)
    known = pl.coalesce(pl.col("margin").fill_nan(None), (sure / (1 - sure)).log().fill_nan(None))
    return known.fill_null(1.0).clip(-FARTHEST, FARTHEST)


def best_worst(seed: int) -> pl.Expr:
    """Prefer the widest quality: the prompt's best answer against its worst."""
    return quality()


def best_random(seed: int) -> pl.Expr:
    """Prefer the prompt's best answer, against any other: which one, a seeded hash tells."""
    standing = pl.coalesce(
        pl.col("chosen_score"), pl.len().over("prompt_id", "chosen_id").cast(pl.Float64)
    )
    best = standing == standing.max().over("prompt_id")
    drawn = digests(pl.lit(str(seed)), pl.col("pair_id").cast(pl.String)).str.slice(0, DIGITS)
    return best.cast(pl.Float64) + drawn.str.to_integer(base=16) / 16.0**DIGITS


def best_nearest(seed: int) -> pl.Expr:
    """Prefer the best answer against the one nearest to mean - 2 sd of the prompt's scores.

    As N samples grow, best against worst teaches less than best against this one (Finding the
    Sweet Spot, 2025). Mean and sd are those of the answers in clear pairs. Without scores: quality.
    """
    chosen, rejected = pl.col("chosen_score"), pl.col("rejected_score")
    aim = pl.col("mean_score") - 2 * pl.col("sd_score")
    far = (pl.col("best_score") - chosen) + (rejected - aim).abs()
    return pl.coalesce((-far).clip(-FARTHEST, 0.0), quality() - 2 * FARTHEST)


def scores_of_prompts(clear: pl.DataFrame) -> pl.DataFrame:
    """Return each prompt's best_score, mean_score and sd_score over its answers in clear pairs."""
    sides = [
        clear.select("prompt_id", answer=f"{side}_id", score=f"{side}_score")
        for side in ("chosen", "rejected")
    ]
    score = pl.col("score")
    return (
        pl.concat(sides)
        .drop_nulls("score")
        .unique(["prompt_id", "answer"])
        .sort("prompt_id", "answer")
        .group_by("prompt_id")
        .agg(best_score=score.max(), mean_score=score.mean(), sd_score=score.std(ddof=0))
    )


STRATEGIES: dict[str, Callable[[int], pl.Expr]] = {
    "best_worst": best_worst,
    "best_random": best_random,
    "best_nearest": best_nearest,
    "all": best_worst,
}
NEEDED: dict[str, tuple[str, ...]] = {
    "best_random": ("chosen_id", "chosen_score"),
    "best_nearest": ("chosen_id", "rejected_id", "chosen_score", "rejected_score"),
}
