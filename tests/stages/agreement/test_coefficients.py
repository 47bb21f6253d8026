from collections.abc import Callable

import numpy as np
import polars as pl
import pytest

from rather.stages.agreement.coefficients import fleiss_kappa, gwet_ac1, gwet_ac2, percent_agreement
from rather.stages.agreement.rater_pairs import rater_pairs
from rather.stages.agreement.reliability_data import tally
from rather.stages.agreement.units import Units

NONE = float("nan")
FOUR_RATERS = [  # Krippendorff 2011, Computing Krippendorff's Alpha-Reliability; Gwet 2014
    [1, 2, 3, 3, 2, 1, 4, 1, 2, NONE, NONE, NONE],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, NONE, 3],
    [NONE, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, NONE],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, NONE],
]
FLEISS = [  # of 14 raters, how many gave each of five categories: the worked example of his kappa
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7],
]


def test_ac1_as_published(units_of: Callable[..., Units]) -> None:
    """Twelve items, four raters, missing ratings: .77544, of 81.818% agreement (Gwet 2014)."""
    assert percent_agreement(units_of(FOUR_RATERS)).value == pytest.approx(0.8181818, abs=1e-7)
    assert gwet_ac1(units_of(FOUR_RATERS)).value == pytest.approx(0.77544, abs=5e-6)


def test_fleiss_kappa_as_published(units_of: Callable[..., Units]) -> None:
    """Ten items, 14 raters, five categories: .210."""
    items = [np.repeat(np.arange(5.0), often) for often in FLEISS]
    assert fleiss_kappa(units_of(np.stack(items, axis=1))).value == pytest.approx(0.210, abs=5e-4)


def test_coefficients_by_hand(units_of: Callable[..., Units]) -> None:
    """Items 1,1 and 1,2 and 2,2: two of three agree; both values are given half the time.

    Fleiss: chance 1/4 + 1/4, so (2/3 - 1/2) / (1/2) = 1/3. AC1 with two values: chance
    1/2 x 1/2 + 1/2 x 1/2 = 1/2, so 1/3 too; AC2's weight of the two ends of a scale is 0: the same.
    """
    table = units_of([[1, 1, 2], [1, 2, 2]])
    assert percent_agreement(table).value == pytest.approx(2 / 3)
    for coefficient in (fleiss_kappa, gwet_ac1, gwet_ac2):
        assert coefficient(table).value == pytest.approx(1 / 3)


def test_ac2_forgives_a_near_miss(units_of: Callable[..., Units]) -> None:
    """Items 1,1 and 1,2 and 3,3: one step of two weighs 1 - 1/4, so 11/12 are agreed on.

    The nine weights add up to 3 + 4 x 3/4 = 6; values are given 3/6, 1/6, 2/6 of the time, so that
    their sum of p (1 - p) is 1/4 + 5/36 + 2/9 = 11/18, and chance 6 / (3 x 2) x 11/18 = 11/18.
    AC2 = (11/12 - 11/18) / (7/18) = 11/14.
    """
    assert gwet_ac2(units_of([[1, 1, 3], [1, 2, 3]])).value == pytest.approx(11 / 14)


def test_fleiss_needs_equally_many_ratings(units_of: Callable[..., Units]) -> None:
    """Null with the reason where one item has two ratings and another three."""
    found = fleiss_kappa(units_of([[1, 1], [2, 1], [1, NONE]]))
    assert found == (None, "items have from 2 to 3 ratings, not equally many")


def test_nothing_is_invented_where_nothing_is_told(units_of: Callable[..., Units]) -> None:
    """No shared item, or a single value: null with the reason, never a number."""
    for coefficient in (percent_agreement, fleiss_kappa, gwet_ac1, gwet_ac2):
        assert coefficient(units_of([[1, 2]])) == (None, "no item has two ratings")
    for coefficient in (fleiss_kappa, gwet_ac1, gwet_ac2):
        assert coefficient(units_of([[3, 3], [3, 3]])) == (None, "all ratings are the same value")


def test_cohens_kappa_as_published(judged: Callable[..., pl.DataFrame]) -> None:
    """Both yes 20 times, both no 15, 5 and 10 of each other kind: kappa .4."""
    table = [[1] * 25 + [0] * 25, [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15]
    pairs, number = rater_pairs(tally(judged(table)), "overall")
    row = pairs.row(0, named=True)
    assert (number, row["num_items"], row["percent_agreement"]) == (1, 50, pytest.approx(0.7))
    assert row["kappa"] == pytest.approx(0.4) == row["weighted_kappa"]


def test_quadratic_kappa_by_hand(judged: Callable[..., pl.DataFrame]) -> None:
    """1,1 and 2,3 and 3,2 and 4,4: mean square 1/2 against 2 x 5/4 by chance, so 4/5."""
    pairs, _ = rater_pairs(tally(judged([[1, 2, 3, 4], [1, 3, 2, 4]])), "overall")
    assert pairs["weighted_kappa"].to_list() == pytest.approx([0.8])
    assert pairs["kappa"].to_list() == pytest.approx([1 / 3])


def test_raters_are_paired_on_the_items_they_share(judged: Callable[..., pl.DataFrame]) -> None:
    """Those who share most come first, those who share none are no pair."""
    table = [[1, 2, 1, NONE], [1, 2, NONE, NONE], [NONE, 2, NONE, 1], [NONE, NONE, NONE, NONE]]
    pairs, number = rater_pairs(tally(judged(table)), "overall")
    shared = pairs.select("first", "second", "num_items").rows()
    assert number == 3
    assert shared == [
        ("rater0000", "rater0001", 2),
        ("rater0000", "rater0002", 1),
        ("rater0001", "rater0002", 1),
    ]


def test_a_pair_who_gave_one_value_has_no_kappa(judged: Callable[..., pl.DataFrame]) -> None:
    """Full agreement on the only value either gave: null beyond chance."""
    pairs, _ = rater_pairs(tally(judged([[3, 3, 1], [3, 3, NONE]])), "overall")
    assert pairs.select("percent_agreement", "kappa", "weighted_kappa").rows() == [(1, None, None)]


def test_fifty_pairs_of_twelve_raters_are_compared(judged: Callable[..., pl.DataFrame]) -> None:
    """All 66 are counted."""
    table = np.random.default_rng(0).integers(1, 6, (12, 20)).astype(float)
    pairs, number = rater_pairs(tally(judged(table)), "overall")
    assert (pairs.height, number) == (50, 66)
