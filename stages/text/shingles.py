"""Runs of words (shingles) as 64-bit hashes, and each text's set of them."""

from dataclasses import dataclass

import numpy as np
import polars as pl
import polars_hash  # noqa: F401  adds `nchash` to expressions
from numpy.typing import NDArray

Hashes = NDArray[np.uint64]
Rows = NDArray[np.int64]

MULTIPLIER = np.uint64(0x9E3779B97F4A7C15)  # the golden ratio's 64 bits: spreads what it multiplies


@dataclass(frozen=True)
class Shingles:
    """Hashes of runs, text after text: those of text i are hashes[starts[i] : starts[i + 1]]."""

    hashes: Hashes
    starts: Rows

    @property
    def sizes(self) -> Rows:
        """Count each text's hashes."""
        return np.diff(self.starts)


def runs_of(words: pl.Series, length: int) -> Shingles:
    """Hash each run of `length` words in each list, in order, with repetitions."""
    counts = words.list.len().fill_null(0).to_numpy().astype(np.int64)
    hashed = _hashed(words.explode(empty_as_null=False, keep_nulls=False))
    last = max(0, len(hashed) - length + 1)
    mixed = np.zeros(last, np.uint64)
    for at in range(length):
        mixed = (mixed ^ hashed[at : at + last]) * MULTIPLIER
        mixed ^= mixed >> np.uint64(29)
    owner = np.repeat(np.arange(len(words)), counts)
    within = owner[:last] == owner[length - 1 :]
    return Shingles(mixed[within], _starts(np.maximum(counts - length + 1, 0)))


def shingles(words: pl.Series, length: int, fewest: int) -> Shingles:
    """Hash the distinct runs in each list, sorted; a list of fewer than `fewest` words has none."""
    enough = pl.when(pl.col("words").list.len() >= fewest).then("words")
    runs = runs_of(words.to_frame("words").select(enough).to_series(), length)
    owner = np.repeat(np.arange(len(words)), runs.sizes)
    order = np.lexsort((runs.hashes, owner))
    owner, hashes = owner[order], runs.hashes[order]
    first = np.ones(len(owner), bool)
    first[1:] = (owner[1:] != owner[:-1]) | (hashes[1:] != hashes[:-1])
    return Shingles(hashes[first], _starts(np.bincount(owner[first], minlength=len(words))))


def joined(parts: list[Shingles]) -> Shingles:
    """Concatenate the shingles of texts."""
    hashes = np.concatenate([np.empty(0, np.uint64), *(part.hashes for part in parts)])
    sizes = np.concatenate([np.empty(0, np.int64), *(part.sizes for part in parts)])
    return Shingles(hashes, _starts(sizes))


def _hashed(words: pl.Series) -> Hashes:
    hashes: pl.Expr = pl.col("word").nchash.xxh3_64()  # type: ignore[attr-defined]
    return words.to_frame("word").select(hashes).to_series().to_numpy()


def _starts(sizes: Rows) -> Rows:
    return np.concatenate([np.zeros(1, np.int64), np.cumsum(sizes)])
