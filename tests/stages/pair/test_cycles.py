"""Preferences that close a cycle."""

from itertools import combinations, permutations

import numpy as np
import pytest

from rather.stages.pair.cycles import MOST_EXACT, back_arcs

Arc = tuple[int, int, float]


def back(*arcs: Arc) -> set[tuple[int, int]]:
    """Give the arcs (winner, loser, weight) to give up."""
    winner, loser = (np.array([arc[end] for arc in arcs], dtype=np.int64) for end in (0, 1))
    marks = back_arcs(winner, loser, np.array([arc[2] for arc in arcs], dtype=float))
    return {arc[:2] for arc, mark in zip(arcs, marks, strict=True) if mark}


def least_weight(arcs: list[Arc]) -> float:
    """Try every order."""
    nodes = sorted({end for arc in arcs for end in arc[:2]})
    return min(
        sum(weight for one, two, weight in arcs if order.index(one) > order.index(two))
        for order in permutations(nodes)
    )


def tournament(size: int, seed: int) -> list[Arc]:
    """Draw who wins each match, and how clearly."""
    random = np.random.default_rng(seed)
    arcs = [
        (one, two) if random.random() < 0.5 else (two, one)
        for one, two in combinations(range(size), 2)
    ]
    return [(one, two, float(random.integers(1, 6))) for one, two in arcs]


def is_acyclic(arcs: list[tuple[int, int]]) -> bool:
    """Take away whom nobody beats until nobody is left, or nobody can be taken."""
    while arcs:
        beaten = {two for _, two in arcs}
        left = [arc for arc in arcs if arc[0] in beaten]
        if len(left) == len(arcs):
            return False
        arcs = left
    return True


def test_an_order_has_no_back_arc() -> None:
    """1 > 2 > 3 and 1 > 3."""
    assert back((1, 2, 1.0), (2, 3, 1.0), (1, 3, 1.0)) == set()


def test_nothing_compared_has_no_back_arc() -> None:
    """An empty table is fine."""
    assert back() == set()


def test_the_weakest_part_of_a_cycle_is_given_up() -> None:
    """1 > 2 > 3 > 1, of which 3 > 1 is the faintest."""
    assert back((1, 2, 2.0), (2, 3, 3.0), (3, 1, 1.0)) == {(3, 1)}


def test_one_arc_of_two_cycles_goes_before_two() -> None:
    """2 > 3 of weight 3 closes two cycles whose other parts weigh 2 each: 3 is less than 2 + 2."""
    arcs = (2, 3, 3.0), (3, 1, 2.0), (1, 2, 9.0), (3, 4, 2.0), (4, 2, 9.0)
    assert back(*arcs) == {(2, 3)}


def test_what_hangs_on_a_cycle_stays() -> None:
    """0 beats the cycle and 9 loses to it: only the cycle has a back-arc."""
    cycle = (1, 2, 2.0), (2, 3, 2.0), (3, 1, 1.0)
    assert back((0, 1, 0.1), *cycle, (3, 9, 0.1)) == {(3, 1)}


def test_an_arc_between_two_cycles_stays() -> None:
    """However faint, 3 > 4 closes no cycle."""
    one = (1, 2, 2.0), (2, 3, 2.0), (3, 1, 1.0)
    two = (4, 5, 2.0), (5, 6, 2.0), (6, 4, 1.0)
    assert back(*one, (3, 4, 0.1), *two) == {(3, 1), (6, 4)}


@pytest.mark.parametrize("seed", range(12))
def test_up_to_twelve_answers_it_is_exact(seed: int) -> None:
    """The weight given up is the least over all orders of six."""
    arcs = tournament(6, seed)
    given_up = back(*arcs)
    assert sum(weight for *ends, weight in arcs if tuple(ends) in given_up) == least_weight(arcs)
    assert is_acyclic([arc[:2] for arc in arcs if arc[:2] not in given_up])


@pytest.mark.parametrize("size", [MOST_EXACT, MOST_EXACT + 1, 40])
def test_no_cycle_is_left(size: int) -> None:
    """Exact or greedy, what stays is an order, and half of the arcs at least stay."""
    arcs = tournament(size, 0)
    given_up = back(*arcs)
    assert is_acyclic([arc[:2] for arc in arcs if arc[:2] not in given_up])
    assert len(given_up) <= len(arcs) / 2


def test_equal_weights_are_decided_the_same_way_each_time() -> None:
    """Any of the three would do; the order of rows does not decide which."""
    arcs = (1, 2, 1.0), (2, 3, 1.0), (3, 1, 1.0)
    assert back(*arcs) == back(*reversed(arcs))
    assert len(back(*arcs)) == 1


def test_a_long_chain_is_peeled() -> None:
    """2,000 answers in an order, and one cycle at its end."""
    chain = [(at, at + 1, 1.0) for at in range(2000)]
    assert back(*chain, (2000, 1998, 0.5)) == {(2000, 1998)}
