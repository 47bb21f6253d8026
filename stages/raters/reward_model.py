"""A model trained on comparisons: its raw logit is the score."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import BaseModel, Field

from rather.schemas.base import UserError
from rather.stages.common.ids import digest
from rather.stages.models.pointer import fingerprint, weights
from rather.stages.models.response_cache import Store
from rather.stages.raters.rating import (
    KEY,
    Models,
    Rated,
    conversation_keys,
    finite_scores,
    ratings,
    to_rate,
    unpaid,
)

if TYPE_CHECKING:
    from rather.trainer.reference.rewards import Said

    Score = Callable[[Sequence[Said]], list[float | None]]

STORED = pl.Schema({KEY: pl.String, "score": pl.Float64})
# Without CUDA, vLLM reads two to four times as fast as transformers, and takes longer to start.
MANY = 10_000


class Options(BaseModel, extra="forbid", frozen=True):
    """How the model reads.

    max_length: in tokens, prompt and response together, the trainer's where it is not given
    batch_size: responses at a time, through transformers
    through:    vllm or transformers; auto: vLLM on CUDA, or for 10,000 responses and more, but
                transformers where vLLM cannot serve the model
    chunk_size: responses after which scores are kept, which is the most that a kill can lose
    """

    max_length: int = Field(default=512, ge=1)
    batch_size: int = Field(default=64, ge=1)
    through: Literal["auto", "vllm", "transformers"] = "auto"
    chunk_size: int = Field(default=1024, ge=1)


def rate(
    rater: str,
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    options: Options,
    seed: int,
    models: Models,
) -> Rated:
    """Score responses by the model's raw logit.

    A blank response, or one with no room after its prompt, gives null, reason `unreadable`; a logit
    that is no finite number gives null, reason `not_finite`.
    """
    asked = to_rate(prompts, responses)
    if asked.is_empty():
        return Rated()
    asked, model = asked.with_columns(conversation_keys(asked)), weights(models.model)
    state = digest([fingerprint(model), str(options.max_length)])
    store = Store(models.store / f"logits-{state}", STORED, [KEY])
    missing, told = unpaid(asked, store), dict[str, Any]()
    if missing.height:
        with ExitStack() as stack:
            score, told = _opened(stack, model, missing.height, options)
            for chunk in missing.iter_slices(options.chunk_size):
                scores = pl.Series("score", score(_said(chunk)), dtype=pl.Float64)
                store.keep(chunk.select(KEY, scores))
    rated = finite_scores(asked.join(store.read(), on=KEY, how="left", maintain_order="left"))
    return Rated(ratings(rater, rated), figures=told)


def _said(asked: pl.DataFrame) -> "list[Said]":
    """Give conversations as the trainer takes them."""
    return [
        (messages, [{"role": "assistant", "content": text}])
        for messages, text in asked.select("messages", "text").iter_rows()
    ]


def _opened(
    stack: ExitStack, model: Path, num_responses: int, options: Options
) -> "tuple[Score, dict[str, Any]]":
    """Load the model the way that was asked for, or that suits, and tell which way it was."""
    from rather.stages.models.vllm_pooling import Pooling
    from rather.trainer.reference.rewards import Rewarder

    told: dict[str, Any] = {"through": "transformers"}
    if options.through == "vllm" or (options.through == "auto" and _suits_vllm(num_responses)):
        try:
            return stack.enter_context(Pooling(model, options.max_length)), {"through": "vllm"}
        except UserError as error:
            if options.through == "vllm":
                raise
            told["note"] = f"not through vLLM: {error}"
    return Rewarder(model, options.max_length, options.batch_size), told


def _suits_vllm(num_responses: int) -> bool:
    import torch

    return num_responses >= MANY or torch.cuda.is_available()
