"""Rows cut out of rows."""

import polars as pl
import pytest

from rather.stages.sources.mapping import Mapping
from rather.stages.sources.presets import Preset
from rather.stages.sources.row_batches import Batch, Row, UnreadableError
from rather.stages.sources.table import unwrapped


def halves(row: Row) -> Row | list[Row]:
    """Cut an even number in two, and leave an odd one as it is."""
    if row["n"] < 0:
        raise UnreadableError("negative")
    return row if row["n"] % 2 else [{"n": row["n"] // 2}] * 2


PRESET = Preset("", frozenset(), Mapping(), halves)


@pytest.mark.parametrize("typed", [True, False])
def test_parts_know_where_they_are_from(typed: bool) -> None:
    """One row, several, or an empty one with the reason; each with the line of its origin."""
    rows = [{"n": 4}, {"n": -1}, {"n": 3}]
    batch = Batch(pl.DataFrame(rows) if typed else rows, pl.Series([5, 6, 7]))
    parts = unwrapped(batch, PRESET)
    assert parts.batch.rows == [{"n": 2}, {"n": 2}, {}, {"n": 3}]
    assert parts.batch.lines.to_list() == [5, 5, 6, 7]
    assert parts.origins.tolist() == [0, 0, 1, 2]
    assert parts.reasons.to_list() == [None, None, "negative", None]


def test_a_format_with_nothing_to_cut_leaves_rows_alone() -> None:
    """Typed columns stay typed."""
    batch = Batch(pl.DataFrame({"n": [1]}), pl.Series([1]))
    assert unwrapped(batch, Preset("", frozenset(), Mapping())).batch is batch
