"""A model trained on comparisons, whose raw logit is the score."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import polars as pl
from pydantic import Field

from rather.schemas.base import UserError
from rather.stages.common.ids import digest
from rather.stages.models.pointer import fingerprint, weights
from rather.stages.models.response_cache import Store
from rather.stages.raters.rating import (
    KEY,
    Models,
    Rated,
    ReadingOptions,
    finite_scores,
    keyed,
    ratings,
    to_rate,
)

if TYPE_CHECKING:
    from rather.trainer.reference.rewards import Said

    Score = Callable[[Sequence[Said]], list[float | None]]

STORED = pl.Schema({KEY: pl.String, "score": pl.Float64})
# Without CUDA, vLLM scores two to four times as fast as transformers, and takes longer to start.
MANY = 10_000


class Options(ReadingOptions):
    """How the model is run; batch_size counts only through transformers.

    through: vllm or transformers; auto: vLLM on CUDA, or for 10,000 responses and more, but
             transformers where vLLM cannot serve the model
    """

    batch_size: int = Field(default=64, ge=1)
    chunk_size: int = Field(default=1024, ge=1)
    through: Literal["auto", "vllm", "transformers"] = "auto"


def rate(
    rater: str,
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    options: Options,
    seed: int,
    models: Models,
) -> Rated:
    """Score responses by the model's raw logit.

    A blank response, or one with no room after its prompt, has a null score and the reason
    `unreadable`; a logit that is no finite number has the reason `not_finite`.
    """
    listed = to_rate(prompts, responses)
    if listed.is_empty():
        return Rated()
    listed, model = keyed(listed), weights(models.model)
    state = digest([fingerprint(model), str(options.max_length)])
    store = Store(models.store / f"logits-{state}", STORED, [KEY])
    missing, figures = store.missing(listed), dict[str, Any]()
    if missing.height:
        with ExitStack() as stack:
            score, figures = _opened(stack, model, missing.height, options)
            store.fill(missing, options.chunk_size, lambda chunk: _scores(chunk, score))
    return Rated(ratings(rater, finite_scores(store.join(listed))), figures=figures)


def _scores(chunk: pl.DataFrame, score: "Score") -> pl.DataFrame:
    """Return the key and raw logit of each response."""
    conversations: list[Said] = [
        (messages, [{"role": "assistant", "content": text}])
        for messages, text in chunk.select("messages", "text").iter_rows()
    ]
    return chunk.select(KEY, pl.Series("score", score(conversations), dtype=pl.Float64))


def _opened(
    stack: ExitStack, model: Path, num_responses: int, options: Options
) -> "tuple[Score, dict[str, Any]]":
    """Load the model through vLLM or transformers, and return the figures that say which."""
    from rather.stages.models.vllm_pooling import Pooling
    from rather.trainer.reference.rewards import Rewarder

    figures: dict[str, Any] = {"through": "transformers"}
    if options.through == "vllm" or (options.through == "auto" and _suits_vllm(num_responses)):
        try:
            return stack.enter_context(Pooling(model, options.max_length)), {"through": "vllm"}
        except UserError as error:
            if options.through == "vllm":
                raise
            figures["note"] = f"not through vLLM: {error}"
    return Rewarder(model, options.max_length, options.batch_size), figures


def _suits_vllm(num_responses: int) -> bool:
    """Check whether vLLM is worth its start."""
    import torch

    return num_responses >= MANY or torch.cuda.is_available()
