"""Join the text and write what trainers read.   chosen, labels, prompts, responses -> dpo, kto"""

from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict

from rather.schemas.base import MESSAGES_DTYPE
from rather.schemas.training_sets import Dpo, Kto
from rather.stages.calibrate.raters_of import NOBODY, judges_of_pairs
from rather.stages.convert.label_rules import Labels

ANSWERED = ("response_id", "text", "generator")  # what is asked of responses
JUDGED = ("response_id", "rater", "aspect", "score")  # and of ratings


class Options(BaseModel):
    """The training sets wanted, and what makes an answer desirable to KTO."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    to: tuple[Literal["dpo", "kto"], ...] = ("dpo", "kto")
    kto: Labels = Labels()


def to_dpo(
    chosen: pl.DataFrame,
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    ratings: pl.DataFrame,
    comparisons: pl.DataFrame,
    round_: str | None = None,
) -> pl.DataFrame:
    """Return DPO rows: each chosen pair of a bucket with its conversation and evidence."""
    needed = pl.concat([chosen["chosen_id"], chosen["rejected_id"]])
    texts = _texts(responses, needed)
    judges = judges_of_pairs(chosen, ratings, comparisons)
    return (
        chosen.join(prompts.select("prompt_id", prompt="messages"), on="prompt_id")
        .join(_side(texts, "chosen"), on="chosen_id")
        .join(_side(texts, "rejected"), on="rejected_id")
        .join(judges, on="pair_id", how="left")
        .with_columns(
            _as_message("chosen"),
            _as_message("rejected"),
            pl.col("raters").fill_null(NOBODY),
            round=pl.lit(round_, pl.String),
        )
        .select(Dpo.column_names())
        .sort("prompt_id", "pair_id")
    )


def to_kto(
    labels: pl.DataFrame,
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    class_weights: tuple[float, float],
    round_: str | None = None,
) -> pl.DataFrame:
    """Return KTO rows: each labelled response with its conversation and its class's weight."""
    labelled = labels.filter(pl.col("label").is_not_null())
    texts = _texts(responses, labelled["response_id"])
    desirable, undesirable = class_weights
    return (
        labelled.join(prompts.select("prompt_id", "split", prompt="messages"), on="prompt_id")
        .join(texts.rename({"text": "completion"}), on="response_id")
        .with_columns(
            _as_message("completion"),
            pl.col("raters").fill_null(NOBODY),
            weight=pl.when("label").then(desirable).otherwise(undesirable),
            round=pl.lit(round_, pl.String),
        )
        .select(Kto.column_names())
        .sort("prompt_id", "response_id")
    )


def _texts(responses: pl.DataFrame, needed: pl.Series) -> pl.DataFrame:
    """Return text and first generator of each needed response."""
    return (
        responses.select(ANSWERED)
        .filter(pl.col("response_id").is_in(needed.unique().implode()))
        .unique("response_id", keep="first")
    )


def _side(texts: pl.DataFrame, side: str) -> pl.DataFrame:
    """Rename texts to the columns of one side of a pair."""
    return texts.select(
        pl.col("text").alias(side),
        pl.col("response_id").alias(f"{side}_id"),
        pl.col("generator").alias(f"{side}_generator"),
    )


def _as_message(column: str) -> pl.Expr:
    """Return a text column as a list of one assistant message."""
    message = pl.struct(role=pl.lit("assistant"), content=pl.col(column))
    return pl.concat_list(message).cast(MESSAGES_DTYPE).alias(column)
