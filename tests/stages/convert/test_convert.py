"""Joining the text: what trainers read."""

from typing import Any

import polars as pl

from rather.schemas.evidence import ChosenPairs, Features, Scores
from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.texts import Prompts, Responses
from rather.schemas.training_sets import Dpo, Kto
from rather.stages.calibrate.rating_scale import Scale
from rather.stages.convert.convert import to_dpo, to_kto
from rather.stages.convert.kto_labels import label
from rather.stages.convert.label_rules import Labels, settle

QUESTION = [{"role": "user", "content": "why"}]
PROMPTS = pl.DataFrame(
    [{"prompt_id": "p", "messages": QUESTION, "split": "test"}],
    schema=Prompts.create_empty().schema,
)
RESPONSES = pl.DataFrame(
    [
        {"prompt_id": "p", "generator": "g", "response_id": "a", "text": "good"},
        {"prompt_id": "p", "generator": "h", "response_id": "a", "text": "good"},
        {"prompt_id": "p", "generator": "g", "response_id": "b", "text": "bad"},
        {"prompt_id": "p", "generator": "g", "response_id": "c", "text": "so so"},
        {"prompt_id": "p", "generator": "g", "reason": "timeout"},
    ],
    schema=Responses.create_empty().schema,
)
PAIR = {
    "pair_id": "x",
    "prompt_id": "p",
    "chosen_id": "a",
    "rejected_id": "b",
    "split": "test",
    "margin": 2.0,
    "p_correct": 0.75,
    "agreement": 0.5,
    "num_raters": 1,
    "weight": 0.5,
}
COMPARED = pl.DataFrame(
    [{"first_id": "b", "second_id": "a", "rater": "ann", "aspect": "overall", "preference": -1.0}],
    schema=Comparisons.create_empty().schema,
)


def said(text: str) -> list[dict[str, str]]:
    """Make an answer's message."""
    return [{"role": "assistant", "content": text}]


def dpo(*pairs: dict[str, Any]) -> pl.DataFrame:
    """Convert chosen pairs."""
    chosen = pl.DataFrame(pairs, schema=ChosenPairs.create_empty().schema)
    return to_dpo(chosen, PROMPTS, RESPONSES, Ratings.create_empty(), COMPARED)


def kto(**ratings: float) -> pl.DataFrame:
    """Label responses on a scale of 1 to 5 and convert them, desirable ones weighing 2."""
    scores = pl.DataFrame(
        [
            {"response_id": name, "score": rating - 3, "rating": rating, "num_raters": 1}
            for name, rating in ratings.items()
        ],
        schema=Scores.create_empty().schema,
    )
    features = pl.DataFrame(
        [
            {"response_id": name, "prompt_id": "p", "blank": False, "unfinished": False}
            for name in ratings
        ],
        schema=Features.create_empty().schema,
    )
    rule = settle(Labels(), Scale(1, 5))
    return to_kto(
        label(features, scores, Ratings.create_empty(), rule), PROMPTS, RESPONSES, (2.0, 1.0)
    )


def test_a_pair_gets_its_conversation() -> None:
    """Prompt, chosen and rejected are messages, joined by id."""
    row = dpo(PAIR).row(0, named=True)
    assert (row["prompt"], row["chosen"], row["rejected"]) == (QUESTION, said("good"), said("bad"))


def test_a_pair_keeps_its_evidence() -> None:
    """Ids, margin, p_correct, agreement and weight travel; ann, who compared the two, is named."""
    row = dpo(PAIR).row(0, named=True)
    assert {name: row[name] for name in PAIR} == PAIR
    assert row["raters"] == ["ann"]


def test_a_pair_that_nobody_is_named_for_has_no_raters() -> None:
    """An empty list, not a null."""
    assert dpo(PAIR | {"rejected_id": "c"})["raters"].to_list() == [[]]


def test_a_text_of_two_generators_makes_one_row() -> None:
    """Response a came twice; its pair is written once."""
    assert dpo(PAIR).height == 1


def test_a_million_characters_are_written_as_they_are() -> None:
    """Control characters and special tokens too: text stays text."""
    text = "<|end|>\x00\u200b" + "x" * 1_000_000
    long = RESPONSES.with_columns(
        text=pl.when(pl.col("response_id") == "b").then(pl.lit(text)).otherwise("text")
    )
    chosen = pl.DataFrame([PAIR], schema=ChosenPairs.create_empty().schema)
    row = to_dpo(chosen, PROMPTS, long, Ratings.create_empty(), COMPARED).row(0, named=True)
    assert row["rejected"] == said(text)


def test_a_labelled_response_gets_its_conversation() -> None:
    """Prompt and completion are messages; the split is the prompt's; each class has its weight."""
    rows = kto(a=5, b=1, c=3).to_dicts()
    assert [(row["completion"], row["label"], row["weight"]) for row in rows] == [
        (said("good"), True, 2.0),
        (said("bad"), False, 1.0),
    ]
    assert {row["split"] for row in rows} == {"test"}
    assert rows[0]["prompt"] == QUESTION


def test_nothing_gives_empty_tables() -> None:
    """They have the columns of their schemas."""
    assert dpo().schema == Dpo.create_empty().schema
    assert kto().schema == Kto.create_empty().schema
