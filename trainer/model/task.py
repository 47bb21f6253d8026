"""The whole forward pass, from a batch to what the loss takes, in one module."""

import copy
from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import Tensor, nn
from transformers import PreTrainedModel

from rather.trainer.compute.logps import completion_logps, inference
from rather.trainer.compute.objective import Objective, Quantities
from rather.trainer.data.layouts import Batch

Switch = Callable[[], AbstractContextManager[object]]


class Task(nn.Module):
    """A policy and its objective; with an online reference, that too.

    Weights are used within its forward pass alone, so that gradients are averaged over ranks and
    sharded weights are whole where they are needed. is_sharded: weights are divided over ranks.
    """

    is_sharded = False

    def __init__(
        self, policy: PreTrainedModel, goal: Objective, reference: "OnlineReference | None" = None
    ) -> None:
        super().__init__()
        self.policy = policy
        self.goal = goal
        self.reference = reference

    @property
    def is_distributed_loading_by_transformers(self) -> bool:
        """Prevent transformers' Trainer from wrapping a model that is already sharded."""
        return self.is_sharded

    def forward(self, batch: Batch) -> Quantities:
        """Compute the quantities the loss takes."""
        if self.reference is not None:
            batch = {**batch, **self.reference(self.policy, batch)}
        return self.goal.quantities(self.policy, batch)

    def kept(self) -> set[str]:
        """Return the names of trainable weights and buffers, for a checkpoint."""
        refreshed = self.reference is not None and self.reference.refreshed
        frozen = {name for name, weight in self.named_parameters() if not weight.requires_grad}
        return {
            name
            for name in self.state_dict()
            if (refreshed if name.startswith("reference.") else name not in frozen)
        }


class OnlineReference(nn.Module):
    """The reference's log-probs, computed as training goes: a frozen copy, or the adapter off.

    without_adapter: switches a LoRA adapter off, which leaves the model that training started from;
    None where there is no adapter, and a copy is kept. refreshed: the copy follows the policy.
    """

    def __init__(
        self,
        policy: PreTrainedModel,
        goal: Objective,
        precision: str,
        without_adapter: Switch | None,
        refreshed: bool = False,
    ) -> None:
        super().__init__()
        copied = without_adapter is None
        self.model = copy.deepcopy(policy).requires_grad_(False) if copied else None
        self.refreshed = refreshed
        self._without_adapter = without_adapter
        self._goal = goal
        self._precision = precision

    def forward(self, policy: PreTrainedModel, batch: Batch) -> Batch:
        """Compute what a cached reference would have put into the batch."""
        if self.model is not None:
            return self._logps(self.model, batch)
        assert self._without_adapter is not None
        with self._without_adapter():
            return self._logps(policy, batch)

    def _logps(self, model: nn.Module, batch: Batch) -> Batch:
        with inference(model, self._precision):
            logps = completion_logps(model, batch)
        found = {"reference": logps.sums()}
        if self._goal.loss.needs_heads:
            found["reference_heads"] = logps.sums_within(shorter(logps.counts()))
        return found

    @torch.no_grad()
    def refresh(self, policy: nn.Module, alpha: float) -> None:
        """Move the copy's weights a share alpha of the way to the policy's.

        Gorbatovski et al. 2024 (arXiv:2404.09656), section 3: a soft update, hard where alpha is 1.
        """
        assert self.model is not None
        for own, new in zip(self.model.parameters(), policy.parameters(), strict=True):
            own.lerp_(new, alpha)


def shorter(counts: Tensor) -> Tensor:
    """Return the length of the shorter sequence of each pair: (S,) -> (S,), S = 2B."""
    chosen, rejected = counts.chunk(2)
    return torch.minimum(chosen, rejected).repeat(2)
