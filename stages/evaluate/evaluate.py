"""Did it learn, did it drift, did it only get longer?   prompts, samples, scores -> metrics"""

import zlib
from collections.abc import Mapping
from typing import Any

import polars as pl

from rather.stages.common.bootstrap import ratio

WORDS = 4
LONGEST_UNIT = 80  # characters of a unit that a text may end in repeatedly
TIMES, LEAST = 3, 12  # times in a row, and characters in all
SAME = ["prompt_id", "sample_index"]


def evaluate(
    prompts: pl.DataFrame, samples: dict[str, pl.DataFrame], rewards: dict[str, pl.DataFrame]
) -> dict[str, Any]:
    """Compare policies on samples for held-out prompts.

    samples: each policy's Responses;  rewards: each policy's Ratings by the run's reward model,
    empty where there is none. Returns, for each figure, one value per policy:

    gold_accuracy:          share of samples that are exactly the known answer (null: none known)
    gold_accuracy_interval: 95%, normal, over prompts, whose samples are not independent
    mean_reward:            by the reward model, on its own scale
    mean_tokens, length_ratio: tokens per sample, and that over the first policy's
    finished:               share of samples that ended by themselves
    failed:                 samples without a text; they count in nothing else
    repeated_4grams, compression_ratio, ends_unfinished, ends_padded, ends_repeating: as in
        `of_texts`
    """
    figures = {name: _figures(prompts, rows, rewards.get(name)) for name, rows in samples.items()}
    first = next(iter(figures.values()), {}).get("mean_tokens")
    for figure in figures.values():
        tokens = figure["mean_tokens"]
        figure["length_ratio"] = tokens / first if first and tokens is not None else None
    names = next(iter(figures.values()), {})
    return {name: {policy: row[name] for policy, row in figures.items()} for name in names}


def _figures(
    prompts: pl.DataFrame, samples: pl.DataFrame, rewards: pl.DataFrame | None
) -> dict[str, Any]:
    """Return one policy's figures."""
    answers = samples.filter(pl.col("text").is_not_null())
    accuracy, interval = _gold(prompts, answers)
    return {
        "gold_accuracy": accuracy,
        "gold_accuracy_interval": interval,
        "mean_reward": None if rewards is None else _mean_reward(answers, rewards),
        "mean_tokens": answers["num_tokens"].mean(),
        "finished": (answers["finish_reason"] == "stop").mean(),
        "samples": samples.height,
        "failed": samples.height - answers.height,
        **of_texts(samples),
    }


def _gold(
    prompts: pl.DataFrame, said: pl.DataFrame
) -> tuple[float | None, tuple[float, float] | None]:
    """Return the share of exact answers, with its interval over prompts."""
    answers = prompts.filter(pl.col("answer").is_not_null()).select("prompt_id", "answer")
    right = pl.col("text").str.strip_chars() == pl.col("answer").str.strip_chars()
    per_prompt = (
        said.join(answers, on="prompt_id").group_by("prompt_id").agg(share=right.mean())["share"]
    )
    if per_prompt.is_empty():
        return None, None
    mean = float(per_prompt.sum()) / per_prompt.len()
    sd = per_prompt.std()
    if not isinstance(sd, float):  # a single prompt has no spread
        return mean, None
    half = 1.96 * sd / per_prompt.len() ** 0.5
    return mean, (mean - half, mean + half)


def _mean_reward(said: pl.DataFrame, rewards: pl.DataFrame) -> Any:
    """Return the mean reward over samples; a text sampled twice counts twice."""
    return said.join(rewards.select("response_id", "score"), on="response_id")["score"].mean()


