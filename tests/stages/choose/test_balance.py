"""The balanced optimum, against every possible choice and against itself at other sizes."""

from itertools import product

import numpy as np
import pytest

from rather.stages.choose import balance
from rather.stages.choose.candidates import Candidates, Level
from rather.stages.choose.programme import Programme

LEVEL = Level(targets=np.array([0.5, 0.5]), tolerance=0.02)


def candidates(num_prompts: int, seed: int, most: int = 1) -> Candidates:
    """Make prompts of one to six pairs; wider margins go with longer chosen answers."""
    random = np.random.default_rng(seed)
    sizes = random.integers(1, 7, num_prompts)
    gap = random.normal(0.5, 1.0, sizes.sum())
    worth = 1.0 + 1 / (1 + np.exp(-gap - random.normal(size=len(gap))))
    loads = np.stack([np.sign(gap), np.tanh(gap)]).astype(np.float32)
    return Candidates(worth, np.cumsum(sizes) - sizes, loads, most)


def is_level(pairs: Candidates, taken: np.ndarray, level: Level = LEVEL) -> bool:
    """Say whether the chosen pairs keep every scale level."""
    load = pairs.loads[:, taken].astype(float)
    share = np.where(load > 0, load, 0).sum(axis=1) / np.abs(load).sum(axis=1)
    return bool((np.abs(share - level.targets) <= level.tolerance + 1e-6).all())


def most_worth(pairs: Candidates, level: Level) -> float:
    """Try every choice of at most one pair a prompt, and give the most worth of the level ones."""
    ends = [*pairs.starts[1:], pairs.num_pairs]
    options = [[None, *range(start, end)] for start, end in zip(pairs.starts, ends, strict=True)]
    sides, best = level.sides(pairs.loads), 0.0
    for choice in product(*options):
        taken = [where for where in choice if where is not None]
        if (sides[:, taken].sum(axis=1) <= level.slack + 1e-9).all():
            best = max(best, float(pairs.worth[taken].sum()))
    return best


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("slack", [0.0, 0.5])
def test_no_choice_is_better_in_small(seed: int, slack: float) -> None:
    """Of 5 prompts, by trial of all choices."""
    pairs = candidates(5, seed)
    level = Level(np.array([0.5, 0.5]), tolerance=0.1, slack=slack)
    taken = balance.balanced(pairs, level, keep_at_least=0.0)
    assert (level.sides(pairs.loads[:, taken]).sum(axis=1) <= slack + 1e-6).all()
    assert pairs.worth[taken].sum() == pytest.approx(most_worth(pairs, level), abs=2e-3)


@pytest.mark.parametrize("most", [1, 2, 10])
def test_zooming_in_gives_as_much_as_one_programme(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """3,000 prompts in programmes of 400 pairs: level, and within 0.1% of the optimum's bound."""
    pairs = candidates(3_000, 0, most)
    sides = LEVEL.sides(pairs.loads)
    bound = Programme(pairs, sides, np.zeros(len(sides))).relaxed()
    assert bound is not None
    monkeypatch.setattr(balance, "AT_ONCE", 400)
    taken = balance.balanced(pairs, LEVEL, keep_at_least=0.0)
    assert is_level(pairs, taken)
    assert np.add.reduceat(taken, pairs.starts, dtype=int).max() <= most
    worth = pairs.worth[taken].sum()
    assert 0.999 * (pairs.worth @ bound.shares) <= worth <= pairs.worth @ bound.shares + 1e-6


def test_equal_worth_throughout_is_balanced_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """3,000 single pairs, 60% of them longer, nothing to tell them apart: 2 x 1,200 / .96 stay."""
    loads = np.where(np.arange(3_000) % 5 < 3, 1.0, -1.0).astype(np.float32)[None]
    worth = 1 + np.linspace(1e-4, 0, 3_000)
    pairs = Candidates(worth, np.arange(3_000), loads, 1)
    level = Level(np.array([0.5]), 0.02)
    monkeypatch.setattr(balance, "AT_ONCE", 300)
    taken = balance.balanced(pairs, level, keep_at_least=0.0)
    assert is_level(pairs, taken, level)
    assert taken.sum() == 1_200 / 0.48


def test_the_tolerance_grows_until_enough_is_kept() -> None:
    """90 longer, 10 shorter, and 60% is asked to stay: 50 longer beside the 10."""
    loads = np.repeat([1.0, -1.0], [90, 10]).astype(np.float32)[None]
    pairs = Candidates(np.ones(100), np.arange(100), loads, 1)
    taken = balance.balanced(pairs, Level(np.array([0.5]), 0.02), keep_at_least=0.6)
    assert 60 <= taken.sum() <= 62
    assert taken[90:].all()


def test_nothing_at_all() -> None:
    """No pairs, none chosen."""
    empty = Candidates(np.zeros(0), np.zeros(0, int), np.zeros((2, 0), np.float32), 1)
    assert balance.balanced(empty, LEVEL, 0.5).tolist() == []
