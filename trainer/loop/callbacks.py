"""What happens between the steps of transformers' Trainer: records, checkpoints, a progress bar."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from transformers import (
    ProgressCallback,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)


@dataclass
class Rhythm(TrainerCallback):
    """Requests a record at the last step, and evaluations and checkpoints at intervals.

    save_every, eval_every: in optimizer steps; None for never. The last step is also kept: what
    follows it may take long.
    """

    save_every: int | None
    eval_every: int | None

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Request logging, evaluation or saving where this step is due."""
        ended = state.global_step >= state.max_steps
        control.should_log = control.should_log or ended
        control.should_evaluate = not ended and _due(state.global_step, self.eval_every)
        due = _due(state.global_step, self.save_every)
        control.should_save = due or (ended and self.save_every is not None)


def _due(step: int, every: int | None) -> bool:
    return every is not None and step % every == 0


@dataclass
class Refresh(TrainerCallback):
    """Refreshes an online reference every so many optimizer steps."""

    every: int
    refresh: Callable[[], None]

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Refresh where this step is due."""
        if _due(state.global_step, self.every):
            self.refresh()


class Bar(ProgressCallback):
    """A progress bar with steps, time left, and the last record's loss."""

    def on_log(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        logs: dict[str, Any] | None = None,
        **kwargs: object,
    ) -> None:
        """Show the loss beside the bar, where transformers would print the whole record."""
        if self.training_bar is not None and logs and "loss" in logs:
            self.training_bar.set_postfix(loss=f"{logs['loss']:.4f}")
