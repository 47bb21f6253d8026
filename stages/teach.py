"""What sft and reward learn from.   prompts, responses, comparisons -> demonstrations, pairs"""

import polars as pl

from schemas.messages import MESSAGES_DTYPE
from schemas.training_sets import Demonstrations, RewardPairs
from stages.ids import digest

TRAIN = pl.col("split") == "train"


def demonstrations(prompts: pl.DataFrame) -> pl.DataFrame:
    """Give each training prompt that has an answer to imitate, with it."""
    return (
        prompts.filter(TRAIN, pl.col("demonstration").is_not_null())
        .select("prompt_id", prompt="messages", completion=_said("demonstration"))
        .select(Demonstrations.column_names())
        .sort("prompt_id")
    )


def reward_pairs(
    prompts: pl.DataFrame, responses: pl.DataFrame, comparisons: pl.DataFrame
) -> pl.DataFrame:
    """Give each comparison of answers to a training prompt in which one of the two was better.

    A rater who said so of both orders of two answers said it once.
    """
    texts = responses.filter(pl.col("text").is_not_null()).unique("response_id")
    said = texts.select("response_id", answer=_said("text"))
    first_better = pl.col("preference") > 0
    decided = comparisons.filter(pl.col("preference").fill_null(0) != 0).with_columns(
        chosen_id=pl.when(first_better).then("first_id").otherwise("second_id"),
        rejected_id=pl.when(first_better).then("second_id").otherwise("first_id"),
    )
    rows = (
        decided.join(prompts.filter(TRAIN).select("prompt_id", prompt="messages"), on="prompt_id")
        .join(said.rename({"response_id": "chosen_id", "answer": "chosen"}), on="chosen_id")
        .join(said.rename({"response_id": "rejected_id", "answer": "rejected"}), on="rejected_id")
    )
    keys = rows.select("chosen_id", "rejected_id", "rater").iter_rows()
    ids = pl.Series("row_id", [digest(key) for key in keys], dtype=pl.String)
    return rows.with_columns(ids).unique("row_id").select(RewardPairs.column_names()).sort("row_id")


def _said(column: str) -> pl.Expr:
    """Turn a text into an assistant's message."""
    message = pl.struct(role=pl.lit("assistant"), content=pl.col(column))
    return pl.concat_list(message).cast(MESSAGES_DTYPE)
