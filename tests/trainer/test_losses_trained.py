"""Every loss, from files to a model: what it takes is there, and step 0 is what theory gives."""

import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from rather.trainer.compute.logps import TokenLogps
from rather.trainer.compute.objective import objective, of_pairs
from rather.trainer.config import TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.losses import LOSSES
from rather.trainer.preflight import check_step0
from rather.trainer.reference.reference import write_reference
from rather.trainer.train import train

OF_POLICIES = [name for name, loss in LOSSES.items() if name != "sft" and not loss.needs_scores]


@pytest.fixture
def evident(pairs: Path) -> Path:
    """The ten pairs, with what raters say of them: sure of all, and by a margin of 2."""
    table = pq.read_table(pairs / "train.parquet")
    for name, value in (("p_correct", 0.9), ("margin", 2.0)):
        table = table.append_column(name, pa.array([value] * len(table)))
    pq.write_table(table, pairs / "train.parquet")
    return pairs


@pytest.mark.parametrize("name", OF_POLICIES)
def test_every_loss_trains_a_policy(
    name: str, model: Path, evident: Path, labels: Path, tmp_path: Path
) -> None:
    """One step from the reference: what is needed is read, cached and found, and no more than that.

    Where there is a reference step 0 is checked against it, and passes.
    """
    config = TrainConfig(name, max_length=64, batch_size=10, learning_rate=1e-3)
    data = labels if LOSSES[name].eats == "labels" else evident
    cache = tmp_path / "reference.parquet" if LOSSES[name].needs_reference else None
    if cache is not None:
        write_reference(model, data, cache, config)
    metrics = train(model, data, tmp_path / "out", config, cache)
    assert math.isfinite(metrics["train_loss"])
    assert metrics.get("step0_check") == ("passed" if cache else None)
    assert {
        "rewards/chosen",
        "rewards/rejected",
        "logps/chosen",
        "logps/rejected",
    } <= metrics.keys()


def test_a_sum_of_losses_trains_a_policy(model: Path, pairs: Path, tmp_path: Path) -> None:
    """DPO with the NLL of iterative RPO: ln 2 and the reference's own NLL at step 0."""
    config = TrainConfig({"dpo": 1.0, "rpo_nll": 0.5}, max_length=64, batch_size=10)
    cache = tmp_path / "reference.parquet"
    write_reference(model, pairs, cache, config)
    metrics = train(model, pairs, tmp_path / "out", config, cache)
    assert metrics["step0_check"] == "passed"
    assert metrics["loss_step0"] > math.log(2) + 1


@pytest.mark.parametrize(
    ("name", "lacking"),
    [("robust_per_pair", "p_correct"), ("odpo", "margin"), ("bradley_terry_margin", "margin")],
)
def test_a_loss_that_lacks_its_evidence_is_refused(
    name: str, lacking: str, model: Path, pairs: Path, tmp_path: Path
) -> None:
    """The column is named, and nothing is written."""
    config = TrainConfig(name, max_length=64)
    with pytest.raises(TrainerError, match=f"expected a finite {lacking} in every row"):
        if LOSSES[name].needs_reference:
            write_reference(model, pairs, tmp_path / "out", config)
        else:
            train(model, pairs, tmp_path / "out", config)
    assert not (tmp_path / "out").exists()


def test_bco_shifts_rewards_by_their_running_mean(
    model: Path, labels: Path, tmp_path: Path
) -> None:
    """The shift starts at 0, where every loss is ln 2, and then moves with what is learnt."""
    config = TrainConfig(
        "bco_unpaired", max_length=64, batch_size=5, epochs=4, learning_rate=2e-3, logging_steps=1
    )
    cache = tmp_path / "reference.parquet"
    write_reference(model, labels, cache, config)
    metrics = train(model, labels, tmp_path / "out", config, cache)
    assert math.isclose(metrics["loss_step0"], math.log(2), abs_tol=1e-4)
    shifts = [record["delta"] for record in metrics["history"]]
    assert shifts[0] == pytest.approx(0.0, abs=1e-5)
    assert len({round(shift, 9) for shift in shifts[1:]}) == len(shifts) - 1


@pytest.mark.parametrize("name", ["sppo", "dpo_norm", "ipo", "dpo"])
def test_rounding_of_log_probs_passes_step_0_and_half_a_nat_does_not(name: str) -> None:
    """Noise of 3e-5 nats in sums of -400 is rounding in fp32, whatever a loss makes of it."""
    goal = objective(TrainConfig(name))
    reference = torch.full((8,), -400.0)
    noise = torch.tensor([1.0, -1.0] * 4)
    config = TrainConfig(name)
    for scale, passes in ((3e-5, True), (0.5, False)):
        logps = TokenLogps(
            reference + scale * noise, torch.arange(8), torch.zeros(8, dtype=torch.long), 8
        )
        quantities = of_pairs(logps, {"reference": reference})
        if passes:
            assert check_step0(goal, quantities, True, config)["step0_check"] == "passed"
        else:
            with pytest.raises(TrainerError, match="step 0: expected"):
                check_step0(goal, quantities, True, config)
