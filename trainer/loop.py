"""The training loop: transformers' Trainer, fed our batches and our objective."""

import math
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader
from transformers import (
    PreTrainedModel,
    PrinterCallback,
    Trainer,
    TrainerCallback,
    TrainerControl,
    TrainerState,
    TrainingArguments,
)

from trainer.batches import Batch, Batches, Row, Rows, collate
from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.logps import inference, to_device
from trainer.objective import Means, Objective, Quantities


class PreferenceTrainer(Trainer):
    """Trains a model on the rows of all epochs, as one pass over the batches of them all.

    history: one record per `logging_steps` optimizer steps, the last perhaps of fewer: step, epoch,
    learning_rate, grad_norm, loss and TRL's metrics, each example weighing the same.
    """

    # compute_loss weighs each batch by its share of the optimizer step.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        model: PreTrainedModel,
        goal: Objective,
        rows: Rows,
        pad_id: int,
        config: TrainConfig,
        scratch: Path,
    ) -> None:
        self._policy = model
        super().__init__(model=model, args=_arguments(config, scratch), callbacks=[_LogLastStep()])
        self.remove_callback(PrinterCallback)
        self.history: list[dict[str, float]] = []
        self._goal = goal
        self._pad_id = pad_id
        self._config = config
        self._loader = self._batches(rows)
        self._steps_per_epoch = len(self._loader) / config.gradient_accumulation_steps / rows.epochs
        self._means = Means()
        self._num_tokens = torch.zeros((), dtype=torch.long, device=model.device)

    def fit(self) -> dict[str, Any]:
        """Train to the end; return the last record's loss and metrics, steps, speed and history."""
        start = time.monotonic()
        self.train()
        seconds = time.monotonic() - start
        last = dict(self.history[-1])
        told = {name: last[name] for name in last if "/" in name or name == "kl"}
        return {
            "train_loss": last["loss"],
            **told,
            "num_steps": self.state.global_step,
            "tokens_per_second": int(self._num_tokens) / seconds,
            "history": self.history,
        }

    def first_quantities(self) -> Quantities:
        """Compute what the loss takes on the first batch, without training."""
        return self._infer(next(iter(self._loader)))

    def measure(self, rows: Rows) -> dict[str, float]:
        """Compute the mean loss and metrics over rows, without training on them."""
        means = Means()
        for batch in self._batches(rows):
            self._record(means, self._infer(batch), self._goal.weight(batch))
        return means.take()

    def _batches(self, rows: Rows) -> DataLoader[Row]:
        return DataLoader(
            rows,
            batch_sampler=Batches(rows, self._config.batch_size, self._config.seed),
            collate_fn=lambda batch: collate(batch, self._pad_id),
        )

    def _infer(self, batch: Batch) -> Quantities:
        with inference(self._policy, self._config.precision):
            return self._goal.quantities(self._policy, to_device(batch, self._policy))

    def _record(self, means: Means, quantities: Quantities, weight: int) -> Tensor:
        """Add a batch's loss and metrics to running means, and return the loss."""
        loss = self._goal.losses(quantities).mean()
        means.add_sum("loss", loss.detach().double() * weight, weight)
        means.add(self._goal.metrics({name: q.detach() for name, q in quantities.items()}))
        return loss

    def get_train_dataloader(self) -> DataLoader[Row]:
        """Give the batches of all epochs."""
        return self._loader

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[Batch], int]:
        """Take an optimizer step's batches, and count what its mean loss is over."""
        batches, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        return batches, sum(self._goal.weight(batch) for batch in batches)

    def compute_loss(
        self,
        model: nn.Module,
        inputs: Batch,
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Compute one batch's share of the mean loss of an optimizer step."""
        weight = self._goal.weight(inputs)
        loss = self._record(self._means, self._goal.quantities(model, inputs), weight)
        self._num_tokens += inputs["attention_mask"].sum()
        return loss * (weight / (num_items_in_batch or weight))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add a record to the history; raises TrainerError where the loss is no longer a number."""
        if "learning_rate" not in logs:
            return
        means = self._means.take()
        step = self.state.global_step
        if not math.isfinite(means["loss"]):
            raise TrainerError(
                f"step {step}: expected a finite loss, found {means['loss']}; "
                "lower learning_rate, or train with precision fp32"
            )
        steps = {"step": step, "epoch": step / self._steps_per_epoch}
        pace = {name: logs[name] for name in ("learning_rate", "grad_norm") if name in logs}
        self.history.append(steps | pace | means)
        super().log(dict(self.history[-1]), start_time)

    def floating_point_ops(self, inputs: Batch) -> int:
        """Count none: transformers' estimate walks over all parameters at every step."""
        return 0


class _LogLastStep(TrainerCallback):
    """Closes the history with the last step, wherever that falls."""

    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: object,
    ) -> None:
        """Ask for a record after the last step."""
        if state.global_step >= state.max_steps:
            control.should_log = True


def _arguments(config: TrainConfig, scratch: Path) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(scratch),
        per_device_train_batch_size=config.batch_size,
        gradient_accumulation_steps=config.gradient_accumulation_steps,
        num_train_epochs=1,
        learning_rate=config.learning_rate,
        lr_scheduler_type=config.lr_scheduler_type,
        warmup_steps=config.warmup_ratio,
        weight_decay=config.weight_decay,
        max_grad_norm=config.max_grad_norm,
        bf16=config.precision == "bf16",
        use_cpu=not torch.accelerator.is_available(),
        seed=config.seed,
        logging_steps=config.logging_steps,
        logging_nan_inf_filter=False,
        disable_tqdm=not sys.stderr.isatty(),
        save_strategy="no",
        report_to=[],
    )
