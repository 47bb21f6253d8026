"""A model trained on comparisons: its raw logit is the score."""

from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

from stages.rating import ratings, to_rate


class Options(BaseModel, extra="forbid", frozen=True):
    """Which model, and how it reads.

    model:      folder of a sequence classifier with one label
    max_length: in tokens, prompt and response together, the trainer's where it is not given
    batch_size: responses at a time
    """

    model: str = "data/models/reward"
    max_length: int = Field(default=512, ge=1)
    batch_size: int = Field(default=64, ge=1)


def rate(
    rater: str, prompts: pl.DataFrame, responses: pl.DataFrame, options: Options, seed: int
) -> pl.DataFrame:
    """Score responses by the model's raw logit.

    A blank response, or one with no room after its prompt, gives null, reason `unreadable`; a logit
    that is no finite number gives null, reason `not_finite`.
    """
    asked = to_rate(prompts, responses)
    logits = pl.Series("score", _logits(asked, options), dtype=pl.Float64)
    score, finite = pl.col("score"), pl.col("score").is_finite()
    rated = asked.with_columns(logits).with_columns(
        score=pl.when(finite).then(score),
        reason=pl.when(score.is_null())
        .then(pl.lit("unreadable"))
        .when(~finite)
        .then(pl.lit("not_finite")),
    )
    return ratings(rater, rated)


def _logits(asked: pl.DataFrame, options: Options) -> list[float | None]:
    """Let the model read every conversation; without any, load none."""
    if asked.is_empty():
        return []
    from trainer.rewards import score

    conversations = (
        (messages, [{"role": "assistant", "content": text}])
        for messages, text in asked.select("messages", "text").iter_rows()
    )
    return score(Path(options.model), conversations, options.max_length, options.batch_size)
