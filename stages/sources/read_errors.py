"""A tally of what a source held, to stop where nothing of it is of use."""

from collections.abc import Iterable

import polars as pl

from rather.schemas.base import UserError
from rather.stages.sources.chunks import Chunk
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.row_batches import Batch


class Tally:
    """What was met in a source so far."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.num_rows = self.num_read = self.num_usable = self.num_judgements = 0
        self.first: tuple[int, str, str] | None = None
        self.reasons: set[str] = set()
        self.format = ""
        self.mapping = Mapping()

    def add(self, chunk: Chunk, mapping: Mapping) -> None:
        """Count a chunk, read by this map."""
        self.format, self.mapping = chunk.format, mapping
        self.num_rows += chunk.num_rows
        self.num_read += chunk.num_read
        if self.first is None:
            self.first = _first(chunk.set_aside)
        for frame, value in ((chunk.ratings, "score"), (chunk.comparisons, "preference")):
            self.num_judgements += frame.height
            self.num_usable += int(frame[value].count())
            self.reasons |= set(frame["reason"].drop_nulls().unique())

    def refuse_hopeless(self) -> None:
        """Raise UserError where not one row, or not one judgement, could be used.

        Then the options are wrong, not the rows.
        """
        if not self.num_read:
            line, reason, detail = self.first or (0, "", "")
            raise UserError(
                f"{self.path}: none of {self.num_rows:,} rows can be read as {self.format}; the "
                f"first, line {line}: {reason}: {detail!r}"
            )
        if self.num_judgements and not self.num_usable:
            raise UserError(f"{self.path}: {self._expected()}, {self._found()}")

    def _found(self) -> str:
        """Say what was found in place of judgements, and what may mend it."""
        reasons = ", ".join(sorted(self.reasons))
        return (
            f"found none among {self.num_judgements:,} judgements ({reasons}); correct them, or "
            "set source.mapping.scale, source.mapping.values or the columns"
        )

    def _expected(self) -> str:
        """Say which judgements were expected, and where."""
        mapping = self.mapping
        columns = ", ".join(mapping.preference or mapping.judgements or mapping.ranks)
        numbers = "numbers" if mapping.scale is None else "{:g} to {:g}".format(*mapping.scale)
        labels = ", ".join(mapping.values)
        kind = "preferences" if mapping.preference else "scores"
        return f"expected {kind} ({labels or numbers}) in {columns}"


def refuse_lines(path: str, batches: Iterable[Batch]) -> None:
    """Raise UserError for a file of which not one line is a row."""
    bad = [row for batch in batches for row in batch.bad]
    if not bad:
        raise UserError(f"{path}: expected rows with columns, found empty objects alone")
    first = min(bad, key=lambda row: row["source_line"])
    raise UserError(
        f"{path}: none of {len(bad):,} rows can be read; the first, line "
        f"{first['source_line']}: {first['reason']}: {first['detail']!r}"
    )


def _first(set_aside: pl.DataFrame) -> tuple[int, str, str] | None:
    """Give line, reason and detail of the first row that was set aside."""
    rows = set_aside.filter(pl.col("unit") == "rows").sort("source_line", maintain_order=True)
    return next(rows.select("source_line", "reason", "detail").iter_rows(), None)
