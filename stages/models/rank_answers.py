"""Order candidates by the reward a policy implies.   prompts, responses -> ranked responses"""

from pathlib import Path

import polars as pl

from rather.stages.models.pointer import weights

COLUMNS = (
    "prompt_id",
    "response_id",
    "prompt",
    "response",
    "generator",
    "sample_index",
    "reward",
    "reward_per_token",
    "rank",
    "rank_per_token",
    "num_tokens",
    "reason",
)


def rank(
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    policy: Path,
    reference: Path,
    beta: float,
    max_length: int,
    batch_size: int,
) -> pl.DataFrame:
    """Return each candidate with its implicit reward and its rank within its prompt.

    reward: beta times log(policy / reference) summed over tokens, in nats; reward_per_token: beta
    times its mean. rank, rank_per_token: 1 the best, equal ones sharing the better place. A
    candidate without text, or one the models cannot read (no room after its prompt), has nulls and
    a reason. Rows are sorted by prompt, best first.
    """
    asked = responses.join(prompts.select("prompt_id", prompt="messages"), on="prompt_id")
    rewards = implicit_rewards(asked, policy, reference, beta, max_length, batch_size)
    reason = pl.when(pl.col("reward").is_null()).then(
        pl.coalesce("reason", pl.lit("unreadable", pl.String))
    )
    places = {
        name: pl.col(by).rank("min", descending=True).over("prompt_id").cast(pl.Int64)
        for name, by in (("rank", "reward"), ("rank_per_token", "reward_per_token"))
    }
    ranked = (
        asked.drop("num_tokens")
        .hstack(rewards)
        .with_columns(reason=reason, response="text", **places)
    )
    order = ["prompt_id", "rank", "generator", "sample_index"]
    return ranked.select(COLUMNS).sort(order, nulls_last=True)


def implicit_rewards(
    asked: pl.DataFrame,
    policy: Path,
    reference: Path,
    beta: float,
    max_length: int,
    batch_size: int,
) -> pl.DataFrame:
    """Return the rewards of rows of (prompt, text, finish_reason), in their order."""
    from rather.trainer.reference.implicit_rewards import Said, log_ratios

    said = [
        Said(prompt, [{"role": "assistant", "content": text or ""}], reason != "length")
        for prompt, text, reason in asked.select("prompt", "text", "finish_reason").iter_rows()
    ]
    found = log_ratios(weights(policy), weights(reference), said, max_length, batch_size)
    rows = [
        (None, None, None)
        if ratio is None
        else (beta * ratio.sum, beta * ratio.per_token, ratio.num_tokens)
        for ratio in found
    ]
    schema = {"reward": pl.Float64, "reward_per_token": pl.Float64, "num_tokens": pl.Int64}
    return pl.DataFrame(rows, schema=schema, orient="row")
