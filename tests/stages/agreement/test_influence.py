from collections.abc import Callable

import krippendorff
import numpy as np
import polars as pl
import pytest
from numpy.typing import NDArray

from rather.stages.agreement.alpha import Sums, sums
from rather.stages.agreement.influence import SAME, of_raters, of_units
from rather.stages.agreement.levels import LEVELS, Level
from rather.stages.agreement.reliability_data import tally
from rather.stages.agreement.units import pattern_of, units

Table = NDArray[np.float64]


def added(judgements: pl.DataFrame, level: Level) -> Sums:
    """Add up judgements at a level."""
    found = sums(units(tally(judgements), "overall"), level)
    assert isinstance(found, Sums)
    return found


def of_items(judgements: pl.DataFrame, level: Level) -> pl.DataFrame:
    """Return the disagreement and influence of each item's unit, sorted by item."""
    unit = of_units(added(judgements, level)).select(*SAME, "disagreement", "influence")
    items = judgements.filter(pl.col("value").is_not_null()).group_by("item")
    return items.agg(*pattern_of("value")).join(unit, on=SAME).sort("item")


@pytest.fixture
def table() -> Table:
    """Draw five raters' scores of 30 items, a third missing."""
    rng = np.random.default_rng(7)
    scores = rng.integers(0, 6, (5, 30)).astype(float)
    return np.where(rng.random(scores.shape) < 1 / 3, np.nan, scores)


@pytest.mark.parametrize("level", LEVELS)
def test_an_items_influence_is_alpha_without_it_minus_alpha(
    level: Level, table: Table, judged: Callable[..., pl.DataFrame]
) -> None:
    """To 1e-10 as recomputed by the package, for every item with two ratings."""
    judgements = judged(table)
    told = of_items(judgements, level)
    alpha = krippendorff.alpha(table, level_of_measurement=level)
    assert told.height == np.count_nonzero((~np.isnan(table)).sum(axis=0) >= 2)
    for item, influence in told.select("item", "influence").iter_rows():
        rest = np.delete(table, int(item.removeprefix("item")), axis=1)
        without = krippendorff.alpha(rest, level_of_measurement=level)
        assert influence == pytest.approx(without - alpha, abs=1e-10, rel=0)


@pytest.mark.parametrize("level", LEVELS)
def test_a_raters_influence_is_alpha_minus_alpha_without(
    level: Level, table: Table, judged: Callable[..., pl.DataFrame]
) -> None:
    """To 1e-10 as recomputed by the package, also where an item is left with a single rating."""
    sums_of = added(judged(table), level)
    told = of_raters(sums_of.units, sums_of)
    alpha = krippendorff.alpha(table, level_of_measurement=level)
    for number, influence in enumerate(told["influence"]):
        rest = np.delete(table, number, axis=0)
        without = krippendorff.alpha(rest, level_of_measurement=level)
        assert influence == pytest.approx(alpha - without, abs=1e-10, rel=0)


@pytest.mark.parametrize("level", LEVELS)
def test_disagreements_average_to_what_alpha_leaves(
    level: Level, table: Table, judged: Callable[..., pl.DataFrame]
) -> None:
    """Weighted by ratings, the items' disagreement is 1 - alpha."""
    sums_of = added(judged(table), level)
    told = of_units(sums_of)
    weights = (told["size"] * told["num_items"]).to_numpy()
    mean = np.average(told["disagreement"].to_numpy(), weights=weights)
    assert mean == pytest.approx(1 - sums_of.alpha(), abs=1e-10)


def test_an_undisputed_item_has_no_disagreement(judged: Callable[..., pl.DataFrame]) -> None:
    """Zero, exactly, where all gave the same; the disputed one harms agreement."""
    judgements = judged([[0.1, 0.7, 0.3], [0.1, 0.2, 0.3], [0.1, 0.9, 0.3]])
    told = of_items(judgements, "interval")
    assert told["disagreement"].to_list()[::2] == [0, 0]
    assert told["influence"][1] > 0


def test_the_adversary_harms_agreement(judged: Callable[..., pl.DataFrame]) -> None:
    """The one who says the opposite of three others has the only influence below zero."""
    quality = np.tile([1.0, 2, 3, 4, 5], 8)
    sums_of = added(judged(np.stack([quality, quality, quality, 6 - quality])), "ordinal")
    influence = of_raters(sums_of.units, sums_of)["influence"]
    assert [each < 0 for each in influence] == [False, False, False, True]


def test_alpha_that_hangs_on_one_rater_has_no_influence(
    judged: Callable[..., pl.DataFrame],
) -> None:
    """Without either of two raters no item has two ratings: null, not a number."""
    sums_of = added(judged([[1, 2], [1, 1]]), "nominal")
    assert of_raters(sums_of.units, sums_of)["influence"].to_list() == [None, None]


def test_raters_are_told_where_alpha_is_not_defined(judged: Callable[..., pl.DataFrame]) -> None:
    """A single rater has judgements and no influence."""
    of_one = units(tally(judged([[1, 2, 3]])), "overall")
    told = of_raters(of_one, "no item has two ratings")
    assert told.rows() == [("rater0000", 3, None)]
