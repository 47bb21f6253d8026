"""Training data of sft and reward.   prompts, responses, comparisons -> demonstrations, pairs"""

import polars as pl

from rather.schemas.base import MESSAGES_DTYPE
from rather.schemas.training_sets import Demonstrations, RewardPairs
from rather.stages.common.ids import digest

TRAIN = pl.col("split") == "train"


def demonstrations(prompts: pl.DataFrame) -> pl.DataFrame:
    """Return each training prompt that has an answer to imitate, with that answer."""
    return (
        prompts.filter(undemonstrated().is_null())
        .select("prompt_id", prompt="messages", completion=_said("demonstration"))
        .select(Demonstrations.column_names())
        .sort("prompt_id")
    )


def undemonstrated() -> pl.Expr:
    """Return the reason why a prompt gives no demonstration, null if it gives one."""
    return (
        pl.when(~TRAIN)
        .then(pl.lit("held_out"))
        .when(pl.col("demonstration").is_null())
        .then(pl.lit("no_demonstration"))
    )


def decide(prompts: pl.DataFrame, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Add to comparisons their prompt, chosen_id, rejected_id, row_id, and `reason`: null to keep.

    The same preference of one rater in both orders of two answers counts once.
    """
    first_better = pl.col("preference") > 0
    sided = comparisons.drop("reason").with_columns(
        chosen_id=pl.when(first_better).then("first_id").otherwise("second_id"),
        rejected_id=pl.when(first_better).then("second_id").otherwise("first_id"),
    )
    keys = sided.select("chosen_id", "rejected_id", "rater").iter_rows()
    ids = pl.Series("row_id", [digest(key) for key in keys], dtype=pl.String)
    reason = (
        pl.when(pl.col("preference").is_null())
        .then(pl.lit("no_preference"))
        .when(pl.col("preference") == 0)
        .then(pl.lit("tie"))
        .when(~TRAIN)
        .then(pl.lit("held_out"))
        .when(~pl.col("row_id").is_first_distinct())
        .then(pl.lit("said_again"))
    )
    asked = prompts.select("prompt_id", "split", prompt="messages")
    return (
        sided.with_columns(ids)
        .join(asked, on="prompt_id", how="left", maintain_order="left")
        .with_columns(reason=reason)
    )


def reward_pairs(decided: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """Return the comparisons that `decide` keeps, with their texts."""
    texts = responses.filter(pl.col("text").is_not_null()).unique("response_id")
    said = texts.select("response_id", answer=_said("text"))
    return (
        decided.filter(pl.col("reason").is_null())
        .join(said.rename({"response_id": "chosen_id", "answer": "chosen"}), on="chosen_id")
        .join(said.rename({"response_id": "rejected_id", "answer": "rejected"}), on="rejected_id")
        .select(RewardPairs.column_names())
        .sort("row_id")
    )


def _said(column: str) -> pl.Expr:
    """Return a text as an assistant's message."""
    message = pl.struct(role=pl.lit("assistant"), content=pl.col(column))
    return pl.concat_list(message).cast(MESSAGES_DTYPE)
