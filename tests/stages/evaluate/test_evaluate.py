"""Did it learn, did it drift, did it only get longer?"""

from typing import Any

import polars as pl
import pytest

from rather.schemas.judgements import Ratings
from rather.schemas.texts import Prompts, Responses
from rather.stages.evaluate.evaluate import evaluate

PROMPTS = pl.DataFrame(
    [{"prompt_id": "p", "answer": "4"}, {"prompt_id": "q", "answer": "5"}, {"prompt_id": "r"}],
    schema=Prompts.create_empty().schema,
)


def samples(
    *rows: tuple[str, str | None], num_tokens: int = 1, finish: str = "stop"
) -> pl.DataFrame:
    """Make samples of (prompt, text); the text names the response."""
    return pl.DataFrame(
        [
            {
                "prompt_id": prompt,
                "generator": "policy",
                "sample_index": number,
                "response_id": text,
                "text": text,
                "num_tokens": None if text is None else num_tokens,
                "finish_reason": None if text is None else finish,
            }
            for number, (prompt, text) in enumerate(rows)
        ],
        schema=Responses.create_empty().schema,
    )


def figures(given: pl.DataFrame) -> dict[str, Any]:
    """Evaluate one policy."""
    return {name: found["only"] for name, found in evaluate(PROMPTS, {"only": given}, {}).items()}


def test_accuracy_is_the_mean_over_prompts() -> None:
    """p is right in 1 of 2 samples, q in 1 of 1: (1/2 + 1) / 2 = 3/4."""
    found = figures(samples(("p", "4"), ("p", "3"), ("q", "5")))
    assert found["gold_accuracy"] == 0.75


def test_the_interval_is_over_prompts() -> None:
    """Shares 1/2 and 1 have a sample sd of sqrt(1/8); over sqrt(2) that is 1/4, times 1.96."""
    low, high = figures(samples(("p", "4"), ("p", "3"), ("q", "5")))["gold_accuracy_interval"]
    assert (low, high) == pytest.approx((0.75 - 0.49, 0.75 + 0.49))


def test_one_prompt_has_no_interval() -> None:
    """One prompt tells nothing of the spread over prompts: null, not an interval of no width."""
    found = figures(samples(("p", "4")))
    assert (found["gold_accuracy"], found["gold_accuracy_interval"]) == (1.0, None)


def test_an_answer_is_right_up_to_outer_white_space() -> None:
    """A final newline is no mistake; another word is."""
    assert figures(samples(("p", " 4\n")))["gold_accuracy"] == 1.0
    assert figures(samples(("p", "4 it is")))["gold_accuracy"] == 0.0


def test_without_known_answers_there_is_no_accuracy() -> None:
    """Null, not zero."""
    assert figures(samples(("r", "anything")))["gold_accuracy"] is None


def test_a_failed_sample_counts_as_failed_alone() -> None:
    """It is in the number of samples, and in no other figure."""
    found = figures(samples(("p", "4"), ("p", None)))
    assert (found["samples"], found["failed"]) == (2, 1)
    assert (found["gold_accuracy"], found["mean_tokens"], found["finished"]) == (1.0, 1.0, 1.0)


def test_length_is_compared_with_the_first_policy() -> None:
    """Twice the tokens of the first is a ratio of 2; the first's own is 1."""
    given = {"sft": samples(("p", "4"), num_tokens=3), "dpo": samples(("p", "4"), num_tokens=6)}
    assert evaluate(PROMPTS, given, {})["length_ratio"] == {"sft": 1.0, "dpo": 2.0}


def test_a_policy_whose_every_sample_failed_has_no_figures() -> None:
    """Nulls in its place; the others' figures stand."""
    given = {"sft": samples(("p", "4")), "dpo": samples(("p", None))}
    found = evaluate(PROMPTS, given, {})
    assert found["length_ratio"] == {"sft": 1.0, "dpo": None}
    assert found["gold_accuracy"] == {"sft": 1.0, "dpo": None}
    assert found["failed"] == {"sft": 0, "dpo": 1}


def test_finished_is_the_share_that_ended_by_themselves() -> None:
    """One stopped and one cut: a half."""
    given = pl.concat([samples(("p", "4")), samples(("p", "5"), finish="length")])
    assert figures(given)["finished"] == 0.5


def test_reward_is_the_mean_over_samples() -> None:
    """A text sampled twice counts twice: (1 + 1 + 4) / 3 = 2."""
    rewards = pl.DataFrame(
        [
            {"response_id": name, "rater": "rm", "score": at}
            for name, at in (("x", 1.0), ("y", 4.0))
        ],
        schema=Ratings.create_empty().schema,
    )
    given = {"dpo": samples(("p", "x"), ("p", "x"), ("p", "y"))}
    assert evaluate(PROMPTS, given, {"dpo": rewards})["mean_reward"] == {"dpo": 2.0}


def test_without_a_reward_model_there_is_no_reward() -> None:
    """Null, not zero: no table, or an empty one."""
    given = {"dpo": samples(("p", "x"))}
    assert evaluate(PROMPTS, given, {})["mean_reward"] == {"dpo": None}
    empty = {"dpo": Ratings.create_empty()}
    assert evaluate(PROMPTS, given, empty)["mean_reward"] == {"dpo": None}
