"""Rows that were paid for, kept from run to run: compute a chunk, keep it, go on."""

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import polars as pl

from rather.schemas.base import Message
from rather.stages.common.ids import digest


class Store:
    """A folder of chunks, each a Parquet file that is there whole or not at all.

    The folder's name holds all that determines a row besides its key.

    Args:
        folder: created with the first chunk.
        schema: the rows' columns.
        key: the columns that name a row.
    """

    def __init__(self, folder: Path, schema: pl.Schema, key: Sequence[str]) -> None:
        self._folder = folder
        self._schema = schema
        self._key = list(key)

    def keep(self, rows: pl.DataFrame) -> None:
        """Write a chunk's rows; a file that a kill left half written is overwritten."""
        if rows.is_empty():
            return
        self._folder.mkdir(parents=True, exist_ok=True)
        name = digest(str(part) for row in rows.select(self._key).iter_rows() for part in row)
        draft = self._folder / f"{name}.draft"
        rows.write_parquet(draft)
        draft.replace(self._folder / f"{name}.parquet")

    def read(self) -> pl.DataFrame:
        """Read every stored row, the first of each key."""
        kept = [pl.read_parquet(path) for path in sorted(self._folder.glob("*.parquet"))]
        rows = pl.concat(kept) if kept else pl.DataFrame(schema=self._schema)
        return rows.unique(self._key, keep="first", maintain_order=True)

    def missing(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Return the rows of `wanted` that have no stored row, each key once."""
        distinct = wanted.unique(self._key, keep="first", maintain_order=True)
        return distinct.join(self.read(), on=self._key, how="anti", maintain_order="left")

    def join(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Return `wanted` with the stored columns, null where no row is stored."""
        return wanted.join(self.read(), on=self._key, how="left", maintain_order="left")

    def fill(
        self,
        missing: pl.DataFrame,
        chunk_size: int,
        compute: Callable[[pl.DataFrame], pl.DataFrame],
    ) -> None:
        """Compute the missing rows chunk by chunk, and keep each chunk once it is computed."""
        for chunk in missing.iter_slices(chunk_size):
            self.keep(compute(chunk))


def spoken(messages: Sequence[Message]) -> list[str]:
    """Return the roles and contents of a conversation, in turn."""
    return [part for turn in messages for part in (turn["role"], turn["content"])]


def conversation_keys(ids: Iterable[str], conversations: Iterable[list[Message]]) -> list[str]:
    """Return a key for each id and the messages that a model reads with it."""
    return [
        digest([name, *spoken(messages)]) for name, messages in zip(ids, conversations, strict=True)
    ]
