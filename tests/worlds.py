"""Planted worlds: raters and answers of known truth, to hold the statistics against.

`crowd` is noisy. Answers have a quality q ~ N(0, 1) and a log length, independent of q; x is that
length within the prompt, in standard deviations; the gold quality is q + true_length * x. Nine
raters are right in .95, .90 ... .55 of the pairs of equal length, and one, the adversary, in .20.
The four of .90, .80, .70 and .60 favour length: to them one standard deviation is worth .8 of
quality. Rater r perceives s = sign_r * (gold + liking_r * x + sigma_r * noise), with
sigma_r = tan(pi * (1 - accuracy_r)), which makes sign(s_a - s_b) right with that accuracy; the
adversary has sign -1 and sigma of accuracy .80. Three to five of the ten judge each prompt, drawn
evenly, all its answers. `scores`: s / sd(s) on a scale of whole numbers from 1 to 10, each rater
with its own mean and spread. `comparisons`: every pair, the side shown first drawn evenly, a tie
where the perceived difference is below .05 of its standard deviation.

`clean` is free of noise: three raters agree on every pair, and quality differs by at least .1.
Defects can be planted in it, each in its own share of prompts:
duplicate:     the second answer repeats the first but for one letter;
tie:           all raters call the first two answers equal;
contradiction: one rater judges the first two answers a second time, in the other order, and
               says the opposite;
cycle:         all raters prefer the first answer to the second, that to the third, and that to
               the first.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.stages.common.ids import digests

ACCURACIES = (0.95, 0.90, 0.85, 0.80, 0.75, 0.70, 0.65, 0.60, 0.55, 0.20)
LIKING_LENGTH = (0.0, 0.8, 0.0, 0.8, 0.0, 0.8, 0.0, 0.8, 0.0, 0.0)
TIE_BELOW = 0.05
DEFECTS = ("duplicate", "tie", "contradiction", "cycle")
LETTERS = "bcdfghklmnprstvw"


@dataclass(frozen=True)
class World:
    """Tables of a world, and its truth.

    features: response_id, prompt_id, num_chars, num_tokens
    gold:     response_id, prompt_id, quality
    raters:   rater, accuracy, length_liking
    defects:  prompt_id, defect, and the response ids it concerns, in the docstring's order
    texts:    response_id, text; empty unless asked for
    """

    features: pl.DataFrame
    gold: pl.DataFrame
    ratings: pl.DataFrame
    comparisons: pl.DataFrame
    raters: pl.DataFrame
    defects: pl.DataFrame
    texts: pl.DataFrame


def crowd(
    num_prompts: int,
    num_responses: int = 4,
    *,
    kind: str = "scores",
    true_length: float = 0.0,
    seed: int = 0,
) -> World:
    """Plant ten raters of known accuracy; kind is scores or comparisons."""
    random = np.random.default_rng(seed)
    answers = _answers(num_prompts, num_responses, random, seed)
    x = _within(answers)
    gold = answers["quality"].to_numpy() + true_length * x
    perceived = np.stack([_perceived(gold, x, *who, random) for who in zip(*RATERS, strict=True)])
    judged = _judges(num_prompts, random)
    tables = _scored if kind == "scores" else _compared
    rows = tables(answers, perceived.reshape(10, num_prompts, num_responses), judged, random)
    return _world(answers.with_columns(quality=gold), **{_table(kind): rows})


RATERS = (ACCURACIES, LIKING_LENGTH)


def clean(
    num_prompts: int,
    num_responses: int = 4,
    *,
    planted: float = 0.0,
    texts: bool = False,
    seed: int = 0,
) -> World:
    """Plant three raters who are always right, and each defect in this share of the prompts."""
    random = np.random.default_rng(seed)
    answers = _answers(num_prompts, num_responses, random, seed)
    ladder = random.permuted(np.tile(np.arange(num_responses), (num_prompts, 1)), axis=1)
    quality = 0.5 * ladder + random.uniform(0, 0.4, ladder.shape)
    answers = answers.with_columns(quality=quality.reshape(-1))
    fate = random.permuted(
        np.repeat(np.arange(-1, len(DEFECTS)), _shares(num_prompts, planted)), axis=0
    )
    answers = _same_length(answers, fate, num_responses)
    comparisons = _agreed(answers, fate, num_responses, random)
    told = _texts(answers, fate, num_responses, random) if texts else None
    return _world(answers, comparisons=comparisons, defects=_defects(answers, fate), texts=told)


def _answers(
    num_prompts: int, num_responses: int, random: np.random.Generator, seed: int
) -> pl.DataFrame:
    size = num_prompts * num_responses
    prompt = np.repeat(np.arange(num_prompts), num_responses)
    usual = random.normal(4.5, 0.4, num_prompts)[prompt]
    log_length = usual + random.normal(0, 0.5, size)
    tokens = np.maximum(np.rint(np.exp(log_length)), 5).astype(np.int64)
    number = pl.int_range(pl.len()).cast(pl.String)
    return pl.DataFrame({"prompt": prompt, "num_tokens": tokens}).select(
        response_id=digests(pl.lit(f"response {seed}"), number),
        prompt_id=digests(pl.lit(f"prompt {seed}"), pl.col("prompt").cast(pl.String)),
        num_tokens=pl.col("num_tokens"),
        num_chars=4 * pl.col("num_tokens"),
        quality=pl.Series(random.normal(0, 1, size)),
    )


def _within(answers: pl.DataFrame) -> np.ndarray[Any, Any]:
    log = pl.col("num_tokens").log1p()
    centred = answers.select(log - log.mean().over("prompt_id")).to_series().to_numpy()
    return np.asarray(centred / centred.std())


def _perceived(
    gold: np.ndarray[Any, Any],
    x: np.ndarray[Any, Any],
    accuracy: float,
    liking: float,
    random: np.random.Generator,
) -> np.ndarray[Any, Any]:
    sign, care = (1, accuracy) if accuracy > 0.5 else (-1, 1 - accuracy)
    noise = np.tan(np.pi * (1 - care)) * random.normal(0, 1, len(gold))
    return np.asarray(sign * (gold + liking * x + noise))


def _judges(num_prompts: int, random: np.random.Generator) -> np.ndarray[Any, Any]:
    """Draw who judges each prompt, (raters, prompts): three, four or five of the ten."""
    order = random.permuted(np.tile(np.arange(10), (num_prompts, 1)), axis=1)
    return np.asarray((order < random.integers(3, 6, num_prompts)[:, None]).T)


def _scored(
    answers: pl.DataFrame,
    perceived: np.ndarray[Any, Any],
    judged: np.ndarray[Any, Any],
    random: np.random.Generator,
) -> pl.DataFrame:
    middle, width = random.uniform(4.5, 6.5, 10), random.uniform(1.2, 2.2, 10)
    parts = []
    for number in range(10):
        standard = perceived[number] / perceived[number].std()
        score = np.clip(np.rint(middle[number] + width[number] * standard), 1, 10)
        own = np.repeat(judged[number], score.shape[1])
        parts.append(
            answers.select("response_id", "prompt_id")
            .with_columns(score=pl.Series(score.reshape(-1)), rater=pl.lit(f"rater{number}"))
            .filter(pl.Series(own))
        )
    return _typed(pl.concat(parts), Ratings.create_empty())


def _compared(
    answers: pl.DataFrame,
    perceived: np.ndarray[Any, Any],
    judged: np.ndarray[Any, Any],
    random: np.random.Generator,
) -> pl.DataFrame:
    ids = answers["response_id"].to_numpy().reshape(perceived.shape[1:])
    prompts = answers["prompt_id"].to_numpy().reshape(perceived.shape[1:])[:, 0]
    parts = []
    for number in range(10):
        spread = 2**0.5 * perceived[number].std()
        for left, right in combinations(range(ids.shape[1]), 2):
            swapped = random.random(len(ids)) < 0.5
            gap = perceived[number, :, left] - perceived[number, :, right]
            vote = np.where(np.abs(gap) < TIE_BELOW * spread, 0.0, np.sign(gap))
            columns = {
                "first_id": np.where(swapped, ids[:, right], ids[:, left]),
                "second_id": np.where(swapped, ids[:, left], ids[:, right]),
                "prompt_id": prompts,
                "preference": np.where(swapped, -vote, vote),
            }
            part = pl.DataFrame(columns).with_columns(rater=pl.lit(f"rater{number}"))
            parts.append(part.filter(pl.Series(judged[number])))
    return _typed(pl.concat(parts), Comparisons.create_empty())


def _shares(num_prompts: int, planted: float) -> list[int]:
    each = round(planted * num_prompts)
    return [num_prompts - each * len(DEFECTS), *[each] * len(DEFECTS)]


def _agreed(
    answers: pl.DataFrame,
    fate: np.ndarray[Any, Any],
    num_responses: int,
    random: np.random.Generator,
) -> pl.DataFrame:
    shape = (len(fate), num_responses)
    ids = answers["response_id"].to_numpy().reshape(shape)
    prompts = answers["prompt_id"].to_numpy().reshape(shape)[:, 0]
    quality = answers["quality"].to_numpy().reshape(shape)
    parts = []
    for left, right in combinations(range(num_responses), 2):
        vote = np.sign(quality[:, left] - quality[:, right])
        if right == 1:
            vote = np.where(fate == DEFECTS.index("tie"), 0.0, vote)
        if (left, right) in CYCLE:
            vote = np.where(fate == DEFECTS.index("cycle"), CYCLE[left, right], vote)
        for rater in ("ann", "bob", "cyd"):
            swapped = random.random(len(fate)) < 0.5
            parts.append(_votes(ids, prompts, left, right, swapped, vote, rater))
            if right == 1 and rater == "ann":
                again = _votes(ids, prompts, left, right, ~swapped, -vote, rater)
                parts.append(again.filter(pl.Series(fate == DEFECTS.index("contradiction"))))
    return _typed(pl.concat(parts), Comparisons.create_empty())


CYCLE = {(0, 1): 1.0, (1, 2): 1.0, (0, 2): -1.0}


def _votes(
    ids: np.ndarray[Any, Any],
    prompts: np.ndarray[Any, Any],
    left: int,
    right: int,
    swapped: np.ndarray[Any, Any],
    vote: np.ndarray[Any, Any],
    rater: str,
) -> pl.DataFrame:
    columns = {
        "first_id": np.where(swapped, ids[:, right], ids[:, left]),
        "second_id": np.where(swapped, ids[:, left], ids[:, right]),
        "prompt_id": prompts,
        "preference": np.where(swapped, -vote, vote) + 0.0,
    }
    return pl.DataFrame(columns).with_columns(rater=pl.lit(rater))


def _same_length(
    answers: pl.DataFrame, fate: np.ndarray[Any, Any], num_responses: int
) -> pl.DataFrame:
    """Give a duplicate the length of what it repeats; a token is four characters with its blank."""
    tokens = answers["num_tokens"].to_numpy().reshape(len(fate), num_responses).copy()
    repeats = fate == DEFECTS.index("duplicate")
    tokens[repeats, 1] = tokens[repeats, 0]
    lengths = pl.Series(tokens.reshape(-1))
    return answers.with_columns(num_tokens=lengths, num_chars=4 * lengths - 1)


def _defects(answers: pl.DataFrame, fate: np.ndarray[Any, Any]) -> pl.DataFrame:
    names = pl.Series([DEFECTS[number] if number >= 0 else None for number in fate])
    concerned = pl.when(pl.col("defect") == "cycle").then(3).otherwise(2)
    return (
        answers.group_by("prompt_id", maintain_order=True)
        .agg("response_id")
        .with_columns(defect=names)
        .filter(pl.col("defect").is_not_null())
        .select("prompt_id", "defect", response_ids=pl.col("response_id").list.head(concerned))
    )


def _texts(
    answers: pl.DataFrame,
    fate: np.ndarray[Any, Any],
    num_responses: int,
    random: np.random.Generator,
) -> pl.DataFrame:
    """Write words of random letters, four characters a token; a duplicate changes one letter."""
    tokens, letters = answers["num_tokens"].to_numpy(), np.frombuffer(LETTERS.encode(), np.uint8)
    words = letters[random.integers(0, len(letters), (tokens.sum(), 4))]
    words[:, 3] = ord(" ")
    written, ends = words.tobytes().decode(), 4 * np.cumsum(tokens)
    texts = [written[end - 4 * size : end - 1] for end, size in zip(ends, tokens, strict=True)]
    for prompt in np.flatnonzero(fate == DEFECTS.index("duplicate")):
        first = texts[prompt * num_responses]
        texts[prompt * num_responses + 1] = first[:-1] + ("a" if first[-1] != "a" else "e")
    return answers.select("response_id", text=pl.Series(texts))


def _typed(rows: pl.DataFrame, empty: pl.DataFrame) -> pl.DataFrame:
    """Add the columns that a planted world leaves plain."""
    full = rows.with_columns(aspect=pl.lit("overall"), source=pl.lit("world"))
    schema = empty.schema
    missing = [name for name in schema if name not in full.columns]
    return full.with_columns(pl.lit(None, schema[name]).alias(name) for name in missing).select(
        pl.col(name).cast(dtype) for name, dtype in schema.items()
    )


def _table(kind: str) -> str:
    return {"scores": "ratings", "comparisons": "comparisons"}[kind]


def _world(
    answers: pl.DataFrame,
    ratings: pl.DataFrame | None = None,
    comparisons: pl.DataFrame | None = None,
    defects: pl.DataFrame | None = None,
    texts: pl.DataFrame | None = None,
) -> World:
    planted = {"rater": [f"rater{i}" for i in range(10)], "accuracy": ACCURACIES}
    empty = {"response_id": pl.String, "text": pl.String}
    schema = {"prompt_id": pl.String, "defect": pl.String, "response_ids": pl.List(pl.String)}
    return World(
        features=answers.select("response_id", "prompt_id", "num_chars", "num_tokens"),
        gold=answers.select("response_id", "prompt_id", "quality"),
        ratings=Ratings.create_empty() if ratings is None else ratings,
        comparisons=Comparisons.create_empty() if comparisons is None else comparisons,
        raters=pl.DataFrame({**planted, "length_liking": LIKING_LENGTH}),
        defects=pl.DataFrame(schema=schema) if defects is None else defects,
        texts=pl.DataFrame(schema=empty) if texts is None else texts,
    )
