"""The reward model as a rater; the trainer's own tests cover how it reads."""

import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from schemas.ratings import Ratings
from stages.raters.reward_model import Options, rate

Make = Callable[..., pl.DataFrame]


def answers(logits: dict[str, float | None], seen: list[Any]) -> Callable[..., list[float | None]]:
    """Stand in for the model: a logit for each completion's text; note what was asked."""

    def score(
        model: Path, conversations: Iterable[Any], max_length: int, batch_size: int
    ) -> list[float | None]:
        seen.append((model, max_length, batch_size))
        return [logits[completion[0]["content"]] for _, completion in conversations]

    return score


def test_raw_logit_is_the_score(
    make_prompts: Make, make_responses: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each response has its own logit, whatever the order; the options reach the model."""
    logits, seen = {"a": -1.5, "b": 0.25, "c": 7.0}, []  # type: ignore[var-annotated]
    monkeypatch.setattr("trainer.rewards.score", answers(dict(logits), seen))
    responses = make_responses(("?", "c"), ("?", "a"), ("?", "b"), ("?", "a"))
    options = Options(model="folder", max_length=9, batch_size=2)
    ratings = rate("reward_model", make_prompts({"?": None}), responses, options, seed=0)
    found = ratings.join(responses.unique("response_id"), on="response_id")
    assert dict(found.select("text", "score").rows()) == logits
    assert seen == [(Path("folder"), 9, 2)]


def test_no_logit_is_not_low(
    make_prompts: Make, make_responses: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the model cannot read, or answers with no finite number, is null with a reason."""
    logits = {"": None, "nan": float("nan"), "inf": float("inf")}
    monkeypatch.setattr("trainer.rewards.score", answers(logits, []))
    responses = make_responses(("?", ""), ("?", "nan"), ("?", "inf"))
    ratings = rate("reward_model", make_prompts({"?": None}), responses, Options(), seed=0)
    assert Ratings.validate(ratings)["score"].null_count() == 3
    assert sorted(ratings["reason"]) == ["not_finite", "not_finite", "unreadable"]


def test_nothing_to_rate_loads_no_model(
    make_prompts: Make, make_responses: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No responses give an empty ratings table, even where no trainer can be imported."""
    monkeypatch.setitem(sys.modules, "trainer.rewards", None)
    ratings = rate("reward_model", make_prompts({}), make_responses(), Options(), seed=0)
    assert Ratings.validate(ratings).is_empty()
