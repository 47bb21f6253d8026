"""Runs of words, and the sets of them."""

import numpy as np
import polars as pl

from rather.stages.text.shingles import joined, runs_of, shingles


def test_runs_stay_within_their_text() -> None:
    """Texts of 3, 1 and 2 words have 2, 0 and 1 runs of two, the same words the same one."""
    runs = runs_of(pl.Series([["a", "b", "a"], ["b"], ["a", "b"]]), 2)
    assert runs.sizes.tolist() == [2, 0, 1]
    assert runs.hashes[0] == runs.hashes[2] != runs.hashes[1]


def test_a_text_has_each_shingle_once() -> None:
    """x x x x x holds one run of three, thrice; four words are too few where five are asked."""
    sets = shingles(pl.Series([["x"] * 5, ["x"] * 4]), 3, 5)
    assert sets.sizes.tolist() == [1, 0]
    assert np.array_equal(sets.starts, [0, 1, 1])


def test_sets_stand_after_one_another() -> None:
    """Joining two parts gives the sets of both, and no part gives none."""
    parts = [shingles(pl.Series([["a", "b", text]]), 3, 3) for text in "cd"]
    both = joined(parts)
    assert both.sizes.tolist() == [1, 1]
    assert both.hashes.tolist() == [part.hashes[0] for part in parts]
    assert joined([]).sizes.tolist() == []
