from collections.abc import Callable

import krippendorff
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from rather.stages.agreement.alpha import alpha
from rather.stages.agreement.levels import LEVELS, Level, usual_level
from rather.stages.agreement.reliability_data import merge, tally
from rather.stages.agreement.units import Units, units

Table = NDArray[np.float64]
NONE = float("nan")


@pytest.mark.parametrize("level", LEVELS)
def test_alpha_is_that_of_the_krippendorff_package(
    level: Level, sparse: Callable[..., Table], units_of: Callable[..., Units]
) -> None:
    """To 1e-12, on 200 random tables with a third of the ratings missing."""
    checked = 0
    for seed in range(200):
        table = sparse(seed)
        value, _ = alpha(units_of(table), level)
        if value is not None:
            theirs = krippendorff.alpha(table, level_of_measurement=level)
            assert value == pytest.approx(theirs, abs=1e-12, rel=0), seed
            checked += 1
    assert checked >= 190


@pytest.mark.parametrize("level", ["nominal", "ordinal", "interval"])
def test_values_below_zero_are_values_like_any_other(
    level: Level, sparse: Callable[..., Table], units_of: Callable[..., Units]
) -> None:
    """To 1e-12 as the package has it, on scores from -8 to 8."""
    for seed in range(50):
        table = sparse(seed, -8)
        value, _ = alpha(units_of(table), level)
        if value is not None:
            theirs = krippendorff.alpha(table, level_of_measurement=level)
            assert value == pytest.approx(theirs, abs=1e-12, rel=0), seed


@pytest.mark.parametrize("level", ["ordinal", "interval"])
def test_a_continuous_scale_is_measured_exactly(
    level: Level, units_of: Callable[..., Units]
) -> None:
    """180 different numbers far from zero give the package's alpha, to 1e-10."""
    rng = np.random.default_rng(0)
    quality = rng.normal(1e4, 1, 60)
    table = quality + rng.normal(0, 1, (3, 60))
    theirs = krippendorff.alpha(table, level_of_measurement=level)
    assert alpha(units_of(table), level).value == pytest.approx(theirs, abs=1e-10, rel=0)


def test_ratio_of_a_continuous_scale_is_taken_in_classes(units_of: Callable[..., Units]) -> None:
    """600 different numbers in 32 classes give nearly the package's alpha."""
    rng = np.random.default_rng(0)
    table = np.exp(rng.normal(0, 1, 200) + rng.normal(0, 0.5, (3, 200)))
    theirs = krippendorff.alpha(table, level_of_measurement="ratio")
    assert alpha(units_of(table), "ratio").value == pytest.approx(theirs, abs=0.01)


def test_a_hand_made_alpha(units_of: Callable[..., Units]) -> None:
    """Items 1,1 and 1,2 and 2,2: a third of pairs differ where chance gives three fifths.

    n = 6 ratings, three of each value. Observed: two of six coincidences differ, 1/3. Expected:
    3 x 3 x 2 ordered pairs of 6 x 5 differ, 3/5. Alpha = 1 - (1/3) / (3/5) = 4/9.
    """
    assert alpha(units_of([[1, 1, 2], [1, 2, 2]]), "nominal").value == pytest.approx(4 / 9)


def test_an_item_rated_once_does_not_count(units_of: Callable[..., Units]) -> None:
    """The same three items beside one that only the first rater saw: 4/9 again."""
    table = [[1, 1, 2, 5], [1, 2, 2, NONE]]
    assert alpha(units_of(table), "nominal").value == pytest.approx(4 / 9)


@pytest.mark.parametrize("level", LEVELS)
def test_equal_scores_have_no_alpha(level: Level, units_of: Callable[..., Units]) -> None:
    """Where nothing ever differs there is nothing to agree on, and the reason is given."""
    value, reason = alpha(units_of([[0.1, 0.1], [0.1, 0.1], [0.1, 0.1]]), level)
    assert (value, reason) == (None, "all ratings are the same value")


@pytest.mark.parametrize("level", LEVELS)
def test_raters_who_share_no_item_have_no_alpha(
    level: Level, units_of: Callable[..., Units]
) -> None:
    """No item with two ratings, no agreement; the same for a single rater and for none."""
    for table in ([[1, NONE], [NONE, 2]], [[1, 2, 3]], [[NONE, NONE]]):
        assert alpha(units_of(table), level) == (None, "no item has two ratings")


