"""The reward that a policy implies, as a rater."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.schemas.judgements import Ratings
from rather.stages.raters.implicit import Options, rate
from rather.stages.raters.rating import Models
from rather.trainer.reference.implicit_rewards import LogRatio, Said

Make = Callable[..., pl.DataFrame]


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """Folders that stand for a policy and its reference, and a store."""
    for name in ("policy", "sft"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(f'{{"name": "{name}"}}')
    return Models(tmp_path / "policy", reference=tmp_path / "sft", store=tmp_path / "store")


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Let every answer be a nat a letter likelier under the policy, and note what is asked."""
    asked: list[Any] = []

    def log_ratios(
        policy: Path, reference: Path, said: list[Said], max_length: int, batch_size: int
    ) -> list[LogRatio | None]:
        asked.append((policy.name, reference.name, max_length, batch_size))
        texts = [each.completion[0]["content"] for each in said]
        asked.append({text: each.finished for text, each in zip(texts, said, strict=True)})
        return [LogRatio(-1.0, -1.0 - len(t), 1, 0.0, 0.0) if t else None for t in texts]

    monkeypatch.setattr("rather.trainer.reference.implicit_rewards.log_ratios", log_ratios)
    return asked


def test_the_score_is_beta_times_the_log_ratio(
    make_prompts: Make, make_responses: Make, models: Models, seen: list[Any]
) -> None:
    """Three letters, three nats; what the models cannot read is null with a reason."""
    responses = make_responses(("?", "yes"), ("?", "")).with_columns(
        finish_reason=pl.Series(["length", "stop"])
    )
    options = Options(beta=0.5, max_length=9, batch_size=2)
    found = rate("own", make_prompts({"?": None}), responses, options, 0, models)
    told = Ratings.validate(found.ratings).join(responses, on="response_id")
    rows = dict(zip(told["text"], told.select("score", "reason").rows(), strict=True))
    assert rows == {"yes": (1.5, None), "": (None, "unreadable")}
    assert seen[0] == ("policy", "sft", 9, 2)
    assert seen[1] == {"yes": False, "": True}


def test_beta_alone_asks_no_model(
    make_prompts: Make, make_responses: Make, models: Models, seen: list[Any]
) -> None:
    """Log-ratios are kept; a changed reference makes them others."""
    prompts, responses = make_prompts({"?": None}), make_responses(("?", "yes"))
    for beta in (0.5, 1.0):
        found = rate("own", prompts, responses, Options(beta=beta), 0, models)
        assert found.ratings["score"].to_list() == [3 * beta]
    assert len(seen) == 2
    (models.reference / "config.json").write_text("{}")
    rate("own", prompts, responses, Options(), 0, models)
    assert len(seen) == 4


def test_real_models_are_read(
    make_prompts: Make, make_responses: Make, tiny_model: Path, tmp_path: Path
) -> None:
    """Under one model twice nothing is likelier: every score is zero."""
    models = Models(tiny_model, reference=tiny_model, store=tmp_path)
    responses = make_responses(("?", "yes"), ("?", "no"))
    found = rate("own", make_prompts({"?": None}), responses, Options(), 0, models)
    assert found.ratings["score"].to_list() == [0.0, 0.0]
