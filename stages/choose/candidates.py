"""Candidate pairs as narrow arrays, prompt after prompt, and what is asked of each prompt's."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Loads = NDArray[np.float32]
Flags = NDArray[np.bool_]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Candidates:
    """Pairs to choose from, those of one prompt side by side.

    worth:  what choosing each pair is worth
    starts: where each prompt's pairs begin
    loads:  what each pair puts on each scale: above zero where the longer answer is chosen
    most:   pairs that one prompt may give
    """

    worth: Floats
    starts: Indices
    loads: Loads
    most: int

    @property
    def num_pairs(self) -> int:
        """How many pairs there are."""
        return len(self.worth)

    @property
    def num_prompts(self) -> int:
        """How many prompts they belong to."""
        return len(self.starts)

    @cached_property
    def sizes(self) -> Indices:
        """How many pairs each prompt has."""
        return np.diff(self.starts, append=self.num_pairs)

    @property
    def room(self) -> int:
        """How many pairs could be chosen at most."""
        return int(np.minimum(self.sizes, self.most).sum())

    def of(self, prompts: Indices) -> tuple["Candidates", Indices]:
        """Give some prompts' candidates, and where they stand among all."""
        sizes = self.sizes[prompts]
        starts = np.cumsum(sizes) - sizes
        where = np.repeat(self.starts[prompts] - starts, sizes) + np.arange(sizes.sum())
        part = Candidates(self.worth[where], starts, self.loads[:, where], self.most)
        return part, where

    def best(self, values: Floats) -> Flags:
        """Mark each prompt's most valuable pairs, the first of equals, if above zero."""
        if not self.num_pairs or self.most >= self.sizes.max():
            return values > 0
        left, taken = values.copy(), np.zeros(self.num_pairs, dtype=np.bool_)
        for _ in range(self.most):
            top = self._tops(left)
            top = top[left[top] > 0]
            taken[top] = True
            left[top] = -np.inf
        return taken

    def _tops(self, values: Floats) -> Indices:
        """Find each prompt's largest value, the first of equals."""
        largest = np.maximum.reduceat(values, self.starts)
        equal = np.flatnonzero(values == np.repeat(largest, self.sizes))
        if len(equal) == self.num_prompts:
            return equal
        prompts = np.searchsorted(self.starts, equal, side="right")
        return equal[np.diff(prompts, prepend=0) > 0]

    def leads(self, values: Floats, taken: Flags) -> Floats:
        """Give by how much the choice of each prompt beats its next best one."""
        least_taken = np.minimum.reduceat(np.where(taken, values, np.inf), self.starts)
        best_left = np.maximum.reduceat(np.where(taken, -np.inf, values), self.starts)
        full = np.add.reduceat(taken, self.starts, dtype=np.int64) >= self.most
        exchange = least_taken - np.maximum(best_left, 0)
        return np.where(full, exchange, np.minimum(least_taken, -best_left))
