"""Join the text and write what trainers read.   chosen, prompts, responses, scores -> dpo, kto"""

from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, FiniteFloat, model_validator

from schemas.messages import MESSAGES_DTYPE
from schemas.training_sets import Dpo, DroppedLabels, Kto


class Options(BaseModel):
    """What is written, and where a response becomes a KTO label.

    to: the training sets wanted. The thresholds are in standard deviations of the calibrated
    score: at or above `desirable_at_least` it is desirable, at or below `undesirable_at_most` it
    is not, and what lies between says too little to be either.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: tuple[Literal["dpo", "kto"], ...] = ("dpo", "kto")
    desirable_at_least: FiniteFloat = 0.5
    undesirable_at_most: FiniteFloat = -0.5

    @model_validator(mode="after")
    def _in_order(self) -> "Options":
        if self.undesirable_at_most >= self.desirable_at_least:
            raise ValueError(
                f"undesirable_at_most: expected less than desirable_at_least "
                f"({self.desirable_at_least:g}), found {self.undesirable_at_most:g}"
            )
        return self


def to_dpo(chosen: pl.DataFrame, prompts: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """Give each chosen pair its conversation, with the evidence it was chosen on."""
    texts = _texts(responses)
    return (
        chosen.join(prompts.select("prompt_id", prompt="messages"), on="prompt_id")
        .join(texts.rename({"response_id": "chosen_id", "answer": "chosen"}), on="chosen_id")
        .join(texts.rename({"response_id": "rejected_id", "answer": "rejected"}), on="rejected_id")
        .select(Dpo.column_names())
        .sort("pair_id")
    )


def label(scores: pl.DataFrame, features: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Add `label` and `reason` to each scored response: judged by itself, not against another."""
    score = pl.col("score")
    finished = ~(pl.col("blank") | pl.col("unfinished"))
    good, bad = score >= options.desirable_at_least, score <= options.undesirable_at_most
    return scores.join(
        features.select("response_id", "blank", "unfinished"), on="response_id", how="left"
    ).with_columns(
        label=pl.when(finished).then(pl.when(good).then(True).when(bad).then(False)),
        reason=pl.when(~finished)
        .then(pl.lit("incomplete"))
        .when(~(good | bad))
        .then(pl.lit("undecided")),
    )


def to_kto(labels: pl.DataFrame, prompts: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """Give each labelled response its conversation."""
    return (
        labels.filter(pl.col("label").is_not_null())
        .join(prompts.select("prompt_id", "split", prompt="messages"), on="prompt_id")
        .join(_texts(responses).rename({"answer": "completion"}), on="response_id")
        .select(Kto.column_names())
        .sort("response_id")
    )


def unlabelled(labels: pl.DataFrame) -> pl.DataFrame:
    """Give the scored responses that became no label."""
    return labels.filter(pl.col("label").is_null()).select(DroppedLabels.column_names())


def _texts(responses: pl.DataFrame) -> pl.DataFrame:
    """Give each distinct response as an assistant's message."""
    message = pl.struct(role=pl.lit("assistant"), content=pl.col("text"))
    return (
        responses.filter(pl.col("text").is_not_null())
        .unique("response_id", keep="first", maintain_order=True)
        .select("response_id", answer=pl.concat_list(message).cast(MESSAGES_DTYPE))
    )
