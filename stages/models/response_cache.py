"""Rows that were paid for, kept from run to run."""

from collections.abc import Sequence
from pathlib import Path

import polars as pl

from rather.stages.common.ids import digest


class Store:
    """A folder of chunks, each a Parquet file that is there whole or not at all.

    schema: of the rows;  key: the columns that name a row
    """

    def __init__(self, folder: Path, schema: pl.Schema, key: Sequence[str]) -> None:
        self._folder = folder
        self._schema = schema
        self._key = list(key)

    def keep(self, rows: pl.DataFrame) -> None:
        """Put a chunk's rows into the store; what a kill left half written is overwritten."""
        if rows.is_empty():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        name = digest(str(part) for row in rows.select(self._key).iter_rows() for part in row)
        draft = self._folder / f"{name}.draft"
        rows.write_parquet(draft)
        draft.replace(self._folder / f"{name}.parquet")

    def read(self) -> pl.DataFrame:
        """Read every row that this or an earlier run has paid for, the first of each key."""
        kept = [pl.read_parquet(path) for path in sorted(self._folder.glob("*.parquet"))]
        rows = pl.concat(kept) if kept else pl.DataFrame(schema=self._schema)
        return rows.unique(self._key, keep="first", maintain_order=True)
