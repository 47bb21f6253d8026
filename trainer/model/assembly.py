"""Builds the trained model: policy, adapter, online reference, shards."""

from dataclasses import dataclass
from pathlib import Path

import torch
from peft import PeftModel
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import fully_shard
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from rather.trainer.compute import ranks
from rather.trainer.compute.computation import Choice, choose
from rather.trainer.compute.objective import Objective
from rather.trainer.config import TrainConfig
from rather.trainer.model.adapters import adapt, save_adapted
from rather.trainer.model.load_model import load_policy, load_scorer, publish, to_accelerator
from rather.trainer.model.state import whole_weights
from rather.trainer.model.task import OnlineReference, Task


@dataclass(frozen=True)
class Assembly:
    """What is trained, and how to publish it."""

    task: Task
    start: Path
    pad_id: int
    config: TrainConfig
    adapted: PeftModel | None
    choice: Choice

    def publish(self, out: Path, tokenizer: PreTrainedTokenizerBase) -> None:
        """Publish the trained model and its tokenizer, from the first of all processes."""
        weights = whole_weights(self.task) if self.task.is_sharded else None
        if ranks.rank() == 0:
            model, adapted = self._whole(weights)
            lora = self.config.lora

            def write(folder: Path) -> None:
                if adapted is None or lora is None:
                    model.save_pretrained(folder)
                else:
                    save_adapted(folder, adapted, lora.merge)
                tokenizer.save_pretrained(folder)

            publish(out, write)
        ranks.wait()

    def _whole(
        self, weights: dict[str, torch.Tensor] | None
    ) -> tuple[PreTrainedModel, PeftModel | None]:
        """Return the model with all its weights; a sharded one is gathered into a new model."""
        if weights is None:
            return self.task.policy, self.adapted
        scored = self.task.goal.loss.needs_scores
        model, adapted = _load(self.start, self.pad_id, scored, self.config)
        prefix = "policy."
        own = {
            name.removeprefix(prefix): weight
            for name, weight in weights.items()
            if name.startswith(prefix)
        }
        model.load_state_dict(own)
        return model, adapted


def assemble(model: Path, pad_id: int, goal: Objective, config: TrainConfig) -> Assembly:
    """Load the starting model, and build around it what the settings ask for."""
    policy, adapted = _load(model, pad_id, goal.loss.needs_scores, config)
    if not config.sharded:
        to_accelerator(policy)
    choice = choose(policy, config, goal.loss.needs_scores)
    if config.gradient_checkpointing:
        policy.gradient_checkpointing_enable({"use_reentrant": False})
    reference = None
    if goal.loss.needs_reference and config.reference == "online":
        switch = None if adapted is None else adapted.disable_adapter
        refreshed = config.refresh_steps is not None
        reference = OnlineReference(policy, goal, config.precision, switch, refreshed)
    task = Task(policy, goal, reference)
    if config.sharded and ranks.size() > 1:
        _shard(task)
    return Assembly(task, model, pad_id, config, adapted, choice)


def _load(
    model: Path, pad_id: int, scored: bool, config: TrainConfig
) -> tuple[PreTrainedModel, PeftModel | None]:
    policy = load_scorer(model, pad_id, new_head=True) if scored else load_policy(model)
    return policy, None if config.lora is None else adapt(policy, config.lora)


def _shard(task: Task) -> None:
    """Divide weights over the processes layer by layer (FSDP2), the rest in one piece.

    Our own, since accelerate does not shard on a CPU, where this is tested.
    """
    device = torch.accelerator.current_accelerator(check_available=True) or torch.device("cpu")
    task.to(device)
    mesh = init_device_mesh(device.type, (ranks.size(),))
    layers = set(task.policy._no_split_modules or ())
    for module in list(task.modules()):
        if type(module).__name__ in layers:
            fully_shard(module, mesh=mesh)
    fully_shard(task, mesh=mesh)
    task.is_sharded = True
