"""Levels of measurement and their distance metrics, as sums over units.

Krippendorff's alpha (2019, Content Analysis, ch. 12) is 1 - observed / expected disagreement, both
of them functions of sums over units. A unit's term in these sums is its state. Alpha without an
item, without a rater, or of a resampled table is the same function of other sums.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from rather.stages.agreement.units import Floats, Ints, Units

Level = Literal["nominal", "ordinal", "interval", "ratio"]
LEVELS: tuple[Level, ...] = ("nominal", "ordinal", "interval", "ratio")
Kind = Literal["score", "compare"]
MAX_STEPS = 11  # of a scale that is surely ordered, and maybe not even
MAX_CATEGORIES = 128  # beyond, a matrix of distances outgrows the table it describes
NUM_CLASSES = 32  # to group more numbers than that in
MAX_RANKED = 32  # values whose ranks are taken anew whenever an item is left out
FEW = 8  # numbers in a vector
NOTHING = 1e-12  # relative: expected disagreement below it is a rounding error


@dataclass(frozen=True)
class Fixed:
    """Distances independent of the data: each rating adds K numbers to a unit's vector.

    points:   (Q, K);  index: (V,) the point of each value
    distance: (K, K), so that v @ distance @ w sums the squared distances of the values in v and w
    note:     how the values were transformed, None if unchanged

    A state: number of ratings, disagreement, vector.
    """

    points: Floats
    index: Ints
    distance: Floats
    note: str | None = None

    @property
    def width(self) -> int:
        """The length of a state."""
        return 2 + int(self.points.shape[1])

    def states(self, vectors: Floats, sizes: Floats) -> Floats:
        """Compute units' states (N, width) from vectors (N, K) and numbers of ratings (N,)."""
        apart = np.maximum(self._within(vectors), 0) / np.maximum(sizes - 1, 1)
        return np.column_stack([sizes, apart, vectors]) * (sizes >= 2)[:, None]

    def alphas(self, sums: Floats) -> Floats:
        """Compute alpha (N,) from sums (N, width): nan where the expected disagreement is 0."""
        vectors = sums[:, 2:]
        sizes = np.abs(vectors)
        floor = NOTHING * np.einsum("nk,nk->n", _times(sizes, np.abs(self.distance)), sizes)
        return _alphas((sums[:, 0] - 1) * sums[:, 1], self._within(vectors), floor)

    def disagreements(self, states: Floats, total: Floats) -> Floats:
        """Compute each unit's disagreement (N,), in multiples of the expected disagreement."""
        expected = self._within(total[None, 2:])[0] / (total[0] * (total[0] - 1))
        return np.asarray(states[:, 1] / np.maximum(states[:, 0], 1) / expected)

    def _within(self, vectors: Floats) -> Floats:
        """Sum the squared distances of all values in each vector to each other."""
        return np.asarray(np.einsum("nk,nk->n", _times(vectors, self.distance), vectors))


@dataclass(frozen=True)
class Ranked:
    """Distances between mid-ranks, which are known only when all ratings are summed.

    The ordinal distance, the squared number of ratings from the middle of one value's to the middle
    of another's, is that of their mid-ranks.

    A state: number of ratings, coincidences (V, V), how often each value was given (V,).
    """

    num_values: int
    note: str | None = None

    @property
    def points(self) -> Floats:
        """Each value adds one to its own count: (V, V)."""
        return np.eye(self.num_values)

    @property
    def index(self) -> Ints:
        """The point of each value: (V,)."""
        return np.arange(self.num_values)

    @property
    def width(self) -> int:
        """The length of a state."""
        return 1 + self.num_values**2 + self.num_values

    def states(self, vectors: Floats, sizes: Floats) -> Floats:
        """Compute the states (N, width) of units from value counts (N, V) and ratings (N,)."""
        coincidences = vectors[:, :, None] * vectors[:, None, :]
        diagonal = np.arange(self.num_values)
        coincidences[:, diagonal, diagonal] -= vectors
        shares = coincidences.reshape(-1, self.num_values**2) / np.maximum(sizes - 1, 1)[:, None]
        return np.column_stack([sizes, shares, vectors]) * (sizes >= 2)[:, None]

    def alphas(self, sums: Floats) -> Floats:
        """Compute alpha (N,) from sums (N, width): nan where the expected disagreement is 0."""
        num, _, often = self._parts(sums)
        ranks = mid_ranks(often) / np.maximum(num, 1)[:, None] - 0.5
        expected = num * np.einsum("nv,nv->n", often, ranks**2)
        return _alphas((num - 1) * self._apart(sums, ranks), expected, NOTHING * num**2)

    def disagreements(self, states: Floats, total: Floats) -> Floats:
        """Compute each unit's disagreement (N,), in multiples of the expected disagreement."""
        num, _, often = self._parts(total[None])
        ranks = mid_ranks(often) / num[:, None] - 0.5
        expected = np.sum(often * ranks**2) / (num - 1)
        apart = np.maximum(self._apart(states, np.repeat(ranks, len(states), axis=0)), 0)
        return np.asarray(apart / np.maximum(states[:, 0], 1) / expected)

    def _apart(self, sums: Floats, ranks: Floats) -> Floats:
        """Compute half the sum of squared rank distances (N, V) over coincident values."""
        _, coincidences, often = self._parts(sums)
        together = np.einsum("nv,nv->n", np.einsum("nv,nvw->nw", ranks, coincidences), ranks)
        return np.asarray(np.einsum("nv,nv->n", often, ranks**2) - together)

    def _parts(self, sums: Floats) -> tuple[Floats, Floats, Floats]:
        """Split sums: ratings (N,), coincidences (N, V, V), value counts (N, V)."""
        size = self.num_values
        return sums[:, 0], sums[:, 1:-size].reshape(-1, size, size), sums[:, -size:]


