"""How fast training goes: tokens computed, padding among them, and the share of a device's peak."""

import time
from typing import Any

import torch
from torch import nn

from rather.trainer.compute import ranks
from rather.trainer.data.layouts import Batch, num_tokens
from rather.trainer.model.load_model import head
from rather.trainer.model.task import Task

# Dense bf16 arithmetic per second by the maker's data sheet, by a part of the device's name.
PEAK_FLOPS = {
    "H200": 989e12,
    "H100 PCIe": 756e12,
    "H100": 989e12,
    "GH200": 989e12,
    "B200": 2250e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "A10": 125e12,
    "4090": 165e12,
    "3090": 71e12,
}


class Throughput:
    """Counts tokens and the seconds they took, over one training and all that it was resumed from.

    Counted are tokens without padding, places with it, and completion tokens, which alone meet the
    head; what is told is summed over all processes. MFU is against one device's peak for each.
    """

    def __init__(self, task: Task, precision: str) -> None:
        device = next(task.parameters()).device
        self._counts = torch.zeros(3, dtype=torch.long, device=device)
        self._told = [0, 0, 0]
        self._seconds = 0.0
        self._since = time.monotonic()
        self._flops = flops_per_token(task)
        self.peak = peak_flops(device) if precision == "bf16" else None

    def start(self) -> None:
        """Start the clock."""
        self._since = time.monotonic()

    def add(self, batch: Batch) -> None:
        """Count a batch, without waiting for the device."""
        places = sum(ids.numel() for name, ids in batch.items() if name.endswith("input_ids"))
        self._counts[0] += num_tokens(batch).to(self._counts.device)
        self._counts[1] += places
        self._counts[2] += batch["lengths"].sum()

    def record(self) -> dict[str, float]:
        """Return the tokens so far, and the padding since the last call."""
        counts = self._totals()
        tokens, places, _ = (now - then for now, then in zip(counts, self._told, strict=True))
        self._told = counts
        return {"num_tokens": counts[0], "padding_fraction": 1 - tokens / max(places, 1)}

    def pace(self) -> dict[str, float | None]:
        """Return the speed of the whole training; mfu is None if the device's peak is unknown."""
        tokens, places, scored = self._totals()
        seconds = max(self._elapsed(), 1e-9)
        flops = tokens * self._flops[0] + scored * self._flops[1]
        return {
            "tokens_per_second": tokens / seconds,
            "padding_fraction": 1 - tokens / max(places, 1),
            "mfu": flops / seconds / self.peak / ranks.size() if self.peak else None,
            "mfu_peak_flops": self.peak,
        }

    def _totals(self) -> list[int]:
        counts: list[int] = ranks.total(self._counts.clone()).tolist()
        return counts

    def _elapsed(self) -> float:
        return self._seconds + time.monotonic() - self._since

    def state_dict(self) -> dict[str, Any]:
        """Return this process's counts, for a checkpoint."""
        counts, seconds = self._counts.tolist(), self._elapsed()
        return {"counts": counts, "told": list(self._told), "seconds": seconds}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from an earlier process's counts."""
        self._counts.copy_(torch.tensor(state["counts"]))
        self._told, self._seconds = list(state["told"]), state["seconds"]


def flops_per_token(task: Task) -> tuple[float, float]:
    """Count the useful arithmetic on a token: of the layers, and beside them of the head.

    Forward 2N, backward 2N and 2N more for weights that are trained, Kaplan et al. 2020
    (arXiv:2001.08361), section 2.1, without attention's own; 2N for an online reference. What is
    computed twice to save memory counts once.
    """
    policy = task.policy
    table, last = policy.get_input_embeddings(), head(policy)
    apart = {id(weight) for module in (table, last) if module for weight in module.parameters()}
    extra = 0 if task.reference is None else 2
    layers = sum(
        weight.numel() * (_passes(weight) + extra)
        for weight in policy.parameters()
        if id(weight) not in apart
    )
    of_head = last.parameters() if last else ()
    return layers, sum(weight.numel() * (_passes(weight) + extra) for weight in of_head)


def _passes(weight: nn.Parameter) -> int:
    return 6 if weight.requires_grad else 4


def peak_flops(device: torch.device) -> float | None:
    """Return a device's peak dense bf16 FLOP per second, None if unknown."""
    if device.type != "cuda":
        return None
    name = torch.cuda.get_device_name(device)
    return next((peak for part, peak in PEAK_FLOPS.items() if part in name), None)
