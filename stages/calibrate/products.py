"""Sums over items of products of two raters' numbers, from which a factor model is fitted."""

from dataclasses import dataclass
from functools import reduce
from itertools import pairwise
from typing import Any

import numpy as np

from rather.stages.calibrate.quadrature import Codes, Floats

DENSE_RATERS = 64
CHUNK = 50_000  # items laid out at a time


@dataclass(frozen=True)
class Gram:
    """Sums over items of products of two raters' numbers, (raters, raters).

    count: items both rated;  scores: z_r z_s;  mixed: z_r x;  lengths: x^2, each over those
    """

    count: Floats
    scores: Floats
    mixed: Floats
    lengths: Floats

    def __add__(self, other: "Gram") -> "Gram":
        return Gram(*(getattr(self, name) + getattr(other, name) for name in GRAM))

    def __sub__(self, other: "Gram") -> "Gram":
        return Gram(*(getattr(self, name) - getattr(other, name) for name in GRAM))

    def residual(self, slope: Floats) -> Floats:
        """Compute the sum of (z_r - k_r x) (z_s - k_s x) over the items of each pair of raters."""
        crossed = slope[None, :] * self.mixed
        products: Floats = self.scores - crossed - crossed.T + np.outer(slope, slope) * self.lengths
        return products


GRAM = ("count", "scores", "mixed", "lengths")


def no_gram(size: int) -> Gram:
    """Return the zero of the sums."""
    return Gram(*(np.zeros((size, size)) for _ in GRAM))


def gram(row: Codes, code: Codes, z: Floats, x: Floats, size: int) -> Gram:
    """Compute the sums from scores z of items `row` by raters `code`; x is the items' length."""
    if size > DENSE_RATERS:
        return _product(*_sparse(row, code, z, x, size))
    most = int(row[-1]) + 1 if len(row) else 0
    cuts = np.searchsorted(row, np.arange(0, most + CHUNK, CHUNK))
    spans = [(a, b) for a, b in pairwise(cuts) if b > a]
    parts = (_dense(row[a:b], code[a:b], z[a:b], x[a:b], size) for a, b in spans)
    return reduce(Gram.__add__, (_product(*part) for part in parts), no_gram(size))


def _dense(row: Codes, code: Codes, z: Floats, x: Floats, size: int) -> tuple[Any, Any, Any]:
    """Build dense matrices (items, raters): whether rated, scores, lengths."""
    first, last = int(row[0]), int(row[-1]) + 1
    place = (row - first) * size + code
    shape, cells = (last - first, size), (last - first) * size
    count = np.bincount(place, minlength=cells).astype(np.float64)
    scores, lengths = np.bincount(place, z, cells), np.bincount(place, x, cells)
    return count.reshape(shape), scores.reshape(shape), lengths.reshape(shape)


def _sparse(row: Codes, code: Codes, z: Floats, x: Floats, size: int) -> tuple[Any, Any, Any]:
    from scipy.sparse import csr_array

    shape = (int(row[-1]) + 1 if len(row) else 0, size)
    one, scores, lengths = (csr_array((v, (row, code)), shape=shape) for v in (z * 0 + 1, z, x))
    return one, scores, lengths


def _product(count: Any, scores: Any, lengths: Any) -> Gram:
    products = (count.T @ count, scores.T @ scores, scores.T @ lengths, lengths.T @ lengths)
    return Gram(*(p if isinstance(p, np.ndarray) else p.toarray() for p in products))
