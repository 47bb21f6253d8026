"""Did it learn, did it drift, did it only get longer?   prompts, samples, scores -> metrics"""

from typing import Any

import polars as pl

from rather.stages.evaluate.text_metrics import of_texts


def evaluate(
    prompts: pl.DataFrame, samples: dict[str, pl.DataFrame], rewards: dict[str, pl.DataFrame]
) -> dict[str, Any]:
    """Compare policies on samples for prompts that nobody trained on.

    samples: each policy's Responses;  rewards: each policy's Ratings by the run's reward model,
    empty where there is none. Returns, for each figure, one value per policy:

    gold_accuracy:          share of samples that are exactly the known answer (null: none known)
    gold_accuracy_interval: 95%, normal, over prompts, whose samples are not independent
    mean_reward:            by the reward model, on its own scale
    mean_tokens, length_ratio: tokens per sample, and that over the first policy's
    finished:               share of samples that ended by themselves
    failed:                 samples that could not be had; they count in nothing else
    repeated_4grams, compression_ratio, ends_unfinished, ends_padded, ends_repeating: as in
        stages/evaluate/text_metrics.py
    """
    figures = {name: _figures(prompts, given, rewards.get(name)) for name, given in samples.items()}
    first = next(iter(figures.values()), {}).get("mean_tokens")
    for figure in figures.values():
        tokens = figure["mean_tokens"]
        figure["length_ratio"] = tokens / first if first and tokens is not None else None
    names = next(iter(figures.values()), {})
    return {name: {policy: row[name] for policy, row in figures.items()} for name in names}


def _figures(
    prompts: pl.DataFrame, given: pl.DataFrame, rewards: pl.DataFrame | None
) -> dict[str, Any]:
    """Take one policy's figures."""
    said = given.filter(pl.col("text").is_not_null())
    accuracy, interval = _gold(prompts, said)
    return {
        "gold_accuracy": accuracy,
        "gold_accuracy_interval": interval,
        "mean_reward": None if rewards is None else _mean_reward(said, rewards),
        "mean_tokens": said["num_tokens"].mean(),
        "finished": (said["finish_reason"] == "stop").mean(),
        "samples": given.height,
        "failed": given.height - said.height,
        **of_texts(given),
    }


def _gold(
    prompts: pl.DataFrame, said: pl.DataFrame
) -> tuple[float | None, tuple[float, float] | None]:
    """Give the share of exact answers, with its interval over prompts."""
    answers = prompts.filter(pl.col("answer").is_not_null()).select("prompt_id", "answer")
    right = pl.col("text").str.strip_chars() == pl.col("answer").str.strip_chars()
    per_prompt = (
        said.join(answers, on="prompt_id").group_by("prompt_id").agg(share=right.mean())["share"]
    )
    if per_prompt.is_empty():
        return None, None
    mean = float(per_prompt.sum()) / per_prompt.len()
    sd = per_prompt.std()
    if not isinstance(sd, float):  # one prompt tells nothing of the spread over prompts
        return mean, None
    half = 1.96 * sd / per_prompt.len() ** 0.5
    return mean, (mean - half, mean + half)


def _mean_reward(said: pl.DataFrame, rewards: pl.DataFrame) -> Any:
    """Average the rewards over samples, a text sampled twice counting twice."""
    return said.join(rewards.select("response_id", "score"), on="response_id")["score"].mean()
