"""A program that knows the one right answer."""

import polars as pl
from pydantic import BaseModel

from stages.rating import ratings, to_rate


class Options(BaseModel, extra="forbid", frozen=True):
    """Nothing to turn: an answer is exactly right or it is not."""


def rate(
    rater: str, prompts: pl.DataFrame, responses: pl.DataFrame, options: Options, seed: int
) -> pl.DataFrame:
    """Score 1 what equals the prompt's answer but for outer white space, and 0 anything else.

    A prompt without an answer gives null, reason `no_answer`.
    """
    text, answer = pl.col("text").str.strip_chars(), pl.col("answer").str.strip_chars()
    rated = to_rate(prompts, responses).with_columns(
        score=(text == answer).cast(pl.Float64),
        reason=pl.when(answer.is_null()).then(pl.lit("no_answer")),
    )
    return ratings(rater, rated)
