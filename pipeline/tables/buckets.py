"""Buckets: ranges of prompt_id, which divide tables larger than memory.

A prompt_id is a hash, so equal ranges hold about equal numbers of prompts. All rows of a prompt are
in one bucket.
"""

from dataclasses import dataclass

import polars as pl

from rather.stages.common import ids

ROWS = 128_000  # responses of one bucket; several buckets are in memory at once
HELD = 900_000  # responses whose texts fit in memory
PACKED = 10_000_000  # responses whose numeric ratings fit in memory
NUM_DIGITS = 2  # of the hex digits of an id: up to 256 buckets


@dataclass(frozen=True)
class Bucket:
    """The prompts whose id is at least `low` and below `high`; without `high`, to the end."""

    low: str
    high: str | None

    def holds(self, dtype: pl.DataType | type[pl.DataType] = pl.String) -> pl.Expr:
        """True for rows whose prompt is in this bucket; dtype is the ids' type."""
        edge = _number if dtype == pl.UInt64 else pl.lit
        above = pl.col("prompt_id") >= edge(self.low)
        return above if self.high is None else above & (pl.col("prompt_id") < edge(self.high))

    def meets(self, first: int, last: int) -> bool:
        """Check whether the bucket overlaps a range of first digits, first to last."""
        low, high = (int(edge or "0", 16) for edge in (self.low, self.high))
        return low <= last and (self.high is None or first < high)


def _number(digits: str) -> pl.Expr:
    """Return the least numeric id that begins with these digits."""
    return pl.lit(int(digits.ljust(ids.NUM_DIGITS, "0"), 16), pl.UInt64)


WHOLE = Bucket("", None)


def buckets(num_responses: int) -> list[Bucket]:
    """Divide the ids into equal ranges, a power of two; one range if all rows fit."""
    number, most = 1, 16**NUM_DIGITS
    while number < most and num_responses > number * ROWS:
        number *= 2
    if number == 1:
        return [WHOLE]
    edges = [f"{most // number * at:0{NUM_DIGITS}x}" for at in range(number)]
    return [Bucket(low, high) for low, high in zip(edges, [*edges[1:], None], strict=True)]
