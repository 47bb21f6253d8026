"""Rates with intervals over prompts."""

import polars as pl
import pytest

from rather.stages.common.bootstrap import Estimate, ratio

VALUE = pl.col("value")


def rows(*values: float | None, per_prompt: int = 1) -> pl.DataFrame:
    """Make rows, so many to a prompt."""
    prompts = [f"p{at // per_prompt}" for at in range(len(values))]
    return pl.DataFrame({"prompt_id": prompts, "value": values}, strict=False)


def test_a_mean_is_over_rows() -> None:
    """(1 + 0 + 1 + 1) / 4."""
    assert ratio(rows(1, 0, 1, 1), VALUE).value == 0.75


def test_a_ratio_divides_sums() -> None:
    """(2 + 4) / (1 + 5) = 1, and not the mean of 2 and 4/5."""
    given = rows(2, 4).with_columns(tokens=pl.Series([1, 5]))
    assert ratio(given, VALUE, pl.col("tokens")).value == 1.0


def test_the_interval_is_that_of_the_binomial() -> None:
    """Half of 400 prompts: 1.96 sqrt(.25 / 400) = .049 on both sides."""
    low, high = ratio(rows(*([0, 1] * 200)), VALUE).interval or (0, 0)
    assert (low, high) == pytest.approx((0.451, 0.549), abs=0.01)


def test_rows_of_one_prompt_go_together() -> None:
    """Four equal rows a prompt: as wide as of 100 prompts, 1.96 sqrt(.25 / 100) = .098."""
    values = [at // 4 % 2 for at in range(400)]
    low, high = ratio(rows(*values, per_prompt=4), VALUE).interval or (0, 0)
    assert (low, high) == pytest.approx((0.402, 0.598), abs=0.02)


def test_it_is_the_same_every_time() -> None:
    """The draws are seeded."""
    assert ratio(rows(0, 1, 1, 0, 1), VALUE) == ratio(rows(0, 1, 1, 0, 1), VALUE)


def test_nulls_count_in_nothing() -> None:
    """What could not be measured is not zero."""
    assert ratio(rows(1, None, 1), VALUE).value == 1.0


def test_one_prompt_has_no_interval_and_none_no_value() -> None:
    """Nothing is made up."""
    assert ratio(rows(1, 0, per_prompt=2), VALUE) == Estimate(0.5, None)
    assert ratio(rows().cast({"value": pl.Float64}), VALUE) == Estimate(None, None)


def test_names_stand_side_by_side() -> None:
    """The interval's is the value's with an ending."""
    told = Estimate(0.5, (0.4, 0.6)).named("rate")
    assert told == {"rate": 0.5, "rate_interval": [0.4, 0.6]}
