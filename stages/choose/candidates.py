"""Candidate pairs as narrow arrays, prompt after prompt, and the length constraint on a choice."""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

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
        """Number of pairs."""
        return len(self.worth)

    @property
    def num_prompts(self) -> int:
        """Number of prompts."""
        return len(self.starts)

    @cached_property
    def sizes(self) -> Indices:
        """Number of pairs of each prompt."""
        return np.diff(self.starts, append=self.num_pairs)

    @property
    def room(self) -> int:
        """Largest number of pairs that can be chosen."""
        return int(np.minimum(self.sizes, self.most).sum())

    def of(self, prompts: Indices) -> tuple["Candidates", Indices]:
        """Return the candidates of some prompts, and their positions among all."""
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
        """Return the value by which each prompt's choice exceeds its next best choice."""
        least_taken = np.minimum.reduceat(np.where(taken, values, np.inf), self.starts)
        best_left = np.maximum.reduceat(np.where(taken, -np.inf, values), self.starts)
        full = np.add.reduceat(taken, self.starts, dtype=np.int64) >= self.most
        exchange = least_taken - np.maximum(best_left, 0)
        return np.where(full, exchange, np.minimum(least_taken, -best_left))


@dataclass(frozen=True)
class Level:
    """Constraint: the share of longer answers lies within a tolerance of its target.

    Each scale has two sides, too long and too short: one linear constraint each.

    targets:   share of load where the longer answer is chosen, of each scale
    tolerance: how far from it the share may be
    slack:     load by which a side may exceed that, so that an odd pair is no imbalance
    """

    targets: Floats
    tolerance: float
    slack: float = 0.0

    def sides(self, loads: Loads) -> Floats:
        """Return each pair's load on each side: (2 * scales, pairs), too long first."""
        longer, mass = loads > 0, np.abs(loads, dtype=np.float64)
        over = mass * (longer - self.targets[:, None])
        allowed = mass * self.tolerance
        return np.concatenate([over - allowed, -over - allowed])

    def used(self, loads: Loads) -> Floats:
        """Return the total load of these pairs on each side: (2 * scales,)."""
        load = loads.sum(axis=1, dtype=np.float64)
        mass = np.abs(loads).sum(axis=1, dtype=np.float64)
        over, allowed = load / 2 + mass * (0.5 - self.targets), mass * self.tolerance
        return np.concatenate([over - allowed, -over - allowed])

    def steepest(self, loads: Loads) -> float:
        """Return the largest change of a pair's cost if no price changes by more than 1."""
        of_mass = np.maximum(np.maximum(self.targets, 1 - self.targets), self.tolerance)
        return float(2 * of_mass @ np.maximum(loads.max(axis=1), -loads.min(axis=1)))

    def costs(self, loads: Loads, prices: Floats) -> Floats:
        """Return the cost of each pair's load at these prices of the sides: prices @ sides."""
        too_long, too_short = np.split(prices, 2)
        allowed = (too_long + too_short) * self.tolerance
        if_longer = (too_long - too_short) * (1 - self.targets) - allowed
        if_shorter = (too_long - too_short) * self.targets + allowed
        even, odd = (if_longer - if_shorter) / 2, (if_longer + if_shorter) / 2
        total = np.zeros(loads.shape[1])
        for load, of_mass, of_load in zip(loads, even, odd, strict=True):
            total += of_load * load
            total += of_mass * np.abs(load)
        return total


class Part(NamedTuple):
    """The pairs of some prompts, while the choice for all other prompts is fixed.

    where: their positions among all pairs
    rooms: load that the fixed choice leaves on each side
    worth: total worth of the fixed choice
    """

    pairs: Candidates
    where: Indices
    rooms: Floats
    worth: float


def part_of(pairs: Candidates, level: Level, taken: Flags, prompts: Indices) -> Part:
    """Return the pairs of some prompts, with the choice for all others fixed."""
    part, where = pairs.of(prompts)
    others = taken.copy()
    others[where] = False
    standing = np.flatnonzero(others)
    rooms = level.slack - level.used(pairs.loads[:, standing])
    return Part(part, where, rooms, float(pairs.worth[standing].sum()))
