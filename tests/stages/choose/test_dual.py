"""The prices of the sides, found box by box."""

import numpy as np
import pytest

from rather.stages.choose.candidates import Candidates, Floats, Level
from rather.stages.choose.dual import cheapest
from rather.stages.choose.programme import Programme

LEVEL = Level(targets=np.array([0.5, 0.6]), tolerance=0.02, slack=0.5)


def dual(pairs: Candidates, prices: Floats) -> float:
    """Evaluate it as its definition says."""
    values = pairs.worth - prices @ LEVEL.sides(pairs.loads)
    return float(values[pairs.best(values)].sum() + LEVEL.slack * prices.sum())


@pytest.mark.parametrize("most", [1, 2, 6])
@pytest.mark.parametrize("start", [0.0, 0.3, 2.0])
def test_the_cheapest_prices_are_those_of_one_programme(start: float, most: int) -> None:
    """1,000 prompts of 1 to 6 pairs, from prices near and far: the dual meets the optimum."""
    random = np.random.default_rng(1)
    sizes = random.integers(1, 7, 1_000)
    gap = random.normal(0.5, 1.0, sizes.sum())
    worth = 1.0 + 1 / (1 + np.exp(-gap - random.normal(size=len(gap))))
    loads = np.stack([np.sign(gap), np.tanh(gap)]).astype(np.float32)
    pairs = Candidates(worth, np.cumsum(sizes) - sizes, loads, most)
    optimum = Programme(pairs, LEVEL.sides(loads), np.full(4, LEVEL.slack)).relaxed()
    assert optimum is not None
    prices = cheapest(pairs, LEVEL, np.full(4, start))
    assert dual(pairs, prices) == pytest.approx(worth @ optimum.shares, rel=1e-8)