def test_ratios_of_negative_numbers_are_refused(units_of: Callable[..., Units]) -> None:
    """A ratio scale begins at zero."""
    value, reason = alpha(units_of([[-1, 1], [1, 1]]), "ratio")
    assert value is None and reason == "a ratio scale has no values below zero"


def test_labels_may_be_text(judged: Callable[..., pl.DataFrame]) -> None:
    """Categories by name have the nominal alpha of categories by number, and no other."""
    table = judged([[1, 1, 2], [1, 2, 2]])
    named = table.with_columns(
        pl.when(pl.col("value") == 1).then(pl.lit("No")).otherwise(pl.lit("Unsure")).alias("value")
    )
    of_names = units(tally(named), "overall")
    assert alpha(of_names, "nominal").value == pytest.approx(4 / 9)
    assert alpha(of_names, "ordinal").reason == "ordinal needs numbers, and the labels are text"


def test_too_many_values_are_no_categories(units_of: Callable[..., Units]) -> None:
    """129 different scores have no nominal alpha; no matrix of them is made."""
    scores = np.arange(129.0)
    reason = alpha(units_of([scores, scores]), "nominal").reason
    assert reason == "129 different values are no categories (at most 128)"


@pytest.mark.parametrize("level", LEVELS)
def test_buckets_add_up_to_the_whole(
    level: Level, sparse: Callable[..., Table], judged: Callable[..., pl.DataFrame]
) -> None:
    """Tallies of two thirds of the items and of the rest give the same bits as one of all."""
    table = judged(sparse(3))
    items = pl.col("item") < "item0010"
    whole = units(tally(table), "overall")
    parts = units(merge([tally(table.filter(items)), tally(table.filter(~items))]), "overall")
    assert alpha(parts, level) == alpha(whole, level)
    assert parts.patterns.equals(whole.patterns)


def test_the_order_of_rows_does_not_matter(
    sparse: Callable[..., Table], judged: Callable[..., pl.DataFrame]
) -> None:
    """Shuffled judgements give the same bits."""
    table = judged(sparse(5))
    shuffled = table.sample(fraction=1, shuffle=True, seed=1)
    found = [alpha(units(tally(each), "overall"), "interval") for each in (table, shuffled)]
    assert found[0] == found[1]


def test_ten_thousand_ratings_of_one_item(units_of: Callable[..., Units]) -> None:
    """10,000 raters of one item, 2 of two others: the package's alpha, of stars and of numbers."""
    rng = np.random.default_rng(0)
    for scores in (rng.integers(1, 6, (10_000, 3)).astype(float), rng.normal(size=(10_000, 3))):
        scores[2:, 1:] = NONE
        found = alpha(units_of(scores), "interval").value
        held = np.concatenate([scores[:, 0], scores[:2, 1], scores[:2, 2]])
        assert found == pytest.approx(_alpha_by_variances(scores, held), abs=1e-9)


def _alpha_by_variances(scores: Table, held: Table) -> float:
    """Interval alpha is 1 - (variance within items) / (variance of all), each by n - 1."""
    within = sum(
        (column[~np.isnan(column)] - np.nanmean(column))
        @ (column[~np.isnan(column)] - np.nanmean(column))
        * (np.count_nonzero(~np.isnan(column)) / (np.count_nonzero(~np.isnan(column)) - 1))
        for column in scores.T
    )
    return float(1 - within / held.size / held.var(ddof=1))


@pytest.mark.parametrize(
    ("values", "kind", "level"),
    [
        ([1, 2, 5], "score", "ordinal"),
        ([0.5, 2, 5], "score", "interval"),
        (range(12), "score", "interval"),
        ([-1, 0, 1], "compare", "nominal"),
        ([-1, 0.5, 1], "compare", "ordinal"),
    ],
)
def test_the_usual_level_follows_the_values(
    values: list[float], kind: str, level: Level, units_of: Callable[..., Units]
) -> None:
    """Few whole scores are ordered, others numbers; comparisons are categories unless graded."""
    assert usual_level(units_of([list(values), list(values)]), kind)[0] == level
