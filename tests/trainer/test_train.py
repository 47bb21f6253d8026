"""Training: what it refuses, what it changes, and what it tells."""

import json
import math
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import torch
from safetensors.torch import load_file

from rather.trainer.config import TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.reference.reference import write_reference
from rather.trainer.train import train

WriteSplit = Callable[..., Path]
SFT = TrainConfig("sft", epochs=8, learning_rate=1e-2, batch_size=5, max_length=64)
REWARD = TrainConfig("bradley_terry", epochs=8, learning_rate=5e-3, batch_size=5, max_length=64)
DPO = TrainConfig("dpo", epochs=4, learning_rate=2e-3, batch_size=5, max_length=64)
KTO = TrainConfig("kto", epochs=4, learning_rate=2e-3, batch_size=5, max_length=64)


def cached(model: Path, data: Path, config: TrainConfig, folder: Path) -> Path:
    """Cache a reference, and return its file."""
    out = folder / "reference.parquet"
    write_reference(model, data, out, config)
    return out


def distort(cache: Path) -> None:
    """Add noise of a nat to every cached value, and keep all else."""
    table = pq.read_table(cache)
    noise = pa.array([(-1.0) ** at for at in range(len(table))])
    logps = pc.add(table["logps"], noise)
    pq.write_table(table.set_column(1, table.schema.field("logps"), logps), cache)


def test_sft_lowers_the_loss(model: Path, demonstrations: Path, tmp_path: Path) -> None:
    """Ten demonstrations are learnt, and the model at `out` is another."""
    metrics = train(model, demonstrations, tmp_path / "out", SFT)
    assert metrics["train_loss"] < metrics["loss_step0"] / 2
    assert metrics["num_steps"] == 16


def test_dpo_raises_the_margin(model: Path, pairs: Path, tmp_path: Path) -> None:
    """The policy comes to prefer what is chosen, held-out pairs included."""
    (pairs / "test.parquet").write_bytes((pairs / "train.parquet").read_bytes())
    metrics = train(model, pairs, tmp_path / "out", DPO, cached(model, pairs, DPO, tmp_path))
    assert metrics["rewards/margins"] > 0.1
    assert metrics["eval_rewards/accuracies"] > 0.9


def test_kto_parts_the_rewards(model: Path, labels: Path, tmp_path: Path) -> None:
    """Desirable completions come to be rewarded above undesirable ones."""
    metrics = train(model, labels, tmp_path / "out", KTO, cached(model, labels, KTO, tmp_path))
    assert metrics["rewards/margins"] > 0.1
    assert metrics["kl"] >= 0


def test_a_reward_model_learns_who_wins(model: Path, pairs: Path, tmp_path: Path) -> None:
    """Its accuracy on ten pairs it has seen is well above a coin's."""
    metrics = train(model, pairs, tmp_path / "out", REWARD)
    assert metrics["rewards/accuracies"] > 0.9


def test_a_model_with_dropout_starts_at_its_reference(
    model: Path, pairs: Path, tmp_path: Path
) -> None:
    """Activations that training drops at random are all there when step 0 is checked."""
    settings = json.loads((model / "config.json").read_text()) | {"attention_dropout": 0.5}
    dropping = tmp_path / "dropping"
    shutil.copytree(model, dropping)
    (dropping / "config.json").write_text(json.dumps(settings))
    cache = cached(dropping, pairs, DPO, tmp_path)
    metrics = train(dropping, pairs, tmp_path / "out", DPO, cache)
    assert math.isclose(metrics["loss_step0"], math.log(2), abs_tol=1e-4)


def test_the_first_dpo_loss_is_ln_2(model: Path, pairs: Path, tmp_path: Path) -> None:
    """Where policy and reference are one, no margin is preferred."""
    metrics = train(model, pairs, tmp_path / "out", DPO, cached(model, pairs, DPO, tmp_path))
    assert math.isclose(metrics["loss_step0"], math.log(2), abs_tol=1e-4)
    assert metrics["step0_check"] == "passed"


