from collections.abc import Callable

import krippendorff
import numpy as np
import pytest
from numpy.typing import NDArray

from rather.stages.agreement.alpha import Sums, sums
from rather.stages.agreement.intervals import UNKNOWN, Z95, bootstrap, jackknife
from rather.stages.agreement.levels import LEVELS, Level
from rather.stages.agreement.units import Units

Table = NDArray[np.float64]


@pytest.fixture
def sums_of(units_of: Callable[..., Units]) -> Callable[..., Sums]:
    """Add up a table at a level."""

    def make(table: Table | list[list[float]], level: Level) -> Sums:
        added = sums(units_of(table), level)
        assert isinstance(added, Sums)
        return added

    return make


def stars(num_items: int, seed: int = 0, noise: float = 1.0) -> Table:
    """Draw three raters' stars of items."""
    rng = np.random.default_rng(seed)
    quality = rng.normal(3, 1, num_items)
    return np.clip(np.round(quality + rng.normal(0, noise, (3, num_items))), 1, 5)


@pytest.mark.parametrize("level", LEVELS)
def test_the_jackknife_leaves_out_every_item(level: Level, sums_of: Callable[..., Sums]) -> None:
    """Its ends are those of 30 calls of the package, each without one item."""
    table = stars(30)
    without = [
        krippendorff.alpha(np.delete(table, item, axis=1), level_of_measurement=level)
        for item in range(30)
    ]
    error = np.sqrt(29 / 30 * np.sum((without - np.mean(without)) ** 2))
    alpha = krippendorff.alpha(table, level_of_measurement=level)
    expected = (alpha - Z95 * error, min(1, alpha + Z95 * error))
    assert jackknife(sums_of(table, level)) == pytest.approx(expected, abs=1e-9)


def test_the_bootstrap_draws_items(sums_of: Callable[..., Sums]) -> None:
    """Its ends are near those of 1,000 tables drawn with replacement."""
    table, rng = stars(60), np.random.default_rng(1)
    drawn = [table[:, rng.integers(0, 60, 60)] for _ in range(1000)]
    alphas = [krippendorff.alpha(each, level_of_measurement="ordinal") for each in drawn]
    expected = np.percentile(alphas, [2.5, 97.5])
    assert bootstrap(sums_of(table, "ordinal")) == pytest.approx(expected, abs=0.02)


def test_the_bootstrap_is_seeded(sums_of: Callable[..., Sums]) -> None:
    """The same seed gives the same ends, another seed others."""
    added = sums_of(stars(60), "ordinal")
    assert bootstrap(added, seed=1) == bootstrap(added, seed=1) != bootstrap(added, seed=2)


@pytest.mark.parametrize("level", LEVELS)
def test_many_patterns_are_drawn_in_groups(level: Level, sums_of: Callable[..., Sums]) -> None:
    """Of 4,000 items with over 1,000 patterns the ends are the jackknife's, to .005."""
    rng = np.random.default_rng(0)
    table = np.clip(np.round(rng.normal(5, 2, 4000) + rng.normal(0, 2, (6, 4000))), 0, 10)
    added = sums_of(table, level)
    assert added.units.sizes.size > 1000
    assert bootstrap(added) == pytest.approx(jackknife(added), abs=0.005)


def test_perfect_agreement_is_certain(sums_of: Callable[..., Sums]) -> None:
    """Where no item is disputed, no resampling finds a dispute."""
    added = sums_of([[1, 2, 3, 1], [1, 2, 3, 1]], "ordinal")
    assert jackknife(added) == pytest.approx((1, 1)) == bootstrap(added)


def test_one_item_tells_no_interval(sums_of: Callable[..., Sums]) -> None:
    """Without the only item there is nothing to draw."""
    added = sums_of([[1], [2]], "nominal")
    assert jackknife(added) == bootstrap(added) == UNKNOWN


def test_no_jackknife_where_alpha_hangs_on_one_item(sums_of: Callable[..., Sums]) -> None:
    """Without the only item that differs all ratings are the same value: the ends are unknown."""
    for level in LEVELS:
        assert jackknife(sums_of([[1, 1, 1], [1, 1, 2]], level)) == UNKNOWN
