"""Log-probs of held-out pairs and sampled answers under two models.   answers -> log-probs"""

from pathlib import Path
from typing import NamedTuple

import polars as pl

from rather.schemas.base import MESSAGES_DTYPE

SIDES = ("chosen", "rejected")
LOGPS = {
    "policy": pl.Float64,
    "reference": pl.Float64,
    "num_tokens": pl.Int64,
    "policy_end": pl.Float64,
    "reference_end": pl.Float64,
}


class Scored(NamedTuple):
    """Answers with their log-probs, in nats, under a policy and its reference.

    pairs: a row per pair, its columns as in LOGPS for chosen and rejected, such as chosen_policy
    samples: a row per answer that the policy sampled
    Each has prompt_id; answers that the models cannot read are left out.
    """

    pairs: pl.DataFrame
    samples: pl.DataFrame


def listed(prompts: pl.DataFrame, pairs: pl.DataFrame, samples: pl.DataFrame) -> pl.DataFrame:
    """Return the answers of pairs (as in the DPO training set) and of samples, one a row."""
    number = pl.int_range(pl.len(), dtype=pl.Int64).alias("number")
    of_pairs = [
        pairs.select("prompt_id", "prompt", number, said=side, finished=True, of=pl.lit(side))
        for side in SIDES
    ]
    said = samples.filter(pl.col("text").is_not_null())
    message = pl.struct(role=pl.lit("assistant"), content="text")
    asked = said.join(prompts.select("prompt_id", prompt="messages"), on="prompt_id")
    of_samples = asked.select(
        "prompt_id",
        "prompt",
        number,
        said=pl.concat_list(message).cast(MESSAGES_DTYPE),
        finished=pl.col("finish_reason").ne_missing("length"),
        of=pl.lit("sample"),
    )
    return pl.concat([*of_pairs, of_samples])


def score(
    answers: pl.DataFrame, policy: Path, reference: Path, max_length: int, batch_size: int
) -> Scored:
    """Return the log-probs of the answers that `listed` returns, under both models."""
    from rather.trainer.reference.implicit_rewards import Said, log_ratios

    said = [Said(*row) for row in answers.select("prompt", "said", "finished").iter_rows()]
    found = log_ratios(policy, reference, said, max_length, batch_size)
    rows = [
        (None,) * len(LOGPS) if ratio is None else tuple(getattr(ratio, name) for name in LOGPS)
        for ratio in found
    ]
    logps = pl.DataFrame(rows, schema=LOGPS, orient="row")
    scored = answers.select("prompt_id", "number", "of").hstack(logps).drop_nulls()
    return Scored(_beside(scored), scored.filter(pl.col("of") == "sample").drop("number", "of"))


def _beside(scored: pl.DataFrame) -> pl.DataFrame:
    """Return one row a pair, with the columns of both answers."""
    chosen, rejected = (
        scored.filter(pl.col("of") == side)
        .drop("of")
        .rename({name: f"{side}_{name}" for name in LOGPS})
        for side in SIDES
    )
    return chosen.join(rejected.drop("prompt_id"), on="number").drop("number")
