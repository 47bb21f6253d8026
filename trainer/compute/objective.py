"""What is computed on one batch: the quantities a loss takes, the loss, and metrics beside it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

import torch
from torch import Tensor, nn

from rather.trainer.compute import batch_metrics, ranks
from rather.trainer.compute.logps import TokenLogps, completion_logps, sequence_scores
from rather.trainer.config import TrainConfig
from rather.trainer.data.dataset import EVIDENCE
from rather.trainer.data.layouts import Batch
from rather.trainer.errors import TrainerError
from rather.trainer.losses import Loss, find_loss, loss_names, weighted_sum

# What losses take, by the names of their arguments: tensors (B,), and numbers.
Quantities: TypeAlias = dict[str, Tensor]
MEND = "in the training settings"


@dataclass
class RunningMean:
    """The mean of all rewards trained on so far, each weighing the same; 0 before the first."""

    mean: float = 0.0
    count: int = 0

    def add(self, values: Tensor) -> None:
        """Add a batch's values, (B,), of every process."""
        summed = values.detach().double().sum()
        total, count = ranks.total(torch.stack((summed, summed.new_tensor(len(values))))).tolist()
        self.count += int(count)
        self.mean += (total - count * self.mean) / self.count


@dataclass(frozen=True)
class Objective:
    """A loss with its numbers: a beta where one was given, weights, and the loss's own options.

    beta: what rewards are scaled by; of a sum of losses the first's, and 1 where none has any.
    rewards: what bco_unpaired shifts rewards by, all that training carries from batch to batch.
    """

    loss: Loss
    numbers: Mapping[str, float | str | bool]
    beta: float
    rewards: RunningMean = field(default_factory=RunningMean)

    def losses(self, quantities: Mapping[str, Tensor]) -> Tensor:
        """Compute the loss of each example, (B,)."""
        supplied = {**quantities, **self.numbers}
        return self.loss(**{name: supplied[name] for name in self.loss.inputs if name in supplied})

    def quantities(self, model: nn.Module, batch: Batch) -> Quantities:
        """Run the model over a batch for all that a loss of this kind may take.

        Raises TrainerError where the batch lacks what the loss takes.
        """
        if self.loss.needs_scores:
            chosen, rejected = sequence_scores(model, batch).chunk(2)
            found = {"chosen_scores": chosen, "rejected_scores": rejected} | _evidence(batch)
        elif self.loss.eats == "pairs":
            found = of_pairs(completion_logps(model, batch), batch)
            if "mean_chosen_length" in self.loss.inputs:
                found["mean_chosen_length"] = _over_ranks(found["chosen_lengths"].float(), batch)
        elif self.loss.eats == "labels":
            found = of_labels(completion_logps(model, batch), batch)
            if "shift" in self.loss.inputs:
                found["shift"] = self._shift(found, batch, model.training)
        else:
            logps = completion_logps(model, batch)
            found = {"logps": logps.sums(), "lengths": logps.counts()}
        self._expect(found)
        return found

    def weight(self, batch: Batch) -> int:
        """Count what a mean over several batches weighs this one by: its tokens or its examples."""
        if self.loss.averages_over == "tokens":
            return int(batch["lengths"].sum())
        if self.loss.eats == "labels":
            return len(batch["label"])
        return len(batch["lengths"]) // (2 if self.loss.eats == "pairs" else 1)

    def metrics(self, quantities: Mapping[str, Tensor]) -> Quantities:
        """Compute the metrics of a batch, under TRL's names, one value per example they concern."""
        return batch_metrics.metrics(self.loss, self.beta, quantities)

    def state_dict(self) -> dict[str, float]:
        """Return the state that is carried from batch to batch, for a checkpoint."""
        return {"mean": self.rewards.mean, "count": self.rewards.count}

    def load_state_dict(self, state: Mapping[str, float]) -> None:
        """Go on from a checkpoint's state."""
        self.rewards.mean, self.rewards.count = state["mean"], int(state["count"])

    def _shift(self, found: Quantities, batch: Batch, training: bool) -> Tensor:
        """Return the mean of all rewards so far, including these in training: (B,)."""
        rewards = self.beta * (found["policy"] - found["reference"]).detach()
        if training:
            self.rewards.add(_counted(rewards, batch))
        return torch.full_like(rewards, self.rewards.mean)

    def _expect(self, found: Quantities) -> None:
        known = {**found, **self.numbers, **self.loss.options, "beta": None}
        missing = [name for name in self.loss.inputs if name not in known]
        if missing:
            columns = sorted({EVIDENCE.get(name, "reference") for name in missing})
            raise TrainerError(
                f"expected {', '.join(missing)} to compute the loss from, found none; give data "
                f"and a reference with {', '.join(columns)}, or choose another loss"
            )


