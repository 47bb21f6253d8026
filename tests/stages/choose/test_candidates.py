"""What is asked of each prompt's pairs."""

import numpy as np
import pytest

from rather.stages.choose.candidates import Candidates, Level

VALUES = np.array([1.0, 3.0, 3.0, -1.0, -2.0, 5.0])
STARTS = np.array([0, 3, 5])


def candidates(most: int) -> Candidates:
    """Make three prompts of 3, 2 and 1 pairs."""
    return Candidates(VALUES, STARTS, np.zeros((1, 6), np.float32), most)


@pytest.mark.parametrize(
    ("most", "taken"), [(1, [1, 5]), (2, [1, 2, 5]), (3, [0, 1, 2, 5]), (9, [0, 1, 2, 5])]
)
def test_best(most: int, taken: list[int]) -> None:
    """Each prompt's most valuable pairs, the first of equals; never one worth less than nothing."""
    assert np.flatnonzero(candidates(most).best(VALUES)).tolist() == taken


@pytest.mark.parametrize(
    ("most", "leads"), [(1, [0.0, 1.0, 5.0]), (2, [2.0, 1.0, 5.0]), (3, [1.0, 1.0, 5.0])]
)
def test_leads(most: int, leads: list[float]) -> None:
    """By how much the next best is beaten: another pair, one pair less, or one pair more."""
    pairs = candidates(most)
    assert pairs.leads(VALUES, pairs.best(VALUES)).tolist() == leads


def test_some_prompts() -> None:
    """The first and the last: their pairs and where these stand."""
    part, where = candidates(1).of(np.array([0, 2]))
    assert where.tolist() == [0, 1, 2, 5]
    assert part.starts.tolist() == [0, 3]
    assert part.worth.tolist() == [1.0, 3.0, 3.0, 5.0]


def test_costs_are_prices_times_sides() -> None:
    """Two ways to the same figure."""
    random = np.random.default_rng(0)
    loads = random.normal(size=(3, 40)).astype(np.float32)
    level, prices = Level(np.array([0.5, 0.6, 0.3]), 0.05), random.random(6)
    assert level.costs(loads, prices) == pytest.approx(prices @ level.sides(loads))


def test_sides() -> None:
    """Target .6, tolerance .1: two of load where longer weigh 2 (1 - .6) - .2 too long."""
    sides = Level(np.array([0.6]), 0.1).sides(np.array([[2.0, -3.0, 0.0]], np.float32))
    assert sides == pytest.approx(np.array([[0.6, -2.1, 0.0], [-1.0, 1.5, 0.0]]))


def test_what_pairs_use_is_the_sum_of_their_sides() -> None:
    """Two ways to the same figures."""
    loads = np.array([[2.0, -3.0, 0.0], [0.5, 0.25, -1.0]], np.float32)
    level = Level(np.array([0.6, 0.3]), 0.1)
    assert level.used(loads) == pytest.approx(level.sides(loads).sum(axis=1))


def test_the_steepest_cost() -> None:
    """Target .6, a load of -3: prices 1 apart on both sides change it by 2 x 3 x .6 at most."""
    assert Level(np.array([0.6]), 0.1).steepest(np.array([[2.0, -3.0]], np.float32)) == (
        pytest.approx(3.6)
    )
