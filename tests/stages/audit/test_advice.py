"""What the numbers advise."""

import polars as pl
import pytest

from rather.stages.audit.advice import diversity, of_length, of_size, retention


def prompts(**sizes: int) -> pl.DataFrame:
    """Make prompts of groups of these sizes, whose ids are the group's name and a number."""
    rows = [
        {"prompt_id": f"{name}{number}", "cluster": name, "category": name}
        for name, size in sizes.items()
        for number in range(size)
    ]
    columns = {"prompt_id": pl.String, "cluster": pl.String, "category": pl.String}
    return pl.DataFrame(rows, schema=columns)


def ids(**sizes: int) -> pl.Series:
    """Name the first prompts of each group."""
    return prompts(**sizes)["prompt_id"]


@pytest.mark.parametrize(
    ("num_pairs", "level"),
    [(0, "warning"), (999, "warning"), (1000, "note"), (4999, "note"), (5000, None)],
)
def test_size(num_pairs: int, level: str | None) -> None:
    """Under 1,000 pairs it is said loudly, under 5,000 noted."""
    found = of_size(num_pairs)
    assert (found.level if found else None) == level
    assert not found or f"{num_pairs:,} training pairs" in found.sentence


@pytest.mark.parametrize(
    ("share", "heard"), [(0.5, False), (0.52, False), (0.53, True), (0.4, True), (None, False)]
)
def test_length(share: float | None, heard: bool) -> None:
    """A share further from 50% than the tolerance of 2 points is said."""
    assert bool(of_length(share, 0.5, 0.0201)) == heard


def test_retention_counts_each_group() -> None:
    """2 of 4 of a, 1 of 1 of b."""
    found = retention(prompts(a=4, b=1), ids(a=2, b=1), "category")
    assert found.rows() == [("a", 4, 2, 0.5, False), ("b", 1, 1, 1.0, False)]


def test_a_group_far_below_the_others_is_flagged() -> None:
    """10 of 100 against 180 of 200; of few prompts the rate says little."""
    before, after = prompts(a=100, b=200, c=5), ids(a=10, b=180)
    found = retention(before, after, "category")
    assert found.filter("flagged")["group"].to_list() == ["a"]


def test_prompts_without_a_category_are_a_group_too() -> None:
    """Null stands for itself, and is not dropped."""
    before = prompts(a=1).with_columns(category=pl.lit(None, pl.String))
    assert retention(before, ids(a=1), "category").rows() == [(None, 1, 1, 1.0, False)]


def test_no_prompts_no_groups() -> None:
    """An empty table is not an error."""
    assert retention(prompts(), ids(), "cluster").is_empty()
    none = {"prompts": 0, "clusters": 0, "largest_share": None, "effective_clusters": None}
    assert diversity(prompts(), ids()) == {"before": none, "after": none}


def test_diversity_is_that_of_equal_clusters() -> None:
    """Two clusters of 2 are 2 effective ones; when one is gone, 1."""
    found = diversity(prompts(a=2, b=2), ids(a=2))
    assert found["before"]["effective_clusters"] == pytest.approx(2.0)
    assert (found["before"]["clusters"], found["before"]["largest_share"]) == (2, 0.5)
    assert found["after"]["effective_clusters"] == pytest.approx(1.0)
    assert found["after"]["prompts"] == 2
