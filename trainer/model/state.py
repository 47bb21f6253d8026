"""The state of a training that an exact continuation needs, to a file and back.

Weights and optimizer state are whole, whatever ranks hold of them; each rank has its own counts.
"""

from pathlib import Path
from typing import Any

import torch
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim import Optimizer

from rather.trainer.model.task import Task

FILE = "training.pt"
WHOLE = StateDictOptions(full_state_dict=True, cpu_offload=True)
IN_PART = StateDictOptions(full_state_dict=True, strict=False)


def whole_weights(task: Task) -> dict[str, Any]:
    """Gather all weights and buffers on the first rank, by name; others are given none."""
    weights: dict[str, Any] = get_model_state_dict(task, options=WHOLE)
    return weights


def whole_state(task: Task, optimizer: Optimizer) -> dict[str, Any]:
    """Gather what training has changed of the weights, and the optimizer's state."""
    kept = task.kept()
    weights = {name: weight for name, weight in whole_weights(task).items() if name in kept}
    state = get_optimizer_state_dict(task, optimizer, options=WHOLE)
    return {"weights": weights, "optimizer": state}


def read_state(checkpoint: Path) -> dict[str, Any]:
    """Read a checkpoint's state; weights stay on the disk until they are used."""
    state: dict[str, Any] = torch.load(
        checkpoint / FILE, map_location="cpu", mmap=True, weights_only=True
    )
    return state


def put_weights(task: Task, state: dict[str, Any]) -> None:
    """Load a checkpoint's weights into the model."""
    set_model_state_dict(task, state["weights"], options=IN_PART)


def put_optimizer(task: Task, optimizer: Optimizer, state: dict[str, Any]) -> None:
    """Load a checkpoint's optimizer state."""
    set_optimizer_state_dict(
        task, optimizer, state["optimizer"], options=StateDictOptions(full_state_dict=True)
    )
