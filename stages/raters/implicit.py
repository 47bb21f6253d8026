"""A policy trained on preferences, beside its reference: beta log(policy / reference)."""

from pathlib import Path

import polars as pl
from pydantic import BaseModel, Field

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

STORED = pl.Schema({KEY: pl.String, "log_ratio": pl.Float64})


class Options(BaseModel, extra="forbid", frozen=True):
    """How the implied reward is taken.

    beta:       the beta that the policy was trained with
    max_length: in tokens, prompt and response together, the trainer's where it is not given
    batch_size: responses at a time
    chunk_size: responses after which log-ratios are kept; both models are loaded for each chunk
    """

    beta: float = Field(default=0.1, gt=0)
    max_length: int = Field(default=512, ge=1)
    batch_size: int = Field(default=16, ge=1)
    chunk_size: int = Field(default=8192, ge=1)


def rate(
    rater: str,
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    options: Options,
    seed: int,
    models: Models,
) -> Rated:
    """Score responses by beta times the log-ratio of policy and reference, summed over tokens.

    Rafailov et al. 2023 (arXiv:2305.18290), section 4: up to a term of the prompt alone. A response
    that was cut has no end token. What cannot be read gives null, reason `unreadable`.
    """
    asked = to_rate(prompts, responses)
    if asked.is_empty():
        return Rated()
    asked = asked.with_columns(_keys(asked))
    policy, reference = weights(models.model), weights(models.reference)
    state = digest([fingerprint(policy), fingerprint(reference), str(options.max_length)])
    store = Store(models.store / f"log-ratios-{state}", STORED, [KEY])
    for chunk in unpaid(asked, store).iter_slices(options.chunk_size):
        store.keep(chunk.select(KEY, _log_ratios(chunk, policy, reference, options)))
    known = asked.join(store.read(), on=KEY, how="left", maintain_order="left")
    rated = finite_scores(known.with_columns(score=options.beta * pl.col("log_ratio")))
    return Rated(ratings(rater, rated))


def _keys(asked: pl.DataFrame) -> pl.Series:
    """Name each response by what is read of it: a finished one has an end token."""
    names = zip(conversation_keys(asked), asked["finished"], strict=True)
    return pl.Series(KEY, [digest([name, str(finished)]) for name, finished in names], pl.String)


def _log_ratios(asked: pl.DataFrame, policy: Path, reference: Path, options: Options) -> pl.Series:
    """Compute a chunk's log-ratios, in nats."""
    from rather.trainer.reference.implicit_rewards import Said, log_ratios

    said = [
        Said(messages, [{"role": "assistant", "content": text}], finished)
        for messages, text, finished in asked.select("messages", "text", "finished").iter_rows()
    ]
    found = log_ratios(policy, reference, said, options.max_length, options.batch_size)
    sums = [None if each is None else each.sum for each in found]
    return pl.Series("log_ratio", sums, dtype=pl.Float64)