Metric = Fixed | Ranked


def mid_ranks(often: Floats) -> Floats:
    """Compute mid-ranks of ordered values from their counts (..., V)."""
    return np.asarray(np.cumsum(often, axis=-1) - often / 2)


def _times(vectors: Floats, matrix: Floats) -> Floats:
    """Multiply vectors (N, K) by a matrix (K, K); BLAS is ten times slower for small K."""
    if len(matrix) > FEW:
        return np.asarray(vectors @ matrix)
    return np.asarray(np.einsum("nk,kj->nj", vectors, matrix))


def _alphas(observed: Floats, expected: Floats, floor: Floats) -> Floats:
    """Compute 1 - observed / expected: nan where expected is at most `floor`, a rounding error."""
    unknown = np.full(observed.shape, np.nan)
    share = np.divide(np.maximum(observed, 0), expected, out=unknown, where=expected > floor)
    return np.asarray(1 - share)


def usual_level(units: Units, kind: Kind) -> tuple[Level, str]:
    """Choose the usual level of the values, with the reason."""
    if not units.numeric:
        return "nominal", "labels are text"
    if kind == "compare":
        if np.isin(units.values, [-1, 0, 1]).all():
            return "nominal", "comparisons: first, second or tie"
        return "ordinal", "graded comparisons"
    if units.values.size <= MAX_STEPS and (units.values % 1 == 0).all():
        return "ordinal", f"whole scores, {units.values.size} different ones"
    return "interval", f"scores, {units.values.size} different ones"


def metric(units: Units, level: Level) -> Metric | str:
    """Build the metric of a level, or return the reason why the values have none."""
    if not units.pairable.any():
        return "no item has two ratings"
    if np.count_nonzero(units.totals()) < 2:
        return "all ratings are the same value"
    if level == "nominal":
        return _nominal(units.values.size)
    if not units.numeric:
        return f"{level} needs numbers, and the labels are text"
    if level == "ordinal":
        return _ordinal(units)
    return _interval(units.values, units.totals()) if level == "interval" else _ratio(units)


def _nominal(num_values: int) -> Metric | str:
    """Nominal distance: 0 if equal, else 1."""
    if num_values > MAX_CATEGORIES:
        return f"{num_values} different values are no categories (at most {MAX_CATEGORIES})"
    return Fixed(np.eye(num_values), np.arange(num_values), 1 - np.eye(num_values))


def _ordinal(units: Units) -> Metric:
    """Ordinal distance: the difference of mid-ranks."""
    if units.values.size <= MAX_RANKED:
        return Ranked(units.values.size)
    note = f"{units.values.size} different values: intervals and influences hold their ranks fixed"
    ranks = mid_ranks(units.totals().astype(np.float64))
    return _interval(ranks, units.totals(), note)


def _interval(numbers: Floats, often: Ints, note: str | None = None) -> Metric:
    """Interval distance: the difference; count, sum and sum of squares suffice."""
    centred = numbers - np.average(numbers, weights=often)
    standard = centred / np.sqrt(np.average(centred**2, weights=often))
    points = np.column_stack([np.ones_like(standard), standard, standard**2])
    distance = np.array([[0.0, 0.0, 1.0], [0.0, -2.0, 0.0], [1.0, 0.0, 0.0]])
    return Fixed(points, np.arange(numbers.size), distance, note)


def _ratio(units: Units) -> Metric | str:
    """Ratio distance: the difference divided by the sum."""
    if units.values[0] < 0:
        return "a ratio scale has no values below zero"
    numbers, index, note = units.values, np.arange(units.values.size), None
    if numbers.size > MAX_CATEGORIES:
        numbers, index = _classes(numbers, units.totals())
        note = f"{index.size} different values: grouped in {numbers.size} classes"
    total = numbers[:, None] + numbers
    apart = np.abs(numbers[:, None] - numbers)
    share = np.divide(apart, total, out=np.zeros_like(apart), where=total > 0)
    return Fixed(np.eye(numbers.size), index, share**2, note)


def _classes(numbers: Floats, often: Ints) -> tuple[Floats, Ints]:
    """Group numbers into classes of about equal counts, represented by their means."""
    place = mid_ranks(often.astype(np.float64)) / often.sum() * NUM_CLASSES
    _, index = np.unique(np.minimum(place.astype(int), NUM_CLASSES - 1), return_inverse=True)
    weights = np.maximum(often, NOTHING)
    return np.bincount(index, numbers * weights) / np.bincount(index, weights), index
