"""Counting tokens and arithmetic, by hand."""

from pathlib import Path

import pytest
import torch

from rather.trainer.compute.objective import objective
from rather.trainer.config import Lora, TrainConfig
from rather.trainer.loop.throughput import Throughput, flops_per_token, peak_flops
from rather.trainer.model.assembly import assemble

# The tiny Llama: two layers of 4 * 32 * 32 attention, 3 * 32 * 64 MLP, 2 * 32 norms; a last norm.
LAYERS = 2 * (4 * 32 * 32 + 3 * 32 * 64 + 2 * 32) + 32
HEAD = 261 * 32


@pytest.mark.parametrize(
    ("settings", "passes"),
    [({}, (6, 6)), ({"reference": "online"}, (8, 8))],
    ids=["full", "online"],
)
def test_arithmetic_is_six_times_the_weights(
    settings: dict[str, str], passes: tuple[int, int], model: Path
) -> None:
    """Forward 2, backward 4, and 2 more for an online reference; the embedding is a look-up."""
    config = TrainConfig("dpo", **settings)  # type: ignore[arg-type]
    task = assemble(model, 0, objective(config), config).task
    assert flops_per_token(task) == (passes[0] * LAYERS, passes[1] * HEAD)


def test_an_adapter_spares_the_weights_own_gradients(model: Path) -> None:
    """4 for each frozen weight, 6 for the adapter's: rank 1 on queries is 2 * (32 + 32)."""
    config = TrainConfig("dpo", lora=Lora(r=1, target_modules=("q_proj",)))
    task = assemble(model, 0, objective(config), config).task
    assert flops_per_token(task) == (4 * LAYERS + 6 * 2 * 64, 4 * HEAD)


def test_padding_is_counted_since_the_last_record(model: Path) -> None:
    """Six of eight places are tokens, then all four of four: a quarter is padding, then none."""
    config = TrainConfig("sft")
    counted = Throughput(assemble(model, 0, objective(config), config).task, "fp32")
    for mask in ([[1, 1, 1, 1], [1, 1, 0, 0]], [[1, 1, 1, 1]]):
        attended = torch.tensor(mask)
        batch = {"input_ids": torch.zeros_like(attended), "attention_mask": attended}
        counted.add(batch | {"lengths": attended.sum(1)})
        if len(mask) > 1:
            assert counted.record() == {"num_tokens": 6, "padding_fraction": 0.25}
    assert counted.record() == {"num_tokens": 10, "padding_fraction": 0.0}
    assert counted.pace()["mfu"] is None


def test_a_processors_peak_is_unknown() -> None:
    """No figure is better than a guessed one."""
    assert peak_flops(torch.device("cpu")) is None
