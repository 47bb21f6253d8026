"""The input and output of every rater.   prompts, responses -> ratings, comparisons"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import polars as pl
from pydantic import BaseModel, Field

from rather.schemas.judgements import Comparisons, Ratings, Verdicts
from rather.stages.models.response_cache import conversation_keys

KEY = "key"


class Models(NamedTuple):
    """The folders of a rater that is, or asks, a model.

    model:     the rater itself, or what it asks;  reference: the model that training starts from
    store:     of rows that were paid for
    """

    model: Path
    reference: Path
    store: Path


class ProgramOptions(BaseModel, extra="forbid", frozen=True):
    """Options of a rater that is a program, under `raters` in params.yaml.

    Its file has a function rate(rater, prompts, responses, options, seed), which returns Ratings.
    """


class ModelOptions(BaseModel, extra="forbid", frozen=True):
    """Options of a rater that is, or asks, a model, under `model_raters` in params.yaml.

    Its file has a function rate(rater, prompts, responses, options, seed, models), which returns
    Rated.
    """

    costs_money: ClassVar[bool] = False  # true keeps it from rating what `evaluate` samples


class ReadingOptions(ModelOptions):
    """Options of a rater that reads a prompt and a response, and computes a number.

    max_length: in tokens, prompt and response together, the trainer's where it is not given
    batch_size: responses at a time
    chunk_size: responses after which what was computed is kept, the most that a kill can lose
    """

    max_length: int = Field(default=512, ge=1)
    batch_size: int = Field(default=16, ge=1)
    chunk_size: int = Field(default=8192, ge=1)


@dataclass(frozen=True)
class Rated:
    """A rater's tables; one that it does not fill is empty.

    verdicts:      a judge's own words
    num_not_asked: couples of responses that it was not asked to compare
    figures:       further figures, for its metrics
    """

    ratings: pl.DataFrame = field(default_factory=Ratings.create_empty)
    comparisons: pl.DataFrame = field(default_factory=Comparisons.create_empty)
    verdicts: pl.DataFrame = field(default_factory=Verdicts.create_empty)
    num_not_asked: int = 0
    figures: dict[str, Any] = field(default_factory=dict)


def to_rate(prompts: pl.DataFrame, responses: pl.DataFrame) -> pl.DataFrame:
    """Return each distinct response once, with its prompt's columns.

    Samples with one text share a response; it is finished unless all of them are known to have
    been cut. A failed sample has no text, hence no response to rate; the responses table accounts
    for it.
    """
    cut = (pl.col("finish_reason") == "length").fill_null(False)
    texts = (
        responses.filter(pl.col("text").is_not_null())
        .group_by("response_id")
        .agg(pl.col("prompt_id", "text").first(), finished=(~cut).any())
    )
    return texts.join(prompts, on="prompt_id").sort("response_id")


def ratings(rater: str, rated: pl.DataFrame) -> pl.DataFrame:
    """Return the ratings table of one rater, made of responses with their score and reason."""
    rows = rated.select(
        "response_id",
        "prompt_id",
        "score",
        rater=pl.lit(rater),
        aspect=pl.col("aspect") if "aspect" in rated.columns else pl.lit("overall"),
        reason=pl.col("reason").cast(pl.String),
    )
    return pl.concat([Ratings.create_empty(), rows], how="diagonal").sort("response_id", "aspect")


def finite_scores(rated: pl.DataFrame) -> pl.DataFrame:
    """Add the reasons of a model's scores: `unreadable` of null, `not_finite` of inf and nan."""
    score, finite = pl.col("score"), pl.col("score").is_finite()
    unreadable = pl.when(score.is_null()).then(pl.lit("unreadable"))
    return rated.with_columns(
        score=pl.when(finite).then(score),
        reason=unreadable.when(~finite).then(pl.lit("not_finite")),
    )


def keyed(responses: pl.DataFrame) -> pl.DataFrame:
    """Add to each response the key of all that a model reads of it: its prompt and its text."""
    keys = conversation_keys(responses["response_id"], responses["messages"].to_list())
    return responses.with_columns(pl.Series(KEY, keys, dtype=pl.String))


def accounts(responses: pl.DataFrame, rated: Rated) -> dict[str, tuple[int, dict[str, int]]]:
    """Return the number of responses and of comparisons, and of those not judged by reason.

    A response is judged by any score of it, or by a preference between it and another.
    """
    judgements = pl.concat(
        [_judgements(rated.ratings, "response_id", "score"), *_compared(rated.comparisons)]
    )
    by_response = judgements.group_by("id").agg(pl.col("reason").min(), pl.col("judged").any())
    distinct = (
        responses.select(id="response_id")
        .drop_nulls()
        .unique()
        .join(by_response, on="id", how="left")
    )
    lost = distinct.filter(~pl.col("judged").fill_null(False))
    counts = {"responses": (distinct.height, _counts(lost["reason"].fill_null("not_compared")))}
    if rated.comparisons.height or rated.num_not_asked:
        dropped = _counts(rated.comparisons["reason"].drop_nulls())
        dropped |= {"beyond_max_pairs": rated.num_not_asked} if rated.num_not_asked else {}
        counts["comparisons"] = (rated.comparisons.height + rated.num_not_asked, dropped)
    return counts


def _judgements(rows: pl.DataFrame, response: str, value: str) -> pl.DataFrame:
    return rows.select("reason", id=response, judged=pl.col(value).is_not_null())


def _compared(comparisons: pl.DataFrame) -> list[pl.DataFrame]:
    return [_judgements(comparisons, side, "preference") for side in ("first_id", "second_id")]


def _counts(reasons: pl.Series) -> dict[str, int]:
    return {str(reason): int(count) for reason, count in reasons.value_counts().iter_rows()}
