"""The training loop: transformers' Trainer, fed our batches and our objective."""

import math
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.distributed.fsdp import FSDPModule
from torch.utils.data import DataLoader
from transformers import PrinterCallback, ProgressCallback

from rather.trainer.compute import ranks
from rather.trainer.compute.logps import has_dropout, inference, to_device
from rather.trainer.compute.objective import Quantities
from rather.trainer.config import TrainConfig
from rather.trainer.data.batches import Batches, Row, Rows, collate
from rather.trainer.data.layouts import Batch
from rather.trainer.errors import TrainerError
from rather.trainer.loop.arguments import arguments
from rather.trainer.loop.callbacks import Bar, Refresh, Rhythm
from rather.trainer.loop.checkpoints import Checkpoints
from rather.trainer.loop.finite import Finite, not_finite
from rather.trainer.loop.history import History
from rather.trainer.loop.means import Means
from rather.trainer.loop.resuming import ExactTrainer
from rather.trainer.loop.throughput import Throughput
from rather.trainer.model.assembly import Assembly
from rather.trainer.watch.watch import Watch

Check: TypeAlias = Callable[[Quantities], dict[str, Any]]
WEIGHT = "weight"
# Metrics without a slash in TRL's names.
TOLD = ("kl", "nll_loss", "log_odds_ratio", "entropy", "num_tokens")


