"""How units add up to alpha: what one unit adds to the sums that alpha is a function of.

Krippendorff's alpha (2019, Content Analysis, ch. 12) is 1 - observed / expected disagreement, both
of them functions of sums over units. What a unit adds is its state; without an item, without a
rater or in a resampled table alpha is the same function of other sums.
"""

from dataclasses import dataclass

import numpy as np

from rather.stages.agreement.units import Floats, Ints

FEW = 8  # numbers in a vector
NOTHING = 1e-12  # of the whole: expected disagreement below it is rounding


@dataclass(frozen=True)
class Fixed:
    """Distances that stay as they are: each rating adds a point of K numbers to a unit's vector.

    points:   (Q, K);  index: (V,) the point of each value
    distance: (K, K), so that v @ distance @ w sums the squared distances of the values in v and w
    note:     what was done to the values, if anything

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
        """Give the states (N, width) of units with vectors (N, K) and ratings (N,)."""
        apart = np.maximum(self._within(vectors), 0) / np.maximum(sizes - 1, 1)
        return np.column_stack([sizes, apart, vectors]) * (sizes >= 2)[:, None]

    def alphas(self, sums: Floats) -> Floats:
        """Give alpha of sums (N, width): (N,), not a number where nothing could differ."""
        vectors = sums[:, 2:]
        sizes = np.abs(vectors)
        floor = NOTHING * np.einsum("nk,nk->n", _times(sizes, np.abs(self.distance)), sizes)
        return _alphas((sums[:, 0] - 1) * sums[:, 1], self._within(vectors), floor)

    def disagreements(self, states: Floats, total: Floats) -> Floats:
        """Give each unit's disagreement, as a multiple of what all ratings make expected: (N,)."""
        expected = self._within(total[None, 2:])[0] / (total[0] * (total[0] - 1))
        return np.asarray(states[:, 1] / np.maximum(states[:, 0], 1) / expected)

    def _within(self, vectors: Floats) -> Floats:
        """Sum the squared distances of all values in each vector to each other."""
        return np.asarray(np.einsum("nk,nk->n", _times(vectors, self.distance), vectors))


@dataclass(frozen=True)
class Ranked:
    """Distances between mid-ranks, which are known only once all ratings are added up.

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
        """Give the states (N, width) of units with values so often (N, V) and ratings (N,)."""
        met = vectors[:, :, None] * vectors[:, None, :]
        each = np.arange(self.num_values)
        met[:, each, each] -= vectors
        shares = met.reshape(-1, self.num_values**2) / np.maximum(sizes - 1, 1)[:, None]
        return np.column_stack([sizes, shares, vectors]) * (sizes >= 2)[:, None]

    def alphas(self, sums: Floats) -> Floats:
        """Give alpha of sums (N, width): (N,), not a number where nothing could differ."""
        num, _, often = self._parts(sums)
        ranks = mid_ranks(often) / np.maximum(num, 1)[:, None] - 0.5
        expected = num * np.einsum("nv,nv->n", often, ranks**2)
        return _alphas((num - 1) * self._apart(sums, ranks), expected, NOTHING * num**2)

    def disagreements(self, states: Floats, total: Floats) -> Floats:
        """Give each unit's disagreement, as a multiple of what all ratings make expected: (N,)."""
        num, _, often = self._parts(total[None])
        ranks = mid_ranks(often) / num[:, None] - 0.5
        expected = np.sum(often * ranks**2) / (num - 1)
        apart = np.maximum(self._apart(states, np.repeat(ranks, len(states), axis=0)), 0)
        return np.asarray(apart / np.maximum(states[:, 0], 1) / expected)

    def _apart(self, sums: Floats, ranks: Floats) -> Floats:
        """Halve the sum of squared distances, between ranks (N, V), of the values that met."""
        _, met, often = self._parts(sums)
        together = np.einsum("nv,nv->n", np.einsum("nv,nvw->nw", ranks, met), ranks)
        return np.asarray(np.einsum("nv,nv->n", often, ranks**2) - together)

    def _parts(self, sums: Floats) -> tuple[Floats, Floats, Floats]:
        """Take sums apart: ratings (N,), coincidences (N, V, V), how often each value (N, V)."""
        size = self.num_values
        return sums[:, 0], sums[:, 1:-size].reshape(-1, size, size), sums[:, -size:]


Metric = Fixed | Ranked


def mid_ranks(often: Floats) -> Floats:
    """Rank values, in order, that were given so often (..., V): equal ones share the middle."""
    return np.asarray(np.cumsum(often, axis=-1) - often / 2)


def _times(vectors: Floats, matrix: Floats) -> Floats:
    """Multiply vectors (N, K) by a matrix (K, K); BLAS is ten times slower where K is small."""
    if len(matrix) > FEW:
        return np.asarray(vectors @ matrix)
    return np.asarray(np.einsum("nk,kj->nj", vectors, matrix))


def _alphas(observed: Floats, expected: Floats, floor: Floats) -> Floats:
    """Give 1 - observed / expected, not a number where the latter is but rounding."""
    unknown = np.full(observed.shape, np.nan)
    share = np.divide(np.maximum(observed, 0), expected, out=unknown, where=expected > floor)
    return np.asarray(1 - share)
