"""Bins of round widths, and keep rates at other thresholds."""

import polars as pl
import pytest

from rather.stages.audit.margins import cuts, histogram, keep_rates, round_step


@pytest.mark.parametrize(
    ("rough", "step"), [(0.03, 0.05), (0.11, 0.2), (1.0, 1.0), (7.0, 10.0), (0.0, 1.0)]
)
def test_steps_are_round(rough: float, step: float) -> None:
    """1, 2 or 5 times a power of ten, and no smaller than asked for."""
    assert round_step(rough) == pytest.approx(step)


def test_every_value_is_in_one_bin() -> None:
    """An outlier is in the last, unknown values are in none, and marked ones are counted apart."""
    values = pl.Series([None, 0.0, 0.1, 0.2, *([0.5] * 300), 99.0, float("nan")])
    bins = histogram(values, {"all": values.is_null() | True, "large": values > 0.15})
    assert sum(each["all"] for each in bins) == 304
    assert sum(each["large"] for each in bins) == 302
    assert bins[-1]["high"] <= 1


def test_equal_values_are_one_bin() -> None:
    """All scores equal."""
    (only,) = histogram(pl.Series([2.0] * 5), {"all": pl.Series([True] * 5)})
    assert only["all"] == 5
    assert only["low"] <= 2.0 < only["high"]


def test_without_values_there_are_no_bins() -> None:
    """Comparisons have no margins."""
    nothing = pl.Series([None, None], dtype=pl.Float64)
    assert histogram(nothing, {"all": pl.Series([True, True])}) == []
    assert keep_rates(nothing, pl.Series([True, True])) == []


def test_keep_rates_fall() -> None:
    """From all that pass the other rules to those above the threshold."""
    margin, passing = pl.Series([0.0, 0.5, 1.0, 2.0]), pl.Series([True, True, False, True])
    rates = {each["at_least"]: each for each in keep_rates(margin, passing)}
    assert (rates[0.0]["share"], rates[0.0]["alone"]) == (0.75, 1.0)
    assert (rates[1.0]["share"], rates[1.0]["alone"]) == (0.25, 0.5)


def test_cuts_are_where_the_rule_stands() -> None:
    """With its default; none without the rule."""
    assert [each["at"] for each in cuts({"at_most": 3.0})] == [0.5, 3.0]
    assert cuts(None) == []
