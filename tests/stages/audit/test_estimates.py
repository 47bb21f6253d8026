"""Shares and means over prompts, with their intervals."""

import polars as pl
import pytest
from scipy import stats

from rather.stages.audit.estimates import added, chance_greater, estimated, sums

FLAG = pl.col("kept")
EACH = pl.col("kept").is_not_null()


def pairs(*prompts: str) -> pl.DataFrame:
    """Pairs of prompts named by a letter, a capital one where the pair is kept."""
    return pl.DataFrame(
        {
            "prompt_id": [name.lower() for name in prompts],
            "kept": [name.isupper() for name in prompts],
        }
    )


def test_with_one_pair_each_the_interval_is_wilsons() -> None:
    """Of 40 prompts 30 are kept: 40 draws, but for n / (n - 1) of the estimated variance."""
    names = [f"{number:02}" for number in range(40)]
    rows = pl.DataFrame({"prompt_id": names, "kept": [number < 30 for number in range(40)]})
    found = estimated(sums(rows, FLAG, EACH))
    wilson = stats.binomtest(30, 40).proportion_ci(method="wilson")
    assert found.value == 0.75
    assert (found.low, found.high) == pytest.approx((wilson.low, wilson.high), abs=0.003)


def test_pairs_of_one_prompt_go_together() -> None:
    """Ten pairs of each prompt, all kept or none, tell no more than one of each."""
    one = pairs("A", "B", "C", "d", "e", "F")
    ten = pl.concat([one] * 10)
    once, often = (estimated(sums(rows, FLAG, EACH)) for rows in (one, ten))
    assert (once.value, once.low, once.high) == pytest.approx(often[:3])
    assert (once.num, often.num) == (6, 60)


def test_sums_of_buckets_add_up() -> None:
    """Prompts lie in one bucket each, so the parts make the whole."""
    rows = pairs("A", "A", "b", "C", "d", "d")
    low = pl.col("prompt_id") < "c"
    parts = [sums(rows.filter(low), FLAG, EACH), sums(rows.filter(~low), FLAG, EACH)]
    assert estimated(added(parts)) == estimated(sums(rows, FLAG, EACH))


@pytest.mark.parametrize(("rows", "value"), [(pairs(), None), (pairs("A", "A"), 1.0)])
def test_too_little_has_no_interval(rows: pl.DataFrame, value: float | None) -> None:
    """Nothing has no value either; one prompt tells nothing of others."""
    found = estimated(sums(rows.cast({"prompt_id": pl.String, "kept": pl.Boolean}), FLAG, EACH))
    assert (found.value, found.low, found.high) == (value, None, None)


def test_where_all_are_kept_the_interval_is_not_a_point() -> None:
    """Of five prompts all five: Wilson's lower end is 1 / (1 + z^2 / 5)."""
    found = estimated(sums(pairs(*"ABCDE"), FLAG, EACH))
    assert found.low == pytest.approx(1 / (1 + 1.959964**2 / 5))
    assert found.high == pytest.approx(1.0)


def test_the_chance_that_one_kind_is_greater() -> None:
    """Of 2 and 4 against 1 and 2: 2 > 1, 2 = 2, 4 > 1, 4 > 2, which is 3.5 of 4."""
    counts = pl.DataFrame({"value": [1, 2, 4], "first": [0, 1, 1], "second": [1, 1, 0]})
    found = chance_greater(counts)
    assert found.value == 3.5 / 4
    assert found.low is not None
    assert found.low < 3.5 / 4
    assert chance_greater(counts.with_columns(first=0)).value is None
