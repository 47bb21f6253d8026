"""An online reference: a frozen copy, which stays or follows."""

import math
from pathlib import Path

import pytest
import torch

from rather.trainer.compute.objective import objective
from rather.trainer.config import TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.model.assembly import assemble
from rather.trainer.reference.reference import write_reference
from rather.trainer.train import train

SHARED = {"epochs": 4, "learning_rate": 2e-3, "batch_size": 5, "max_length": 64}


@pytest.mark.parametrize("loss", ["dpo", "kto", "ld_dpo"])
def test_an_online_reference_trains_as_a_cached_one(
    loss: str, model: Path, pairs: Path, labels: Path, tmp_path: Path
) -> None:
    """At every step the losses agree, whatever the loss takes of the reference."""
    data = labels if loss == "kto" else pairs
    config = TrainConfig(loss, **SHARED)  # type: ignore[arg-type]
    write_reference(model, data, tmp_path / "reference.parquet", config)
    cached = train(model, data, tmp_path / "cached", config, tmp_path / "reference.parquet")
    online = TrainConfig(loss, **SHARED, reference="online")  # type: ignore[arg-type]
    metrics = train(model, data, tmp_path / "online", online)
    assert metrics["step0_check"] == "passed"
    losses = ([record["loss"] for record in each["history"]] for each in (metrics, cached))
    assert next(losses) == pytest.approx(next(losses), abs=1e-4)


def test_a_reference_that_keeps_up_leaves_no_margin(
    model: Path, pairs: Path, tmp_path: Path
) -> None:
    """Where the reference becomes the policy after every step, each loss is that of step 0."""
    config = TrainConfig(
        "dpo",
        **SHARED,  # type: ignore[arg-type]
        reference="online",
        refresh_steps=1,
        refresh_alpha=1.0,
        logging_steps=1,
    )
    history = train(model, pairs, tmp_path / "out", config)["history"]
    assert [record["loss"] for record in history] == pytest.approx([math.log(2)] * 8, abs=1e-4)


def test_a_refresh_moves_the_reference_a_share_of_the_way(model: Path) -> None:
    """From weights w to w + 1, a share of 0.6 makes w + 0.6 (TR-DPO's soft update)."""
    config = TrainConfig("dpo", reference="online", refresh_steps=512)
    task = assemble(model, 0, objective(config), config).task
    start = task.policy.model.norm.weight.detach().clone()
    with torch.no_grad():
        task.policy.model.norm.weight += 1
    assert task.reference is not None and task.reference.model is not None
    task.reference.refresh(task.policy, 0.6)
    assert torch.allclose(task.reference.model.model.norm.weight, start + 0.6)


def test_a_cached_reference_cannot_be_refreshed() -> None:
    """Its log-probs are of one model."""
    with pytest.raises(TrainerError, match="refresh_steps: expected none but for an online"):
        TrainConfig("dpo", refresh_steps=512)
