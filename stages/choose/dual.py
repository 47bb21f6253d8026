"""The dual of a balanced choice: prices of the sides at which what is chosen weighs level.

    minimise over prices >= 0:   slack * sum prices + sum over prompts of their best pairs' values
    where a pair's value is      worth - prices @ sides

It is convex, and each evaluation, one pass over the pairs, gives a plane below it: Kelley's cutting
planes (1960). In a small box around prices most prompts have a best pair so far ahead that it stays
the best, so that only the others are looked at again; what is least within the box, and not on its
edge, is the least of all.
"""

from typing import NamedTuple

import numpy as np

from rather.stages.choose.candidates import Candidates, Floats, Level, Part, part_of

NUM_CUTS = 40
NUM_BOXES = 10
NEAR = 1e-9  # of the minimum: close enough
FINE = 1e4  # the solver's tolerance is 1e-7, of figures per prompt so many times as large
REACH = 1.0  # of the first box, times the root of the number of prompts: a sample's prices are off
INSIDE = 0.999  # of its reach: what is no farther from the middle is not on its edge
WIDER = 4  # how many times, of a box with the least on its edge


class Plane(NamedTuple):
    """A plane below the dual, which it meets at these prices."""

    prices: Floats
    total: float
    slope: Floats


def cheapest(pairs: Candidates, level: Level, prices: Floats) -> Floats:
    """Minimise the dual from prices that are nearly right."""
    reach = REACH / np.sqrt(pairs.num_prompts)
    for _ in range(NUM_BOXES):
        middle, prices = prices, _cheapest_near(pairs, level, prices, reach)
        if np.abs(prices - middle).max() < INSIDE * reach:
            break
        reach *= WIDER
    return prices


def _cheapest_near(pairs: Candidates, level: Level, middle: Floats, reach: float) -> Floats:
    """Minimise the dual within reach of these prices."""
    part = _undecided(pairs, level, middle, reach)
    box = np.maximum(middle - reach, 0.0), middle + reach
    best = _plane(part, level, middle)
    planes = [best]
    for _ in range(NUM_CUTS):
        bound, prices = _lowest(planes, box, FINE / pairs.num_prompts)
        if best.total - bound <= NEAR * abs(best.total):
            break
        planes.append(_plane(part, level, prices))
        best = min(best, planes[-1], key=lambda plane: plane.total)
    return best.prices


def _undecided(pairs: Candidates, level: Level, prices: Floats, reach: float) -> Part:
    """Take out the prompts whose best pairs may be others within reach of these prices."""
    values = pairs.worth - level.costs(pairs.loads, prices)
    taken = pairs.best(values)
    change = reach * level.steepest(pairs.loads)
    leads = pairs.leads(values, taken)
    return part_of(pairs, level, taken, np.flatnonzero(leads <= 2 * change))


def _plane(part: Part, level: Level, prices: Floats) -> Plane:
    """Evaluate the dual; its slope is the room that the choice leaves on each side."""
    pairs = part.pairs
    values = pairs.worth - level.costs(pairs.loads, prices)
    taken = np.flatnonzero(pairs.best(values))
    total = part.worth + part.rooms @ prices + values[taken].sum()
    return Plane(prices, float(total), part.rooms - level.used(pairs.loads[:, taken]))


def _lowest(planes: list[Plane], box: tuple[Floats, Floats], scale: float) -> tuple[float, Floats]:
    """Find where in the box the planes' maximum is least: a bound, and what to try."""
    from scipy.optimize import linprog

    slopes = scale * np.array([plane.slope for plane in planes])
    offsets = [plane.slope @ plane.prices - plane.total for plane in planes]
    found = linprog(
        np.append(np.zeros(slopes.shape[1]), 1.0),
        np.column_stack([slopes, -np.ones(len(planes))]),
        scale * np.array(offsets),
        bounds=[*zip(*box, strict=True), (None, None)],
    )
    return float(found.x[-1]) / scale, np.asarray(found.x[:-1])
