"""What is computed on one batch: the quantities a loss takes, the loss, and metrics beside it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

import torch
from torch import Tensor, nn

from trainer.batches import Batch
from trainer.config import TrainConfig
from trainer.errors import TrainerError
from trainer.logps import completion_logps, sequence_scores
from trainer.losses import LOSSES, Loss, z0

# What losses take, by the names of their arguments: tensors (B,), and numbers.
Quantities: TypeAlias = dict[str, Tensor]


@dataclass(frozen=True)
class Objective:
    """A loss with its numbers: beta and weights."""

    loss: Loss
    numbers: Mapping[str, float]

    def losses(self, quantities: Mapping[str, Tensor]) -> Tensor:
        """Compute the loss of each example, (B,)."""
        supplied = {**quantities, **self.numbers}
        return self.loss.function(**{name: supplied[name] for name in self.loss.inputs})

    def quantities(self, model: nn.Module, batch: Batch) -> Quantities:
        """Run the model over a batch for all that a loss of this kind may take."""
        if self.loss.needs_scores:
            chosen, rejected = sequence_scores(model, batch).chunk(2)
            return {"chosen_scores": chosen, "rejected_scores": rejected}
        if self.loss.eats == "pairs":
            return _pairs(model, batch)
        if self.loss.eats == "labels":
            return _labels(model, batch)
        logps, lengths = completion_logps(model, batch)
        return {"logps": logps, "lengths": lengths}

    def weight(self, batch: Batch) -> int:
        """Count what a mean over several batches weighs this one by: its tokens or its examples."""
        if self.loss.averages_over == "tokens":
            return int(batch["completion_mask"].sum())
        return len(batch["input_ids"]) // (1 if self.loss.eats == "demonstrations" else 2)

    def metrics(self, quantities: Mapping[str, Tensor]) -> Quantities:
        """Compute the metrics of a batch, under TRL's names, one value per example they concern."""
        beta = self.numbers.get("beta", 1.0)
        if "chosen_scores" in quantities:
            return _preference(quantities["chosen_scores"], quantities["rejected_scores"])
        if "policy_chosen" in quantities:
            return _pair_metrics(quantities, beta)
        if "policy" in quantities:
            return _label_metrics(quantities, beta)
        return {}


def objective(config: TrainConfig) -> Objective:
    """Look up a configuration's loss; raises TrainerError where there is none of the name."""
    if config.loss not in LOSSES:
        raise TrainerError(
            f"expected a loss among {', '.join(LOSSES)}, found {config.loss!r}; "
            "correct loss in the training settings"
        )
    loss = LOSSES[config.loss]
    beta = loss.usual_beta if config.beta is None else config.beta
    numbers = {
        "desirable_weight": config.desirable_weight,
        "undesirable_weight": config.undesirable_weight,
    }
    return Objective(loss, numbers if beta is None else numbers | {"beta": beta})


def at_reference(quantities: Mapping[str, Tensor]) -> Quantities:
    """Give the quantities as they would be if the policy were the reference itself."""
    swapped = {
        name: quantities.get(name.replace("policy", "reference"), values)
        for name, values in quantities.items()
    }
    if "kl" in quantities:
        swapped["kl"] = torch.zeros_like(quantities["kl"])
    return swapped


def _pairs(model: nn.Module, batch: Batch) -> Quantities:
    logps, _ = completion_logps(model, batch)
    policy_chosen, policy_rejected = logps.chunk(2)
    reference_chosen, reference_rejected = batch["reference"].chunk(2)
    return {
        "policy_chosen": policy_chosen,
        "policy_rejected": policy_rejected,
        "reference_chosen": reference_chosen,
        "reference_rejected": reference_rejected,
    }


def _labels(model: nn.Module, batch: Batch) -> Quantities:
    own, mismatched = (
        {name: values.chunk(2)[half] for name, values in batch.items() if name != "label"}
        for half in (0, 1)
    )
    policy, _ = completion_logps(model, own)
    with torch.no_grad():
        mismatched_policy, _ = completion_logps(model, mismatched)
    return {
        "policy": policy,
        "reference": own["reference"],
        "labels": batch["label"],
        "kl": mismatched_policy - mismatched["reference"],
    }


def _preference(chosen: Tensor, rejected: Tensor) -> Quantities:
    margins = chosen - rejected
    return {
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margins": margins,
        "rewards/accuracies": (margins.sign() + 1) / 2,
    }


def _pair_metrics(quantities: Mapping[str, Tensor], beta: float) -> Quantities:
    chosen, rejected = quantities["policy_chosen"], quantities["policy_rejected"]
    rewards = _preference(
        beta * (chosen - quantities["reference_chosen"]),
        beta * (rejected - quantities["reference_rejected"]),
    )
    return rewards | {"logps/chosen": chosen, "logps/rejected": rejected}


def _label_metrics(quantities: Mapping[str, Tensor], beta: float) -> Quantities:
    policy, good = quantities["policy"], quantities["labels"]
    rewards = beta * (policy - quantities["reference"])
    return {
        "rewards/chosen": rewards[good],
        "rewards/rejected": rewards[~good],
        "logps/chosen": policy[good],
        "logps/rejected": policy[~good],
        "kl": z0(quantities["kl"]).expand(len(policy)),
    }


class Means:
    """Means over many batches, each value weighing the same."""

    def __init__(self) -> None:
        self._totals: dict[str, tuple[Tensor | float, int]] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add the values of one batch: name to (any number,)."""
        for name, of_batch in values.items():
            self.add_sum(name, of_batch.detach().double().sum(), of_batch.numel())

    def add_sum(self, name: str, total: Tensor | float, count: int) -> None:
        """Add a sum and the count of what it sums over."""
        so_far, counted = self._totals.get(name, (0.0, 0))
        self._totals[name] = (so_far + total, counted + count)

    def take(self) -> dict[str, float]:
        """Give the means and start anew; a metric without any value is left out."""
        totals, self._totals = self._totals, {}
        means = {name: float(total) / count for name, (total, count) in totals.items() if count}
        if {"rewards/chosen", "rewards/rejected"} <= means.keys():
            means["rewards/margins"] = means["rewards/chosen"] - means["rewards/rejected"]
        return means
