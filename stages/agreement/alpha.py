"""Krippendorff's alpha: 1 minus observed over expected disagreement; 1 perfect, 0 chance.

Krippendorff 2019, Content Analysis, ch. 12. Items with a single rating do not count.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from rather.stages.agreement.levels import Level, Metric, metric
from rather.stages.agreement.units import Figure, Floats, Units

CHUNK = 2**21  # numbers in memory at a time


@dataclass(frozen=True)
class Sums:
    """Units at a level, with the sum of their states (width,)."""

    units: Units
    metric: Metric
    total: Floats

    def alpha(self) -> float:
        """Compute alpha of all units."""
        return float(self.metric.alphas(self.total[None])[0])


def sums(units: Units, level: Level) -> Sums | str:
    """Sum the states of units at a level, or return the reason why alpha is not defined."""
    chosen = metric(units, level)
    if isinstance(chosen, str):
        return chosen
    total = np.zeros(chosen.width)
    for part, states in chunks(units, chosen):
        total += units.weights[part] @ states
    return Sums(units, chosen, total)


def alpha(units: Units, level: Level) -> Figure:
    """Compute alpha (Krippendorff 2019, ch. 12), or the reason why it is not defined."""
    added = sums(units, level)
    return Figure(None, added) if isinstance(added, str) else Figure(added.alpha())


def chunks(units: Units, metric: Metric) -> Iterator[tuple[slice, Floats]]:
    """Yield every unit's state (U, width) in parts that fit in memory."""
    for part in parts(units, metric):
        sizes = units.sizes[part].astype(np.float64)
        yield part, metric.states(vectors(units, metric, part), sizes)


def parts(units: Units, metric: Metric) -> Iterator[slice]:
    """Split units into parts whose states fit in memory."""
    num_units = units.sizes.size
    step = max(1, CHUNK * num_units // (metric.width * units.unit.size))
    for start in range(0, num_units, step):
        yield slice(start, min(start + step, num_units))


def vectors(units: Units, metric: Metric, part: slice) -> Floats:
    """Sum the points of each unit's ratings: (U, K)."""
    held, num_units = entries(units, part), part.stop - part.start
    unit, count = units.unit[held] - part.start, units.count[held]
    points, point = metric.points, metric.index[units.code[held]]
    num_points, width = points.shape
    if num_points == width:
        cell = unit * num_points + point
        counts = np.bincount(cell, count, num_units * num_points)
        return np.asarray(counts.reshape(num_units, num_points) @ points)
    columns = [np.bincount(unit, column[point] * count, num_units) for column in points.T]
    return np.column_stack(columns)


def entries(units: Units, part: slice) -> slice:
    """Return the range of entries of a range of units."""
    first, last = np.searchsorted(units.unit, [part.start, part.stop])
    return slice(int(first), int(last))
