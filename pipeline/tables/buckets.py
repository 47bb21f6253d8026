"""Buckets: ranges of prompt_id, so that a table larger than memory is worked on part by part.

A prompt_id is a hash, so equal ranges hold about equal numbers of prompts, and everything of one
prompt lies in one bucket.
"""

from dataclasses import dataclass

import polars as pl

from rather.stages.common import ids

ROWS = 128_000  # responses that one bucket may hold: some are at work at the same time
HELD = 900_000  # responses of which texts may be held at once
PACKED = 10_000_000  # responses of which ratings may be held at once, in numbers
NUM_DIGITS = 2  # of the hex digits of an id: up to 256 buckets


@dataclass(frozen=True)
class Bucket:
    """The prompts whose id is at least `low` and below `high`; without `high`, to the end."""

    low: str
    high: str | None

    def holds(self, dtype: pl.DataType | type[pl.DataType] = pl.String) -> pl.Expr:
        """Say whether a row's prompt is in this bucket; its type is that of the ids."""
        edge = _number if dtype == pl.UInt64 else pl.lit
        above = pl.col("prompt_id") >= edge(self.low)
        return above if self.high is None else above & (pl.col("prompt_id") < edge(self.high))

    def meets(self, first: int, last: int) -> bool:
        """Say whether ids whose first digits spell a number from first to last may lie here."""
        low, high = (int(edge or "0", 16) for edge in (self.low, self.high))
        return low <= last and (self.high is None or first < high)


def _number(digits: str) -> pl.Expr:
    """Read the first digits of an id as the least number that begins with them."""
    return pl.lit(int(digits.ljust(ids.NUM_DIGITS, "0"), 16), pl.UInt64)


WHOLE = Bucket("", None)


def buckets(num_responses: int) -> list[Bucket]:
    """Divide the ids into a power of two of equal ranges, one where everything fits in it."""
    number, most = 1, 16**NUM_DIGITS
    while number < most and num_responses > number * ROWS:
        number *= 2
    if number == 1:
        return [WHOLE]
    edges = [f"{most // number * at:0{NUM_DIGITS}x}" for at in range(number)]
    return [Bucket(low, high) for low, high in zip(edges, [*edges[1:], None], strict=True)]
