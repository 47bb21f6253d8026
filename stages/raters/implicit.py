"""The reward that a policy trained on preferences implies: beta log(policy / reference)."""

from pathlib import Path

import polars as pl
from pydantic import Field

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

STORED = pl.Schema({KEY: pl.String, "log_ratio": pl.Float64})


class Options(ReadingOptions):
    """How the implied reward is taken; both models are loaded once for each chunk.

    beta: the beta that the policy was trained with
    """

    beta: float = Field(default=0.1, gt=0)


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
    that was cut has no end token. An unreadable response has a null score, reason `unreadable`.
    """
    listed = to_rate(prompts, responses)
    if listed.is_empty():
        return Rated()
    listed = _keyed_by_end(listed)
    policy, reference = weights(models.model), weights(models.reference)
    state = digest([fingerprint(policy), fingerprint(reference), str(options.max_length)])
    store = Store(models.store / f"log-ratios-{state}", STORED, [KEY])
    store.fill(
        store.missing(listed),
        options.chunk_size,
        lambda chunk: _log_ratios(chunk, policy, reference, options),
    )
    rated = store.join(listed).with_columns(score=options.beta * pl.col("log_ratio"))
    return Rated(ratings(rater, finite_scores(rated)))


def _keyed_by_end(listed: pl.DataFrame) -> pl.DataFrame:
    """Add to each response the key of what is read of it: a finished one has an end token."""
    keys = keyed(listed).select(KEY, "finished").iter_rows()
    names = [digest([key, str(finished)]) for key, finished in keys]
    return listed.with_columns(pl.Series(KEY, names, dtype=pl.String))


def _log_ratios(
    chunk: pl.DataFrame, policy: Path, reference: Path, options: Options
) -> pl.DataFrame:
    """Return the key of each response and its log-ratio, in nats."""
    from rather.trainer.reference.implicit_rewards import Said, log_ratios

    conversations = [
        Said(messages, [{"role": "assistant", "content": text}], finished)
        for messages, text, finished in chunk.select("messages", "text", "finished").iter_rows()
    ]
    ratios = log_ratios(policy, reference, conversations, options.max_length, options.batch_size)
    sums = [None if ratio is None else ratio.sum for ratio in ratios]
    return chunk.select(KEY, pl.Series("log_ratio", sums, dtype=pl.Float64))