def test_the_first_kto_loss_is_half_of_each_weight(
    model: Path, labels: Path, tmp_path: Path
) -> None:
    """With both weights 3, 3 (1 - sigmoid(0)) = 1.5 for every example."""
    config = TrainConfig("kto", max_length=64, desirable_weight=3.0, undesirable_weight=3.0)
    cache = cached(model, labels, config, tmp_path)
    metrics = train(model, labels, tmp_path / "out", config, cache)
    assert math.isclose(metrics["loss_step0"], 1.5, abs_tol=1e-4)


def test_a_distorted_reference_stops_before_the_first_step(
    model: Path, pairs: Path, tmp_path: Path
) -> None:
    """Log-probs that are not the starting model's are found out, and no model is left."""
    cache = cached(model, pairs, DPO, tmp_path)
    distort(cache)
    with pytest.raises(TrainerError, match=r"step 0: expected.*0\.693147.*rerun the reference"):
        train(model, pairs, tmp_path / "out", DPO, cache)
    assert not (tmp_path / "out").exists()


def test_another_models_reference_is_refused(
    make_model: Callable[[int], Path], model: Path, pairs: Path, tmp_path: Path
) -> None:
    """Unless it is declared to be meant, a reference is the model training starts from."""
    cache = cached(make_model(1), pairs, DPO, tmp_path)
    with pytest.raises(TrainerError, match="separate_reference"):
        train(model, pairs, tmp_path / "out", DPO, cache)


def test_a_declared_separate_reference_is_used(
    make_model: Callable[[int], Path], model: Path, pairs: Path, tmp_path: Path
) -> None:
    """The first loss is then not ln 2, and the metrics say that this was not checked."""
    config = TrainConfig("dpo", max_length=64, separate_reference=True)
    cache = cached(make_model(1), pairs, config, tmp_path)
    metrics = train(model, pairs, tmp_path / "out", config, cache)
    assert metrics["step0_check"].startswith("skipped")
    assert abs(metrics["loss_step0"] - math.log(2)) > 1e-3


@pytest.mark.parametrize(
    ("config", "given", "told"),
    [(DPO, False, "expected a cache"), (REWARD, True, "expected no cached reference")],
)
def test_a_reference_is_given_when_needed_and_only_then(
    config: TrainConfig, given: bool, told: str, model: Path, pairs: Path, tmp_path: Path
) -> None:
    """A reference too few or too many is a mistake in the settings."""
    with pytest.raises(TrainerError, match=told):
        train(model, pairs, tmp_path / "out", config, tmp_path / "cache" if given else None)


