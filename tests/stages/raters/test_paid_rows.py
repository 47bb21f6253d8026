"""Rows that earlier versions paid for: names of stores and keys of rows, as literals."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.stages.models.chat import Chat, Sample, Sampling
from rather.stages.models.generate import Options as GenerateOptions
from rather.stages.models.generate import generate
from rather.stages.models.pointer import Address
from rather.stages.models.resolve import point_at_endpoint
from rather.stages.raters import implicit, judge, reward_model
from rather.stages.raters.rating import Models

Make = Callable[..., pl.DataFrame]
SEED = 7
CLOSED = "http://127.0.0.1:9/v1"  # an address that answers nothing
DRAWN = judge.Options(by="pairwise", temperature=0.5, template={"a": 1})
STRICT = judge.Options(rubric="Be strict.")


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """A model and a reference, each a folder with one file, and an empty store."""
    for name in ("model", "sft"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "config.json").write_text(f'{{"name": "{name}"}}')
    return Models(tmp_path / "model", reference=tmp_path / "sft", store=tmp_path / "store")


@pytest.fixture
def judged(models: Models, tmp_path: Path) -> Models:
    """A judge behind an address that answers nothing."""
    folder = tmp_path / "judge"
    folder.mkdir()
    point_at_endpoint(Address(CLOSED, "played"), folder)
    return models._replace(model=folder)


def put(store: Path, name: str, rows: list[dict[str, Any]]) -> None:
    """Write a store as an earlier version left it."""
    (store / name).mkdir(parents=True)
    schema = {"num_tokens": pl.Int64, "reason": pl.String} if "text" in rows[0] else None
    pl.DataFrame(rows, schema_overrides=schema).write_parquet(store / name / "chunk.parquet")


class Recorder:
    """A model that notes the seeds of its requests."""

    def __init__(self) -> None:
        self.seeds: list[int] = []

    def __enter__(self) -> "Recorder":
        return self

    def __exit__(self, *_: object) -> None: ...

    def chat(self, requests: list[Chat], sampling: Sampling) -> list[Sample | str]:
        """Note the seeds."""
        self.seeds += [request.seed for request in requests]
        return [Sample("{}", "stop", 1, -1.0) for _ in requests]


def test_samples_that_were_paid_for_are_found(make_prompts: Make, models: Models) -> None:
    """The stored samples become the table; the two missing ones are asked for, with their seeds."""
    paid = [
        {
            "key": "80c0409bc228235d",
            "sample_index": index,
            "text": f"paid {index}",
            "finish_reason": "stop",
            "num_tokens": 1,
            "logprob": -1.0,
            "reason": None,
        }
        for index in (0, 1)
    ]
    put(models.store, "1e090cdfe13a1374", paid)
    recorder = Recorder()
    options = GenerateOptions(
        num_samples=2, temperature=(0.5, 1.0), system="Be brief.", stop=("x",), template={"a": 1}
    )
    prompts = make_prompts({"?": None})
    samples = generate(prompts, models.model, options, SEED, "g", models.store, recorder)
    assert sorted(samples["text"]) == ["paid 0", "paid 1", "{}", "{}"]
    assert recorder.seeds == [91479731433200, 127039416962060]
    assert {path.name for path in models.store.iterdir()} == {
        "1e090cdfe13a1374",
        "de597dda51c4ad6a",
    }


@pytest.mark.parametrize(
    ("kind", "store", "column", "keys"),
    [
        (
            reward_model,
            "logits-e6f52c597324a229",
            "score",
            ("5f19b1dfc55f2173", "58e5a73bd3a8f338"),
        ),
        (
            implicit,
            "log-ratios-14fd2ecd5cbe0de8",
            "log_ratio",
            ("d7628cfa2a13cc41", "908649581cb11630"),
        ),
    ],
)
def test_scores_that_were_paid_for_are_found(
    make_prompts: Make,
    make_responses: Make,
    models: Models,
    monkeypatch: pytest.MonkeyPatch,
    kind: Any,
    store: str,
    column: str,
    keys: tuple[str, str],
) -> None:
    """The stored scores become ratings, and no model is loaded."""
    for module in ("rewards", "implicit_rewards"):
        monkeypatch.setitem(sys.modules, f"rather.trainer.reference.{module}", None)
    put(models.store, store, [{"key": key, column: 1.0 + at} for at, key in enumerate(keys)])
    responses, options = make_responses(("?", "a"), ("?", "bb")), kind.Options(max_length=64)
    rated = kind.rate("r", make_prompts({"?": None}), responses, options, SEED, models)
    factor = getattr(options, "beta", 1.0)
    assert sorted(rated.ratings["score"]) == [1.0 * factor, 2.0 * factor]


@pytest.mark.parametrize(
    ("options", "store", "keys"),
    [
        (DRAWN, "verdicts-1f11b714852310d9", ("6cd3e74b68ddab0f", "95c0d44380295bff")),
        (STRICT, "verdicts-784206898c3e79ef", ("2b792e2ce67768ea", "588bbef68c5aaf7d")),
    ],
    ids=["pairwise", "pointwise"],
)
def test_verdicts_that_were_paid_for_are_found(
    make_prompts: Make,
    make_responses: Make,
    judged: Models,
    options: judge.Options,
    store: str,
    keys: tuple[str, str],
) -> None:
    """The stored answers become verdicts, and nothing is sent to the endpoint."""
    row = {"text": "paid", "finish_reason": "stop", "num_tokens": 1, "reason": None}
    put(judged.store, store, [{"key": key, **row} for key in keys])
    responses = make_responses(("?", "a"), ("?", "bb"))
    rated = judge.rate("j", make_prompts({"?": None}), responses, options, SEED, judged)
    assert rated.verdicts["text"].to_list() == ["paid", "paid"]


@pytest.mark.parametrize(
    ("options", "seeds"),
    [
        (DRAWN, [26252908305106, 68607582609811]),
        (STRICT, [76529788777155, 85383984798664]),
    ],
    ids=["pairwise", "pointwise"],
)
def test_a_judge_is_asked_with_the_same_seeds(
    make_prompts: Make,
    make_responses: Make,
    judged: Models,
    monkeypatch: pytest.MonkeyPatch,
    options: judge.Options,
    seeds: list[int],
) -> None:
    """A question's seed depends on the run's seed and the question alone."""
    recorder = Recorder()
    monkeypatch.setattr("rather.stages.raters.judging.judge_client.open_model", lambda *_: recorder)
    responses = make_responses(("?", "a"), ("?", "bb"))
    judge.rate("j", make_prompts({"?": None}), responses, options, SEED, judged)
    assert recorder.seeds == seeds
