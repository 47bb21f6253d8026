"""The reward model as a rater; the trainer's own tests cover how it reads."""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.schemas.base import UserError
from rather.schemas.judgements import Ratings
from rather.stages.models.vllm_pooling import Pooling
from rather.stages.raters.rating import Models
from rather.stages.raters.reward_model import Options, rate

Make = Callable[..., pl.DataFrame]
SEVERAL = ("yes", "no", "yes, of course, and much more of it", "", "x" * 100)


@pytest.fixture
def models(tmp_path: Path) -> Models:
    """A folder that stands for a reward model, and a store."""
    folder = tmp_path / "reward"
    folder.mkdir()
    (folder / "config.json").write_text("{}")
    return Models(folder, reference=tmp_path / "sft", store=tmp_path / "store")


@pytest.fixture
def stand_in(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[Any]]:
    """Put a table of logits in the model's place, and note how it is loaded and what it reads."""

    def put(logits: dict[str, float | None]) -> list[Any]:
        seen: list[Any] = []

        class Rewarder:
            def __init__(self, *loaded: Any) -> None:
                seen.append(loaded)

            def __call__(self, said: Sequence[Any]) -> list[float | None]:
                seen.append([completion[0]["content"] for _, completion in said])
                return [logits[completion[0]["content"]] for _, completion in said]

        monkeypatch.setattr("rather.trainer.reference.rewards.Rewarder", Rewarder)
        return seen

    return put


def test_raw_logit_is_the_score(
    make_prompts: Make, make_responses: Make, models: Models, stand_in: Callable[..., list[Any]]
) -> None:
    """Each response has its own logit, whatever the order; the options reach the model."""
    logits = {"a": -1.5, "b": 0.25, "c": 7.0}
    seen = stand_in(logits)
    responses = make_responses(("?", "c"), ("?", "a"), ("?", "b"), ("?", "a"))
    options = Options(max_length=9, batch_size=2)
    rated = rate("reward_model", make_prompts({"?": None}), responses, options, 0, models)
    found = rated.ratings.join(responses.unique("response_id"), on="response_id")
    assert dict(found.select("text", "score").rows()) == logits
    assert seen[0] == (models.model, 9, 2)
    assert rated.figures == {"through": "transformers"}


def test_no_logit_is_not_low(
    make_prompts: Make, make_responses: Make, models: Models, stand_in: Callable[..., list[Any]]
) -> None:
    """What the model cannot read, or answers with no finite number, is null with a reason."""
    stand_in({"": None, "nan": float("nan"), "inf": float("inf")})
    responses = make_responses(("?", ""), ("?", "nan"), ("?", "inf"))
    found = rate("r", make_prompts({"?": None}), responses, Options(), 0, models).ratings
    assert Ratings.validate(found)["score"].null_count() == 3
    assert sorted(found["reason"]) == ["not_finite", "not_finite", "unreadable"]


def test_what_was_read_is_not_read_again(
    make_prompts: Make, make_responses: Make, models: Models, stand_in: Callable[..., list[Any]]
) -> None:
    """Scores are kept chunk by chunk, whatever the rater's name; the model's state is their key."""
    seen = stand_in({"a": 1.0, "b": 2.0, "c": None})
    prompts, options = make_prompts({"?": None}), Options(chunk_size=1)
    first = rate("one", prompts, make_responses(("?", "a"), ("?", "c")), options, 0, models)
    responses = make_responses(("?", "a"), ("?", "b"), ("?", "c"))
    again = rate("one", prompts, responses, options, 0, models)
    assert sorted(map(str, seen[1:3])) == ["['a']", "['c']"]
    assert seen[4:] == [["b"]]
    assert first.ratings.rows() == again.ratings.filter(pl.col("score").ne_missing(2)).rows()
    (models.model / "config.json").write_text('{"changed": true}')
    rate("one", prompts, responses, options, 0, models)
    assert len(seen) == 6 + 3


def test_nothing_to_rate_loads_no_model(
    make_prompts: Make, make_responses: Make, models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No responses give an empty ratings table, even where no trainer can be imported."""
    monkeypatch.setitem(sys.modules, "rather.trainer.reference.rewards", None)
    found = rate("r", make_prompts({}), make_responses(), Options(), 0, models).ratings
    assert Ratings.validate(found).is_empty()


@pytest.fixture(scope="module")
def trained(tiny_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A reward model that the trainer's bradley_terry taught to prefer yes."""
    from rather.trainer.config import TrainConfig
    from rather.trainer.train import train

    folder = tmp_path_factory.mktemp("reward")
    said = [{"role": "user", "content": "say it"}]
    rows = [
        {
            "prompt": said,
            "chosen": [{"role": "assistant", "content": f"yes {at}"}],
            "rejected": [{"role": "assistant", "content": f"no {at}"}],
        }
        for at in range(10)
    ]
    pl.DataFrame(rows).write_parquet(folder / "train.parquet")
    config = TrainConfig("bradley_terry", epochs=4, learning_rate=5e-3, batch_size=5, max_length=64)
    train(tiny_model, folder, folder / "model", config)
    return folder / "model"


@pytest.mark.slow
def test_vllm_and_transformers_score_alike(
    make_prompts: Make, make_responses: Make, trained: Path, tmp_path: Path
) -> None:
    """To 1e-4 in fp32, without a sigmoid; what one cannot read, or cuts, so does the other."""
    prompts = make_prompts({"say it": None, "y" * 70: None})
    responses = make_responses(*(("say it", text) for text in SEVERAL), ("y" * 70, "yes"))
    scores = {}
    for through in ("vllm", "transformers"):
        models = Models(trained, reference=trained, store=tmp_path / through)
        options = Options(through=through, max_length=64)
        rated = rate("r", prompts, responses, options, 0, models)
        assert rated.figures == {"through": through}
        scores[through] = Ratings.validate(rated.ratings)
    ours, theirs = scores["vllm"], scores["transformers"]
    assert ours["reason"].to_list() == theirs["reason"].to_list()
    assert ours["reason"].count() == 2
    assert (ours["score"] - theirs["score"]).abs().max() < 1e-4
    assert theirs["score"].abs().max() > 1.5


@pytest.mark.slow
def test_what_vllm_cannot_serve_goes_through_transformers(
    make_prompts: Make,
    make_responses: Make,
    trained: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless vLLM was asked for by name; why is noted in the metrics."""

    def refuse(self: Pooling) -> Pooling:
        raise UserError("no such architecture")

    monkeypatch.setattr(Pooling, "__enter__", refuse)
    monkeypatch.setattr("rather.stages.raters.reward_model.MANY", 1)
    models = Models(trained, reference=trained, store=tmp_path)
    given = make_prompts({"say it": None}), make_responses(("say it", "yes"))
    with pytest.raises(UserError, match="no such architecture"):
        rate("r", *given, Options(through="vllm", max_length=64), 0, models)
    rated = rate("r", *given, Options(max_length=64), 0, models)
    assert rated.ratings["score"].null_count() == 0
    assert rated.figures["note"] == "not through vLLM: no such architecture"
