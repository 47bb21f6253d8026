"""Means over many batches and all processes, in which each value weighs the same."""

from collections.abc import Mapping
from typing import TypeAlias

from torch import Tensor

from rather.trainer.compute.ranks import gather

# A sum and the count of what it sums over.
Sum: TypeAlias = tuple[Tensor | float, int]


class Means:
    """Running means by name, of this process's values until they are taken."""

    def __init__(self) -> None:
        self._totals: dict[str, Sum] = {}

    def add(self, values: Mapping[str, Tensor]) -> None:
        """Add the values of one batch: name to (any number,)."""
        for name, of_batch in values.items():
            self.add_sum(name, of_batch.detach().double().sum(), of_batch.numel())

    def add_sum(self, name: str, total: Tensor | float, count: int) -> None:
        """Add a sum and the count of what it sums over."""
        so_far, counted = self._totals.get(name, (0.0, 0))
        self._totals[name] = (so_far + total, counted + count)

    def take(self) -> dict[str, float]:
        """Return the means over all processes and reset them; names without values are left out."""
        totals: dict[str, tuple[float, int]] = {}
        for of_rank in gather(self.state_dict()):
            for name, (value, counted) in of_rank.items():
                so_far, count = totals.get(name, (0.0, 0))
                totals[name] = (so_far + value, count + counted)
        self._totals = {}
        means = {name: value / count for name, (value, count) in totals.items() if count}
        if {"rewards/chosen", "rewards/rejected"} <= means.keys():
            means["rewards/margins"] = means["rewards/chosen"] - means["rewards/rejected"]
        return means

    def state_dict(self) -> dict[str, tuple[float, int]]:
        """Return the sums since the last means, for a checkpoint."""
        return {name: (float(value), count) for name, (value, count) in self._totals.items()}

    def load_state_dict(self, state: Mapping[str, tuple[float, int]]) -> None:
        """Go on from what an earlier process had added."""
        self._totals = {name: (value, count) for name, (value, count) in state.items()}
