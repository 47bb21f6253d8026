"""Joining the text: what trainers read."""

from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from schemas.features import Features
from schemas.pairs import Pairs
from schemas.prompts import Prompts
from schemas.responses import Responses
from schemas.scores import Scores
from stages.convert import Options, label, to_dpo, to_kto, unlabelled

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
        {"prompt_id": "p", "generator": "g", "reason": "timeout"},
    ],
    schema=Responses.create_empty().schema,
)


def said(text: str) -> list[dict[str, str]]:
    """Make an answer's message."""
    return [{"role": "assistant", "content": text}]


def labels(scores: dict[str, float], options: Options, **flaws: list[str]) -> pl.DataFrame:
    """Label responses of these scores; `blank` and `unfinished` name the flawed ones."""
    scored = pl.DataFrame(
        [
            {"response_id": i, "prompt_id": "p", "score": s, "num_raters": 1}
            for i, s in scores.items()
        ],
        schema=Scores.create_empty().schema,
    )
    features = pl.DataFrame(
        [
            {
                "response_id": name,
                "blank": name in flaws.get("blank", []),
                "unfinished": name in flaws.get("unfinished", []),
            }
            for name in scores
        ],
        schema=Features.create_empty().schema,
    )
    return label(scored, features, options)


def judged(scores: dict[str, float], **more: Any) -> dict[str, tuple[bool | None, str | None]]:
    """Give each response's label and reason, with thresholds of 1 and -1."""
    options = Options(desirable_at_least=1.0, undesirable_at_most=-1.0)
    found = labels(scores, options, **more).select("response_id", "label", "reason")
    return {name: (mark, reason) for name, mark, reason in found.iter_rows()}


def test_a_pair_gets_its_conversation() -> None:
    """Prompt, chosen and rejected are messages, joined by id."""
    pair = {"pair_id": "x", "prompt_id": "p", "chosen_id": "a", "rejected_id": "b", "split": "test"}
    chosen = pl.DataFrame([pair], schema=Pairs.create_empty().schema)
    row = to_dpo(chosen, PROMPTS, RESPONSES).row(0, named=True)
    assert (row["prompt"], row["chosen"], row["rejected"]) == (QUESTION, said("good"), said("bad"))
    assert row["split"] == "test"


def test_a_text_of_two_generators_makes_one_row() -> None:
    """Response a came twice; its pair is written once."""
    pair = {"pair_id": "x", "prompt_id": "p", "chosen_id": "a", "rejected_id": "b"}
    chosen = pl.DataFrame([pair], schema=Pairs.create_empty().schema)
    assert to_dpo(chosen, PROMPTS, RESPONSES).height == 1


def test_thresholds_are_inclusive() -> None:
    """Exactly 1 is desirable and exactly -1 undesirable."""
    assert judged({"a": 1.0, "b": -1.0}) == {"a": (True, None), "b": (False, None)}


def test_the_middle_is_undecided() -> None:
    """What lies between the thresholds is neither, and says so."""
    assert judged({"a": 0.99, "b": -0.99}) == {"a": (None, "undecided"), "b": (None, "undecided")}


@pytest.mark.parametrize("flaw", ["blank", "unfinished"])
def test_an_incomplete_response_gets_no_label(flaw: str) -> None:
    """Neither desirable nor undesirable, however it was scored."""
    found = judged({"a": 5.0, "b": -5.0}, **{flaw: ["a", "b"]})
    assert found == {"a": (None, "incomplete"), "b": (None, "incomplete")}


def test_a_labelled_response_gets_its_conversation() -> None:
    """Prompt and completion are messages; the split is the prompt's."""
    found = to_kto(labels({"a": 2.0}, Options()), PROMPTS, RESPONSES).row(0, named=True)
    assert (found["prompt"], found["completion"]) == (QUESTION, said("good"))
    assert (found["label"], found["split"]) == (True, "test")


def test_labels_and_dropped_make_up_the_scored_responses() -> None:
    """Each scored response is one KTO row, or one dropped row with its reason."""
    marked = labels({"a": 2.0, "b": 0.0}, Options())
    assert to_kto(marked, PROMPTS, RESPONSES)["response_id"].to_list() == ["a"]
    assert unlabelled(marked).select("response_id", "reason").rows() == [("b", "undecided")]


def test_nothing_scored_gives_no_labels() -> None:
    """An empty table is not an error."""
    assert to_kto(labels({}, Options()), PROMPTS, RESPONSES).height == 0


def test_thresholds_that_cross_are_refused() -> None:
    """A response would be both desirable and undesirable."""
    with pytest.raises(ValidationError, match="undesirable_at_most: expected less"):
        Options(desirable_at_least=0.0, undesirable_at_most=0.0)


def test_a_threshold_that_is_no_number_is_refused() -> None:
    """NaN compares with nothing: every response would be undecided."""
    with pytest.raises(ValidationError, match="finite"):
        Options(desirable_at_least=float("nan"))
