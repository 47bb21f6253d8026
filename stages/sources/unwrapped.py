"""Rows cut out of rows, where a format nests or templates them."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from rather.stages.sources.cells import Indices, nothing
from rather.stages.sources.presets import Preset
from rather.stages.sources.row_batches import Batch
from rather.stages.sources.templates import Row, UnreadableError


@dataclass(frozen=True)
class Parts:
    """The rows that were cut out of a batch.

    origins: the row of the batch that each is from
    reasons: why a row could not be cut up; it is then one empty part
    """

    batch: Batch
    origins: Indices
    reasons: pl.Series


def unwrapped(batch: Batch, preset: Preset) -> Parts:
    """Cut up every row as the format says; most formats have nothing to cut."""
    num = len(batch.lines)
    if preset.unwrap is None:
        return Parts(batch, np.arange(num), nothing(num))
    rows: list[Row] = []
    origins: list[int] = []
    reasons: list[str | None] = []
    for origin, row in enumerate(batch.objects()):
        found, reason = _cut(row, preset)
        rows += found
        origins += [origin] * len(found)
        reasons += [reason] * len(found)
    at = np.array(origins, np.int64)
    return Parts(Batch(rows, batch.lines.gather(at)), at, pl.Series("", reasons, pl.String))


def _cut(row: Row, preset: Preset) -> tuple[list[Row], str | None]:
    """Cut up one row."""
    try:
        found = preset.unwrap(row) if preset.unwrap else row
    except UnreadableError as reason:
        return [{}], str(reason)
    rows = found if isinstance(found, list) else [found]
    return (rows, None) if rows else ([{}], "nothing_in_it")