class PreferenceTrainer(ExactTrainer):
    """Trains a model on the rows of all epochs, as one pass over the batches of them all.

    history: one record per `logging_steps` optimizer steps, the last perhaps of fewer: step, epoch,
    learning_rate, grad_norm, loss and TRL's metrics, each example weighing the same. check: judges
    what the loss takes on the first batch, before anything is learned from it. step0: what it
    found, which a checkpoint keeps.
    """

    # compute_loss weighs each batch by its share of the optimizer step.
    loss_is_scaled_for_ga = True

    def __init__(
        self,
        assembly: Assembly,
        splits: Mapping[str, Rows],
        config: TrainConfig,
        check: Check,
        scratch: Path,
        checkpoints: Checkpoints | None = None,
        log: Path | None = None,
    ) -> None:
        self._goal = assembly.task.goal
        self._pad_id = assembly.pad_id
        self._layout = assembly.choice.layout
        self._config = config
        self._check = check
        self._held_out = splits.get("test")
        self._order, self._loader = self._batches(splits["train"])
        accumulated = config.gradient_accumulation_steps
        self._steps_per_epoch = len(self._loader) / accumulated / config.epochs
        rhythm = Rhythm(self._save_every() if checkpoints else None, config.eval_steps)
        given = arguments(config, scratch if log is None else log.parent)
        super().__init__(assembly.task, given, checkpoints, callbacks=[rhythm])
        self.remove_callback(PrinterCallback)
        if self.pop_callback(ProgressCallback):
            self.add_callback(Bar())
        if config.refresh_steps is not None:
            self.add_callback(Refresh(config.refresh_steps, self._refresh))
        self.history = History(log if ranks.rank() == 0 else None)
        self.step0: dict[str, Any] = {}
        self.watch = Watch(config, self._goal.loss, len(splits["train"]))
        self._means = Means()
        self._throughput = Throughput(assembly.task, config.precision)
        self._finite = Finite(self.args.device)

    def fit(self, resume: Path | None = None) -> dict[str, Any]:
        """Train to the end; return the last record's loss and metrics, steps, speed and history.

        resume: a checkpoint to go on from, exactly.
        """
        self._idle = self._order.idle()
        self.history.start([])
        self.watch.begin()
        self._throughput.start()
        self.train(resume_from_checkpoint=None if resume is None else str(resume))
        last = self.history.last()
        told = {name: last[name] for name in last if "/" in name or name in TOLD}
        return {
            "train_loss": last["loss"],
            **told,
            "num_steps": self.state.global_step,
            **self._throughput.pace(),
            "warnings": [finding.as_dict() for finding in self.watch.findings],
            "history": self.history.records,
        }

    def measure(self, rows: Rows) -> dict[str, float]:
        """Compute the mean loss and metrics over rows, without training on them."""
        means = Means()
        order, batches = self._batches(rows)
        for batch, idle in zip(batches, order.idle(), strict=True):
            quantities = self._infer(_marked(batch, idle))
            if not idle:
                self._record(means, quantities, self._goal.weight(batch))
        return means.take()

    def progress(self) -> dict[str, Any]:
        """Return the state beside the model that the next step depends on."""
        self._expect_finite()
        return {
            "means": self._means.state_dict(),
            "throughput": self._throughput.state_dict(),
            "history": self.history.records,
            "objective": self._goal.state_dict(),
            "step0": self.step0,
        }

    def proceed(self, progress: dict[str, Any]) -> None:
        """Go on from what `progress` gave."""
        self._means.load_state_dict(progress["means"])
        self._throughput.load_state_dict(progress["throughput"])
        self.history.start(progress["history"])
        self.watch.catch_up(record for record in self.history.records if "loss" in record)
        self._goal.load_state_dict(progress["objective"])
        self.step0 = progress["step0"]
        done = self.state.global_step * self._config.gradient_accumulation_steps
        self._idle = islice(self._order.idle(), done, None)

    def _batches(self, rows: Rows) -> tuple[ranks.Shares, DataLoader[Row]]:
        """Yield this process's share of the batches, by row and as tensors."""
        batches = Batches(rows, self._config.batch_size, self._config.seed)
        order = ranks.Shares(batches, len(rows))
        loader = DataLoader(
            rows,
            batch_sampler=order,
            collate_fn=lambda batch: collate(batch, self._pad_id, self._layout),
        )
        return order, loader

    def _infer(self, batch: Batch) -> Quantities:
        with inference(self.task, self._config.precision):
            found: Quantities = self.task(to_device(batch, self.task))
        if isinstance(self.task, FSDPModule):
            # Without a backward pass the outermost weights stay whole, which no optimizer holds.
            self.task.reshard()
        return found

    def _record(self, means: Means, quantities: Quantities, weight: int) -> Tensor:
        """Add a batch's loss and metrics to running means, and return the loss."""
        loss = self._goal.losses(quantities).mean()
        means.add_sum("loss", loss.detach().double() * weight, weight)
        means.add(self._goal.metrics({name: q.detach() for name, q in quantities.items()}))
        return loss

    def get_train_dataloader(self) -> DataLoader[Row]:
        """Yield the batches of all epochs."""
        return self._loader

    def get_batch_samples(
        self, epoch_iterator: Iterator[Batch], num_batches: int, device: torch.device
    ) -> tuple[list[dict[str, Any]], Tensor]:
        """Take an optimizer step's batches, and count what its mean loss is over on all ranks.

        Each batch is given its weight, which is 0 where the batch only fills a gap.
        """
        taken, _ = super().get_batch_samples(epoch_iterator, num_batches, device)
        batches = [_marked(batch, idle) for batch, idle in zip(taken, self._idle, strict=False)]
        weights = [0 if ranks.IDLE in batch else self._goal.weight(batch) for batch in batches]
        weighed = [
            {**batch, WEIGHT: weight} for batch, weight in zip(batches, weights, strict=True)
        ]
        return weighed, ranks.total(torch.tensor(sum(weights), device=device))

    def compute_loss(
        self,
        model: nn.Module,
        inputs: dict[str, Any],
        return_outputs: bool = False,
        num_items_in_batch: Tensor | int | None = None,
    ) -> Tensor:
        """Compute one batch's share of the mean loss of an optimizer step."""
        weight = inputs.pop(WEIGHT)
        quantities: Quantities = model(inputs)
        if not weight:
            return 0 * self._goal.losses(quantities).sum()
        if not self.step0:
            self.step0 = self._check(self._before_training(quantities, inputs))
        self._finite.note(quantities, self.state.global_step + 1)
        self._throughput.add(inputs)
        loss = self._record(self._means, quantities, weight)
        # Gradients are averaged over the ranks, and the loss is a sum of their shares.
        share: Tensor = loss * (weight * ranks.size() / num_items_in_batch)
        return share

    def _before_training(self, quantities: Quantities, batch: Batch) -> Quantities:
        """Return the first batch's quantities without dropout, as for the reference."""
        if has_dropout(self.task.policy):
            return self._infer(batch)
        return {name: values.detach() for name, values in quantities.items()}

    def _expect_finite(self) -> None:
        step = self._finite.first_bad_step()
        if step is None:
            return
        per_step = self._config.gradient_accumulation_steps
        batches = islice(self._order, (step - 1) * per_step, step * per_step)
        raise not_finite(step, (row for batch in batches for _, row in batch))

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add a record to the history; raises TrainerError where the loss is no longer a number."""
        if "learning_rate" not in logs:
            return
        self._expect_finite()
        means = self._means.take()
        if not math.isfinite(means["loss"]):
            raise TrainerError(
                f"step {self.state.global_step}: expected a finite loss, found {means['loss']}; "
                "lower learning_rate, or train with precision fp32"
            )
        pace = {name: logs[name] for name in ("learning_rate", "grad_norm") if name in logs}
        self._add(pace | means | self._throughput.record(), start_time)
        self.watch.see(self.history.records[-1])

    def _add(self, told: dict[str, float], start_time: float | None = None) -> None:
        step = self.state.global_step
        record = {"step": step, "epoch": step / self._steps_per_epoch, **told}
        pace = self._throughput.pace()
        self.history.add(record, pace)
        known = {name: value for name, value in pace.items() if value is not None}
        super().log(record | known, start_time)

    def _evaluate(
        self, trial: object, ignore_keys_for_eval: object, skip_scheduler: bool = False
    ) -> dict[str, float]:
        """Measure the held-out rows in mid-training, as a record of its own."""
        found = {} if self._held_out is None else self.measure(self._held_out)
        if found:
            self._add({f"eval_{name}": value for name, value in found.items()})
        return found

    def _refresh(self) -> None:
        assert self.task.reference is not None
        self.task.reference.refresh(self.task.policy, self._config.refresh_alpha)

    def _save_every(self) -> int:
        """Count the optimizer steps from one checkpoint to the next."""
        per_epoch = self._steps_per_epoch / (self._config.saves_per_epoch or 1)
        return self._config.save_steps or max(1, round(per_epoch))

    def floating_point_ops(self, inputs: Batch) -> int:
        """Count none: transformers' estimate walks over all parameters at every step."""
        return 0


def _marked(batch: Batch, idle: bool) -> Batch:
    return {**batch, ranks.IDLE: torch.tensor(True)} if idle else batch