def test_the_same_seed_gives_the_same_weights(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """Bit for bit, and another seed gives others."""
    other = TrainConfig("sft", epochs=8, learning_rate=1e-2, batch_size=5, max_length=64, seed=1)
    weights = []
    for at, config in enumerate((SFT, SFT, other)):
        train(model, demonstrations, tmp_path / str(at), config)
        weights.append((tmp_path / str(at) / "model.safetensors").read_bytes())
    assert weights[0] == weights[1] != weights[2]


def test_a_reward_models_head_follows_from_the_seed(
    model: Path, pairs: Path, tmp_path: Path
) -> None:
    """The head is new, and drawn the same each time."""
    heads = []
    for name in ("first", "second"):
        torch.rand(1)
        train(model, pairs, tmp_path / name, REWARD)
        heads.append(load_file(tmp_path / name / "model.safetensors")["score.weight"])
    assert torch.equal(heads[0], heads[1])


def test_accumulated_batches_weigh_by_their_tokens(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """Five batches of two rows make the step that one of ten rows makes."""
    steps = []
    for size, accumulated in ((10, 1), (2, 5)):
        config = TrainConfig(
            "sft",
            learning_rate=1e-2,
            warmup_ratio=0.0,
            batch_size=size,
            gradient_accumulation_steps=accumulated,
            max_length=64,
        )
        metrics = train(model, demonstrations, tmp_path / str(size), config)
        assert metrics["num_steps"] == 1
        steps.append((metrics["train_loss"], metrics["history"][0]["grad_norm"]))
    assert steps[1] == pytest.approx(steps[0], rel=1e-4)


def test_metrics_are_json_and_hold_both_ledgers(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """What training tells can be written down as it is."""
    (demonstrations / "test.parquet").write_bytes((demonstrations / "train.parquet").read_bytes())
    metrics = train(model, demonstrations, tmp_path / "out", SFT)
    assert json.loads(json.dumps(metrics)) == metrics
    assert metrics["tokens"]["train"]["kept"] == metrics["tokens"]["test"]["kept"] == 10
    assert metrics["eval_loss"] < metrics["loss_step0"]


def test_without_held_out_rows_the_metrics_say_so(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """No test.parquet is no mistake."""
    metrics = train(model, demonstrations, tmp_path / "out", SFT)
    assert "test.parquet is absent" in metrics["eval_skipped"]


def test_one_held_out_label_is_not_evaluated(model: Path, labels: Path, tmp_path: Path) -> None:
    """A single held-out row has no partner for KTO's reference point; training goes on."""
    table = pq.read_table(labels / "train.parquet")
    pq.write_table(table.slice(0, 1), labels / "test.parquet")
    metrics = train(model, labels, tmp_path / "out", KTO, cached(model, labels, KTO, tmp_path))
    assert "too few" in metrics["eval_skipped"]
    assert metrics["tokens"]["test"]["rows_in"] == 1


def test_losing_every_row_is_an_error(model: Path, demonstrations: Path, tmp_path: Path) -> None:
    """The error gives the numbers and names max_length."""
    with pytest.raises(TrainerError, match=r"all 10 dropped \(10 prompt_too_long\).*max_length"):
        train(model, demonstrations, tmp_path / "out", TrainConfig("sft", max_length=2))


def test_no_rows_to_prefer_are_an_error(
    model: Path, write_split: WriteSplit, tmp_path: Path
) -> None:
    """A policy without any pair is not passed off as trained."""
    data = write_split([], ["prompt", "chosen", "rejected"])
    with pytest.raises(TrainerError, match="found no rows"):
        train(model, data, tmp_path / "out", DPO, tmp_path / "reference.parquet")


def test_one_labelled_row_is_refused(model: Path, write_split: WriteSplit, tmp_path: Path) -> None:
    """KTO's reference point needs another row's completion."""
    row = {
        "prompt": [{"role": "user", "content": "hi"}],
        "completion": [{"role": "assistant", "content": "yo"}],
        "label": True,
    }
    with pytest.raises(TrainerError, match="at least 2 rows, found 1"):
        write_reference(model, write_split([row], list(row)), tmp_path / "reference.parquet", KTO)


def test_a_loss_that_is_no_longer_a_number_stops_training(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """A diverged model is not published."""
    config = TrainConfig(
        "sft", epochs=8, learning_rate=1e38, max_grad_norm=0.0, warmup_ratio=0.0, batch_size=5
    )
    with pytest.raises(TrainerError, match=r"step 2: expected finite log-probs.* rows \d"):
        train(model, demonstrations, tmp_path / "out", config)
    assert not (tmp_path / "out").exists()


def test_bfloat16_trains(model: Path, pairs: Path, tmp_path: Path) -> None:
    """Reference and policy compute alike, so the first loss is still near ln 2."""
    config = TrainConfig("dpo", max_length=64, precision="bf16")
    metrics = train(model, pairs, tmp_path / "out", config, cached(model, pairs, config, tmp_path))
    assert math.isclose(metrics["loss_step0"], math.log(2), abs_tol=5e-2)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"loss": "ppo"}, "loss: expected some of bradley_terry"),
        ({"loss": "sft", "batch_size": 0}, "batch_size: expected at least 1, found 0"),
        ({"loss": "sft", "precision": "fp8"}, "precision: expected one of fp32, bf16"),
        ({"loss": "sft", "warmup_ratio": 10}, "warmup_ratio: expected a share"),
    ],
)
def test_settings_out_of_range_are_refused(
    settings: dict[str, object], told: str, model: Path, pairs: Path, tmp_path: Path
) -> None:
    """The error names the setting, what was expected and what was found."""
    with pytest.raises(TrainerError, match=told):
        train(model, pairs, tmp_path / "out", TrainConfig(**settings))  # type: ignore[arg-type]
