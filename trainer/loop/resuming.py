"""transformers' Trainer with checkpoints of our own, from which it goes on exactly."""

from abc import abstractmethod
from pathlib import Path
from typing import Any

import torch
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler
from transformers import Trainer, TrainingArguments

from rather.trainer.compute import ranks
from rather.trainer.loop.checkpoints import Checkpoints
from rather.trainer.model.state import FILE, put_optimizer, put_weights, read_state, whole_state
from rather.trainer.model.task import Task

# What transformers itself reads when it goes on: step counts, and beside it random states.
TRAINER_STATE = "trainer_state.json"


class ExactTrainer(Trainer):
    """Writes and reads checkpoints whole, with all that the next step depends on.

    transformers' own would hold weights, optimizer, schedule and random states, but be written in
    place, in part where the disk is full, and without running means, history or objective.
    """

    def __init__(
        self,
        task: Task,
        args: TrainingArguments,
        checkpoints: Checkpoints | None,
        **kwargs: Any,
    ) -> None:
        self.task = task
        self._checkpoints = checkpoints
        super().__init__(model=task, args=args, **kwargs)

    @abstractmethod
    def progress(self) -> dict[str, Any]:
        """Return this process's state beside weights, optimizer, schedule and random states."""

    @abstractmethod
    def proceed(self, progress: dict[str, Any]) -> None:
        """Go on from what `progress` gave."""

    def _has_mixed_mesh_grads(self, model: object) -> bool:
        """Have the norm of sharded gradients made whole before they are clipped by it."""
        return self.task.is_sharded

    def _save_checkpoint(self, model: object, trial: object) -> None:
        """Write a checkpoint of this step, all processes together, the first of them the files."""
        assert self._checkpoints is not None
        step, main = self.state.global_step, ranks.rank() == 0
        optimizer, schedule = self._moving()
        state = whole_state(self.task, optimizer) | {"schedule": schedule.state_dict()}
        state["progress"] = ranks.gather(self.progress())
        if main:
            self._checkpoints.begin(step)
        ranks.wait()
        # Each process has random states of its own.
        self._checkpoints.write(step, lambda folder: self._save_rng_state(str(folder)))
        if main:
            self._checkpoints.write(step, lambda folder: self._save_whole(folder, state))
        ranks.wait()
        if main:
            self._checkpoints.seal(step)

    def _moving(self) -> tuple[Optimizer, LRScheduler]:
        """Return the optimizer without accelerate's wrapper."""
        assert self.optimizer is not None and self.lr_scheduler is not None
        return getattr(self.optimizer, "optimizer", self.optimizer), self.lr_scheduler

    def _save_whole(self, folder: Path, state: dict[str, Any]) -> None:
        torch.save(state, folder / FILE)
        self.state.save_to_json(str(folder / TRAINER_STATE))

    def _load_from_checkpoint(
        self, resume_from_checkpoint: str, model: object | None = None
    ) -> None:
        """Load a checkpoint's weights into the model, before it is wrapped."""
        put_weights(self.task, read_state(Path(resume_from_checkpoint)))

    def _load_optimizer_and_scheduler(self, checkpoint: str | None) -> None:
        """Go on with optimizer, schedule and this process's own counts."""
        if checkpoint is not None:
            state = read_state(Path(checkpoint))
            optimizer, schedule = self._moving()
            put_optimizer(self.task, optimizer, state)
            schedule.load_state_dict(state["schedule"])
            self.proceed(state["progress"][ranks.rank()])
