"""The dual of a balanced choice: prices of the sides at which what is chosen weighs level.

    minimise over prices >= 0:   slack * sum prices + sum over prompts of their best pairs' values
    where a pair's value is      worth - prices @ sides

It is convex, and each evaluation, one pass over the pairs, gives a plane below it: Kelley's cutting
planes (1960), each step kept within a box around the best prices so far. Figures are per prompt.
"""

import numpy as np

from stages.choosing.candidates import Candidates, Floats
from stages.choosing.level import Level

NUM_CUTS = 40
NEAR = 1e-9  # of the minimum: close enough
FINE = 1e4  # the solver's tolerance is 1e-7, of figures so many times as large
REACH = 0.25  # of the range of worth: how far one step may change a price


def cheapest(pairs: Candidates, level: Level, prices: Floats) -> Floats:
    """Minimise the dual from prices that are nearly right."""
    tried, totals, slopes = [], [], []
    best, least = prices, np.inf
    for _ in range(NUM_CUTS):
        total, slope = _dual(pairs, level, prices)
        tried.append(prices)
        totals.append(total)
        slopes.append(slope)
        if total < least:
            best, least = prices, total
        bound, prices = _lowest(np.array(tried), np.array(totals), np.array(slopes), best)
        if least - bound <= NEAR * abs(least):
            break
    return best


def _dual(pairs: Candidates, level: Level, prices: Floats) -> tuple[float, Floats]:
    """Evaluate the dual and its slope, the room that the choice leaves on each side."""
    values = pairs.worth - level.costs(pairs.loads, prices)
    taken = pairs.best(values)
    room = level.slack - level.sides(pairs.loads[:, taken]).sum(axis=1)
    total = float(values[taken].sum() + level.slack * prices.sum())
    return total / pairs.num_prompts, room / pairs.num_prompts


def _lowest(tried: Floats, totals: Floats, slopes: Floats, best: Floats) -> tuple[float, Floats]:
    """Find where the planes' maximum is least, near the best prices: a bound, and what to try."""
    from scipy.optimize import linprog

    objective = np.append(np.zeros(len(best)), 1.0)
    planes = np.column_stack([FINE * slopes, -np.ones(len(totals))])
    limits = FINE * (np.einsum("cs,cs->c", slopes, tried) - totals)
    box = [(max(0.0, at - REACH), at + REACH) for at in best]
    found = linprog(objective, planes, limits, bounds=[*box, (None, None)])
    return float(found.x[-1]) / FINE, np.asarray(found.x[:-1])