def objective(config: TrainConfig) -> Objective:
    """Look up a configuration's loss, or the weighted sum of several, with its numbers.

    Raises TrainerError for a name, an option or a sum that there is not.
    """
    named = config.loss if isinstance(config.loss, Mapping) else {config.loss: 1.0}
    losses = {name: loss for name in named if (loss := find_loss(name)) is not None}
    if not losses or len(losses) < len(named):
        unknown = ", ".join(repr(name) for name in named if name not in losses) or "none"
        raise TrainerError(
            f"loss: expected some of {', '.join(loss_names())}, or package.module:function, found "
            f"{unknown}; correct loss {MEND}"
        )
    terms = [(losses[name], float(weight)) for name, weight in named.items()]
    if len({(loss.eats, loss.needs_scores) for loss, _ in terms}) > 1:
        kinds = ", ".join(f"{name} of {loss.eats}" for name, loss in losses.items())
        raise TrainerError(
            f"loss: expected a sum of losses of the same data and model, found {kinds}; "
            f"correct loss {MEND}"
        )
    _check_beta(config.beta, terms)
    loss = weighted_sum(terms) if isinstance(config.loss, Mapping) else terms[0][0]
    given = [config.beta, *(term.usual_beta for term, _ in terms), 1.0]
    beta = next(each for each in given if each is not None)
    return Objective(loss, _numbers(config, terms), beta)


def _check_beta(beta: float | None, terms: list[tuple[Loss, float]]) -> None:
    taken = any(loss.usual_beta is not None for loss, _ in terms)
    if beta is not None and not (taken and beta > 0):
        expected = "above 0" if taken else "none for a loss without beta"
        raise TrainerError(f"beta: expected {expected}, found {beta!r}; correct beta {MEND}")


def _numbers(config: TrainConfig, terms: list[tuple[Loss, float]]) -> dict[str, float | str | bool]:
    """Collect the numbers a configuration gives to a loss; raises TrainerError for a wrong one."""
    known = {name for loss, _ in terms for name in loss.options}
    unknown = [name for name in config.options if name not in known]
    if unknown:
        raise TrainerError(
            f"options: expected {', '.join(sorted(known)) or 'none'}, found {', '.join(unknown)}; "
            f"correct options {MEND}"
        )
    for loss, _ in terms:
        _within_limits(loss, config.options)
    numbers: dict[str, float | str | bool] = {
        "desirable_weight": config.desirable_weight,
        "undesirable_weight": config.undesirable_weight,
        **config.options,
    }
    return numbers if config.beta is None else numbers | {"beta": config.beta}


def _within_limits(loss: Loss, options: Mapping[str, float | str | bool]) -> None:
    for name in options.keys() & loss.options.keys():
        value, usual = options[name], loss.options[name]
        least, greatest = loss.limits.get(name, (float("-inf"), float("inf")))
        if isinstance(usual, bool):
            expected, holds = "true or false", isinstance(value, bool)
        else:
            expected = f"a number from {least:g} to {greatest:g}"
            number = isinstance(value, int | float) and not isinstance(value, bool)
            holds = number and least <= float(value) <= greatest
        if not holds:
            raise TrainerError(
                f"options.{name}: expected {expected}, found {value!r}; correct options {MEND}"
            )


def at_reference(quantities: Mapping[str, Tensor]) -> Quantities:
    """Return the quantities with the reference as the policy."""
    swapped = {
        name: quantities.get(name.replace("policy", "reference"), values)
        for name, values in quantities.items()
    }
    none_there = {name: quantities[name] * 0 for name in ("kl", "shift") if name in quantities}
    return swapped | none_there


def of_pairs(logps: TokenLogps, batch: Mapping[str, Tensor]) -> Quantities:
    """Return the inputs of losses of pairs from 2B completions: B chosen, then B rejected."""
    counts = logps.counts()
    found = _by_side("policy_{}", logps.sums()) | _by_side("{}_lengths", counts)
    found["mean_chosen_length"] = found["chosen_lengths"].to(logps.values.dtype).mean()
    found["chosen_ends"] = logps.ends().chunk(2)[0].detach()
    if "reference" in batch:
        found |= _by_side("reference_{}", batch["reference"])
    if "reference_heads" in batch:
        shorter = torch.minimum(*counts.chunk(2)).repeat(2)
        found |= _by_side("policy_{}_heads", logps.sums_within(shorter))
        found |= _by_side("reference_{}_heads", batch["reference_heads"])
    return found | _evidence(batch)


def _by_side(name: str, values: Tensor) -> Quantities:
    chosen, rejected = values.chunk(2)
    return {name.format("chosen"): chosen, name.format("rejected"): rejected}


def _evidence(batch: Mapping[str, Tensor]) -> Quantities:
    return {name: batch[name] for name in EVIDENCE if name in batch}


def of_labels(logps: TokenLogps, batch: Mapping[str, Tensor]) -> Quantities:
    """Return the inputs of losses of labels from B completions, and B mismatched ones if any.

    kl is (B,): each process's own log-ratios, or where there are several, the mean over them all.
    """
    num = len(batch["label"])
    sums, lengths, reference = logps.sums(), logps.counts(), batch["reference"]
    found = {"policy": sums[:num], "lengths": lengths[:num], "labels": batch["label"]}
    found["reference"] = reference[:num]
    found["ends"] = logps.ends()[:num].detach()
    if len(sums) > num:
        kl = (sums[num:] - reference[num:]).detach()
        found["kl"] = kl if ranks.size() == 1 else _over_ranks(kl, batch).expand(num)
    return found


def _counted(values: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Leave out the values of a batch that only fills a gap (`rather.trainer.compute.ranks`)."""
    return values[:0] if ranks.IDLE in batch else values


def _over_ranks(values: Tensor, batch: Mapping[str, Tensor]) -> Tensor:
    """Take the mean of values (B,), of which every process may have another number: ()."""
    values = _counted(values, batch)
    total = ranks.total(torch.stack((values.sum(), values.new_tensor(len(values)))))
    return total[0] / total[1]
