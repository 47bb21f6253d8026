"""What texts give away."""

from typing import Any

import polars as pl
import pytest

from rather.stages.audit.answers import equality, marks, nearness

A, B = "a", "b"
PAIR = {
    "chosen_id": A,
    "rejected_id": B,
    "distinct": True,
    "distinct_cut": True,
    "complete": True,
    "similarity": None,
}
QUESTION = "What is the capital of France, please?"


def marked(text: str, question: str = QUESTION) -> dict[str, Any]:
    """What one answer gives away."""
    said = [{"role": "assistant", "content": "Hello"}, {"role": "user", "content": question}]
    prompts = pl.DataFrame({"prompt_id": ["q"], "messages": [said]})
    answers = pl.DataFrame({"response_id": [A], "prompt_id": ["q"], "text": [text]})
    return marks(answers, prompts).row(0, named=True)


def counted(**changes: Any) -> dict[str, int]:
    """Count one pair, and leave out what does not hold."""
    pairs = pl.DataFrame([PAIR | changes], schema_overrides={"similarity": pl.Float64})
    texts = {"response_id": [A, B], "refuses": [True, False], "leaks": [False, False]}
    found = equality(pairs, pl.DataFrame(texts), 0.95)
    return {name: num for name, num in found.items() if num}


def test_an_answer_may_open_with_the_question() -> None:
    """The last thing that was asked, word for word; a short one may well be repeated."""
    assert marked(f"  {QUESTION} Paris.")["leaks"]
    assert not marked("Paris.")["leaks"]
    assert not marked("Why? Because.", question="Why?")["leaks"]


def test_an_answer_may_refuse() -> None:
    """In its opening words."""
    assert marked("I'm sorry, I can't help with that.")["refuses"]


@pytest.mark.parametrize(
    ("changes", "name"),
    [
        ({"distinct": False}, "identical"),
        ({"distinct": False, "distinct_cut": False}, "identical"),
        ({"similarity": 0.96}, "near"),
        ({"distinct_cut": False}, "equal_after_truncation"),
        ({"complete": False}, "incomplete"),
    ],
)
def test_each_kind_of_equality_is_counted_apart(changes: dict[str, Any], name: str) -> None:
    """Beside the chosen answer's refusal."""
    assert counted(**changes) == {name: 1, "refusals": 1}


def test_near_is_what_the_rule_calls_near() -> None:
    """Or its default."""
    assert nearness({"distinct": {"near": 0.99}}) == 0.99
    assert nearness({}) == 0.95
