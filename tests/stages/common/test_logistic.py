"""Logistic regression on one number."""

import numpy as np
import pytest

from rather.stages.common.logistic import fit


def test_it_finds_the_odds_of_two_groups() -> None:
    """3:1 at x = 1, 1:1 at x = 0: the intercept is log 1, the slope log 3."""
    x, won = np.array([1.0, 1.0, 0.0, 0.0]), np.array([True, False, True, False])
    found = fit(x, won, np.array([30, 10, 20, 20]))
    assert found is not None
    assert found.slope == pytest.approx(np.log(3))
    assert found.at_zero == pytest.approx(0.5)
    error = (1 / 30 + 1 / 10 + 1 / 20 + 1 / 20) ** 0.5
    assert found.high - found.slope == pytest.approx(1.959964 * error)
    assert found.slope - found.low == pytest.approx(1.959964 * error)


def test_counts_are_rows() -> None:
    """A row counted 3 times is three rows."""
    x, won = np.array([2.0, -1.0, 1.0, 0.0]), np.array([True, True, False, False])
    counts = np.array([3, 1, 2, 1])
    repeated = fit(np.repeat(x, counts), np.repeat(won, counts), np.ones(7, dtype=int))
    assert fit(x, won, counts) == pytest.approx(repeated)


@pytest.mark.parametrize(
    ("x", "won"),
    [
        ([], []),
        ([1.0, 2.0], [True, True]),
        ([1.0, 2.0], [True, False]),
        ([1.0, 1.0], [True, False]),
        ([1.0, 2.0, 2.0], [False, False, True]),
    ],
)
def test_no_finite_slope_is_null(x: list[float], won: list[bool]) -> None:
    """Nothing, one outcome only, outcomes parted by x, x the same everywhere."""
    assert fit(np.array(x), np.array(won, dtype=bool), np.ones(len(x), dtype=int)) is None
