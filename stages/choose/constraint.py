"""When scales are level, and what it costs to load them."""

from dataclasses import dataclass

import numpy as np

from rather.stages.choose.candidates import Floats, Loads


@dataclass(frozen=True)
class Level:
    """A scale is level where the longer answers' share of all load is near its target.

    Each scale has two sides, too long and too short: one linear constraint each.

    targets:   share of load where the longer answer is chosen, of each scale
    tolerance: how far from it the share may be
    slack:     load by which a side may exceed that, so that an odd pair is no imbalance
    """

    targets: Floats
    tolerance: float
    slack: float = 0.0

    def sides(self, loads: Loads) -> Floats:
        """Give what each pair adds to each scale's side too long, then to each side too short."""
        longer, mass = loads > 0, np.abs(loads, dtype=np.float64)
        over = mass * (longer - self.targets[:, None])
        allowed = mass * self.tolerance
        return np.concatenate([over - allowed, -over - allowed])

    def used(self, loads: Loads) -> Floats:
        """Give what all these pairs together add to each side."""
        load = loads.sum(axis=1, dtype=np.float64)
        mass = np.abs(loads).sum(axis=1, dtype=np.float64)
        over, allowed = load / 2 + mass * (0.5 - self.targets), mass * self.tolerance
        return np.concatenate([over - allowed, -over - allowed])

    def steepest(self, loads: Loads) -> float:
        """Give the most that a pair's cost changes where no price changes by more than 1."""
        of_mass = np.maximum(np.maximum(self.targets, 1 - self.targets), self.tolerance)
        return float(2 * of_mass @ np.maximum(loads.max(axis=1), -loads.min(axis=1)))

    def costs(self, loads: Loads, prices: Floats) -> Floats:
        """Give what each pair's load costs at these prices of the sides: prices @ sides."""
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
