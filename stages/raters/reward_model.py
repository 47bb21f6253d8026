"""A model trained on comparisons: its raw logit is the score."""

from math import isfinite
from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from stages.rating import ratings, to_rate


class Options(BaseModel, extra="forbid", frozen=True):
    """Which model, and how it reads.

    model:      folder of a sequence classifier with one label
    max_length: in tokens, prompt and response together;  batch_size: responses at a time
    """

    model: str = "data/models/reward"
    max_length: int = Field(default=512, ge=1)
    batch_size: int = Field(default=64, ge=1)


def rate(
    rater: str, prompts: pl.DataFrame, responses: pl.DataFrame, options: Options, seed: int
) -> pl.DataFrame:
    """Score responses by the model's raw logit; one that is not finite gives null, `not_finite`."""
    asked = to_rate(prompts, responses)
    logits = [] if asked.is_empty() else _logits(asked, options)
    rated = asked.with_columns(
        score=pl.Series([x if isfinite(x) else None for x in logits], dtype=pl.Float64)
    ).with_columns(reason=pl.when(pl.col("score").is_null()).then(pl.lit("not_finite")))
    return ratings(rater, rated)


def _logits(asked: pl.DataFrame, options: Options) -> list[float]:
    """Let the model read every conversation, in order."""
    from trainer.rewards import score

    conversations = (
        (messages, [{"role": "assistant", "content": text}])
        for messages, text in asked.select("messages", "text").iter_rows()
    )
    return score(Path(options.model), conversations, options.max_length, options.batch_size)
