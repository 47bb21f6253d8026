"""Choose the pairs of most worth among those where length does not tell which one is chosen.

The choice is the linear programme of `programme`. Where it is too large to be solved at once, its
dual has only two prices to each scale, and prompts' ids are hashes: every 8th prompt, and of those
every 8th, gives nearly the same prices, which `dual` makes exact. At these prices most prompts have
a best pair that is far ahead of their others; the programme is solved for those where it is not,
the others standing, and then in whole pairs for the few prompts that it splits.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from rather.stages.choose.candidates import Candidates, Flags, Floats, Indices, Level, part_of
from rather.stages.choose.dual import cheapest
from rather.stages.choose.programme import WHOLE, Programme, Solution

AT_ONCE = 12_000  # pairs in one linear programme: a fifth of a second
IN_WHOLES = 60  # pairs in the first programme in whole pairs
GROWTH = 4  # of both, where the rest leaves no room for a solution
ZOOM = 8
NUM_HALVINGS = 8
SPARE = 1e-4  # of a pair's worth, per prompt: what whole pairs may cost without another search


def balanced(pairs: Candidates, level: Level, keep_at_least: float) -> Flags:
    """Mark the pairs to choose.

    Where level scales would leave less than `keep_at_least` of the pairs that could be chosen,
    the tolerance grows until that many stay.
    """
    if not pairs.num_pairs:
        return np.zeros(0, dtype=np.bool_)
    level, prices = _prices(pairs, level, keep_at_least)
    values = pairs.worth - level.costs(pairs.loads, prices)
    taken = pairs.best(values)
    core, solution = _solved(pairs, level, taken, pairs.leads(values, taken))
    part, where = pairs.of(core)
    taken[where] = solution.shares > 1 - WHOLE
    leads = pairs.leads(pairs.worth - level.costs(pairs.loads, solution.prices), taken)
    leads[core[np.logical_or.reduceat(solution.split > WHOLE, part.starts)]] = -np.inf
    return _in_wholes(pairs, level, taken, leads)


def _prices(pairs: Candidates, level: Level, keep_at_least: float) -> tuple[Level, Floats]:
    """Return the prices of all sides, and a tolerance that keeps enough pairs."""
    if pairs.num_pairs <= AT_ONCE or pairs.num_prompts < ZOOM:
        level, solution = _reachable(pairs, level, keep_at_least)
        return level, solution.prices
    coarse, _ = pairs.of(np.arange(0, pairs.num_prompts, ZOOM))
    level, prices = _prices(coarse, level, keep_at_least)
    return level, cheapest(pairs, level, prices)


def _reachable(pairs: Candidates, level: Level, keep_at_least: float) -> tuple[Level, Solution]:
    """Solve at the declared tolerance, or near the least one that leaves enough pairs."""
    enough = keep_at_least * pairs.room * (1 - WHOLE)
    solution = _solution(pairs, level)
    if solution.shares.sum() >= enough:
        return level, solution
    too_strict, best = level.tolerance, replace(level, tolerance=1.0)
    for _ in range(NUM_HALVINGS):
        tried = replace(level, tolerance=(too_strict + best.tolerance) / 2)
        if _solution(pairs, tried).shares.sum() >= enough:
            best = tried
        else:
            too_strict = tried.tolerance
    return best, _solution(pairs, best)


def _solution(pairs: Candidates, level: Level) -> Solution:
    """Solve the programme of all these pairs; to choose none of them is always possible."""
    sides = level.sides(pairs.loads)
    solution = Programme(pairs, sides, np.full(len(sides), level.slack)).relaxed()
    assert solution is not None
    return solution


def _solved(
    pairs: Candidates, level: Level, taken: Flags, leads: Floats
) -> tuple[Indices, Solution]:
    """Solve the programme for the prompts with the least lead, the others' choice fixed."""
    for core in _growing(pairs, leads, AT_ONCE):
        solution = _programme(pairs, level, taken, core).relaxed()
        if solution is not None:
            return core, solution
    raise AssertionError("to choose none is always possible")


def _in_wholes(pairs: Candidates, level: Level, taken: Flags, leads: Floats) -> Flags:
    """Solve in whole pairs for the prompts with the least lead, the others' choice fixed."""
    for core in _growing(pairs, leads, IN_WHOLES):
        whole = _programme(pairs, level, taken, core).whole(SPARE * pairs.num_prompts)
        if whole is not None:
            taken[pairs.of(core)[1]] = whole
            break
    return taken


def _growing(pairs: Candidates, leads: Floats, num_pairs: int) -> Iterator[Indices]:
    """Yield the prompts with the least lead: about `num_pairs` pairs, then more, then all."""
    count = 0
    while count < pairs.num_prompts:
        by_lead = _least(leads, num_pairs)
        ends = np.cumsum(pairs.sizes[by_lead])
        count = max(int(np.searchsorted(ends, num_pairs, side="right")), 1)
        yield np.sort(by_lead[:count])
        num_pairs *= GROWTH


def _least(leads: Floats, count: int) -> Indices:
    """Return the prompts of the `count` least leads, and of leads equal to the last."""
    last = min(count, len(leads) - 1)
    near = np.flatnonzero(leads <= np.partition(leads, last)[last])
    return near[np.argsort(leads[near], kind="stable")]


def _programme(pairs: Candidates, level: Level, taken: Flags, core: Indices) -> Programme:
    """Set up the core's programme, in the room that all other chosen pairs leave it."""
    part = part_of(pairs, level, taken, core)
    return Programme(part.pairs, level.sides(part.pairs.loads), part.rooms)