def of_texts(samples: pl.DataFrame) -> dict[str, Any]:
    """Return figures of sampled texts, null without a text.

    repeated_4grams:   share of runs of four words that occur earlier in the same text
    compression_ratio: bytes of all texts over those that zlib makes of them; more is more alike
        (Shaib et al. 2024, arXiv:2403.00553)
    ends_unfinished:   share of samples that were cut, not having stopped
    ends_padded:       share of texts that end in two or more characters of white space
    ends_repeating:    share of texts that end in the same words or signs three times over or more
    """
    said = samples.filter(pl.col("text").is_not_null())
    texts = said["text"].to_list()
    return {
        "repeated_4grams": _repeated(texts),
        "compression_ratio": _compression(texts),
        "ends_unfinished": _share(said["finish_reason"].eq("length").to_list()),
        "ends_padded": _share([len(text) - len(text.rstrip()) >= 2 for text in texts]),
        "ends_repeating": _share([repeats_at_end(text) for text in texts]),
    }


def repeats_at_end(text: str) -> bool:
    """Check whether a text ends in a unit repeated three times or more, 12 characters at least."""
    text = " " + " ".join(text.split())
    for size in range(1, min(LONGEST_UNIT, len(text) // TIMES) + 1):
        times = max(TIMES, -(-LEAST // size))
        if text.endswith(text[-size:] * times):
            return True
    return False


def _repeated(texts: list[str]) -> float | None:
    """Return the share of repeated runs of words, each text by itself."""
    runs, distinct = 0, 0
    for text in texts:
        words = text.split()
        of_text = [tuple(words[nth : nth + WORDS]) for nth in range(len(words) - WORDS + 1)]
        runs += len(of_text)
        distinct += len(set(of_text))
    return 1 - distinct / runs if runs else None


def _compression(texts: list[str]) -> float | None:
    """Return the bytes of all texts over their compressed bytes."""
    whole = "\n".join(texts).encode("utf-8", "surrogatepass")
    return len(whole) / len(zlib.compress(whole, 9)) if whole else None


def _share(values: list[bool | None]) -> float | None:
    """Return the share of true values among the known."""
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if known else None


def win_rates(
    samples: pl.DataFrame,
    baseline: pl.DataFrame,
    ratings: Mapping[str, tuple[pl.DataFrame, pl.DataFrame]],
) -> dict[str, Any]:
    """Compare two models' answers to the same prompt, first with first, second with second.

    samples, baseline: the policy's and the first model's Responses
    ratings: each rater's Ratings of both

    win_rate:          share of couples whose policy's answer was rated higher, ties counting half;
        of a couple that several raters judged, their mean; with its 95% interval over prompts
    win_rate_by_rater: the same of each rater, and how many couples it judged
    """
    judged = [
        _couples(samples, baseline, *both).with_columns(rater=pl.lit(rater))
        for rater, both in ratings.items()
    ]
    couples = pl.concat(judged) if judged else pl.DataFrame(schema=COUPLES)
    by_couple = couples.group_by(SAME, maintain_order=True).agg(pl.col("won").mean())
    by_rater = {
        rater: {**ratio(rows, pl.col("won")).named("win_rate"), "couples": rows.height}
        for rater in ratings
        for rows in [couples.filter(pl.col("rater") == rater)]
    }
    return {**ratio(by_couple, pl.col("won")).named("win_rate"), "win_rate_by_rater": by_rater}


COUPLES = {"prompt_id": pl.String, "sample_index": pl.Int64, "won": pl.Float64, "rater": pl.String}


def _couples(
    samples: pl.DataFrame,
    baseline: pl.DataFrame,
    rated: pl.DataFrame,
    baseline_rated: pl.DataFrame,
) -> pl.DataFrame:
    """Return pairs of rated answers, by prompt and sample, and who won."""
    ours, theirs = _scored(samples, rated), _scored(baseline, baseline_rated)
    won = ((pl.col("score") - pl.col("score_right")).sign() + 1) / 2
    return ours.join(theirs, on=SAME).select(*SAME, won=won).sort(SAME)


def _scored(samples: pl.DataFrame, rated: pl.DataFrame) -> pl.DataFrame:
    scores = rated.filter(pl.col("score").is_not_null()).select("response_id", "score")
    return (
        samples.select(*SAME, "response_id").join(scores, on="response_id").select(*SAME, "score")
    )
