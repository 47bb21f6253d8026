"""The factor model behind scores."""

import numpy as np
import pytest

from rather.stages.calibrate.factor import Moments, fit, median_worth, reliabilities
from rather.stages.calibrate.products import Gram, gram

ALL = np.arange(3)


def moments(correlation: np.ndarray, count: int = 1000) -> Moments:
    """Make moments of raters of no length slope with this correlation of scores."""
    size = len(correlation)
    full, none = np.full((size, size), float(count)), np.zeros((size, size))
    answers = Gram(full, correlation * count, none, full)
    return Moments(answers, answers, np.full(size, float(count)))


def correlations(loading: list[float]) -> np.ndarray:
    """Return a one-factor model's correlations: products, and 1 on the diagonal."""
    matrix = np.outer(loading, loading)
    np.fill_diagonal(matrix, 1.0)
    return matrix


def test_loadings_are_recovered_from_products() -> None:
    """Correlations .72, .54 and .48 are products of .9, .8 and .6, drawn a little together."""
    found = fit(moments(correlations([0.9, 0.8, 0.6]), 100_000), ["r", "s", "t"], ALL)
    assert found.loading == pytest.approx([0.9, 0.8, 0.6], abs=1e-3)


def test_an_adversary_has_a_negative_loading() -> None:
    """Who goes against two who agree is the one who is wrong."""
    found = fit(moments(correlations([0.9, 0.8, -0.6]), 100_000), ["r", "s", "t"], ALL)
    assert found.loading == pytest.approx([0.9, 0.8, -0.6], abs=1e-3)
    assert reliabilities(found)[2] < 0.5


def test_reliability_is_the_chance_to_order_two_answers() -> None:
    """Loading sqrt(1/2) leaves noise of 1/2: correlation sqrt(1/2), chance 1/2 + 1/4 = 3/4."""
    found = fit(moments(correlations([0.5**0.5] * 3), 100_000), ["r", "s", "t"], ALL)
    assert reliabilities(found) == pytest.approx([0.75] * 3, abs=1e-3)


def test_two_raters_share_what_they_have_in_common() -> None:
    """A correlation of .49 is .7 times .7: nothing tells the two apart."""
    found = fit(moments(correlations([0.7, 0.7]), 100_000), ["r", "s"], np.arange(2))
    assert found.loading == pytest.approx([0.7, 0.7])


def test_the_median_rater_says_what_length_is_worth() -> None:
    """Slopes 0, 0 and .4 at equal loadings: the third has a bias, the others do not."""
    assert median_worth(np.full(3, 0.8), np.array([0.0, 0.0, 0.4])) == 0.0


def test_an_adversary_has_no_say_in_what_length_is_worth() -> None:
    """Of two slopes of .4 only that of the positive loading .8 counts: .4 / .8, not 0 between."""
    assert median_worth(np.array([0.8, -0.8]), np.array([0.4, 0.4])) == pytest.approx(0.5)


@pytest.mark.parametrize("size", [3, 70])
def test_products_are_summed_over_shared_items(size: int) -> None:
    """Two raters share one of two items, of scores 2 and 3 and length 5; many raters alike."""
    sums = gram(
        np.array([0, 0, 1]), np.array([0, 1, 0]), np.array([2.0, 3.0, 7.0]), np.full(3, 5.0), size
    )
    assert sums.count[0, 1] == 1
    assert sums.scores[0, 1] == 6
    assert sums.mixed[0, 1] == 10
    assert sums.mixed[1, 0] == 15
    assert sums.lengths[0, 1] == 25
    assert sums.count[0, 0] == 2
