"""Answers: what was answered in each row of a batch, and by whom.

The answers of a batch stand in one sequence, row after row; judgements point to places in it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import numpy.typing as npt
import polars as pl

from rather.stages.sources.cells import Cells, Indices, answers, names, nothing
from rather.stages.sources.mapping import SOURCE, Mapping
from rather.stages.sources.row_batches import Batch, Column, cells_of, plain, typed

UNEQUAL = "lists_of_unequal_length"


@dataclass(frozen=True)
class Places:
    """A sequence that has so many places for each row, row after row."""

    counts: Indices

    @property
    def rows(self) -> Indices:
        """The row of each place."""
        return np.repeat(np.arange(len(self.counts)), self.counts)

    @property
    def starts(self) -> Indices:
        """The first place of each row."""
        return np.cumsum(self.counts) - self.counts


@dataclass(frozen=True)
class Answers:
    """The answers of a batch: what they say, who gave them, and the rows that make no sense."""

    places: Places
    texts: Cells
    authors: pl.Series
    odd: pl.Series


def read_answers(batch: Batch, mapping: Mapping) -> Answers:
    """Read the answers: one per row, one in each of several columns, or a list per row."""
    num = len(batch.lines)
    if mapping.responses and len(mapping.answers) == 1:
        cells = batch.column(mapping.answers[0])
        column, counts = _listed(cells)
        odd = _where((counts < 0) & ~_is_null(cells), "responses_not_a_list")
        column = _gather(column, np.flatnonzero(np.repeat(counts >= 0, np.abs(counts))))
        counts = np.maximum(counts, 0)
    else:
        column = _interleaved([batch.column(name) for name in mapping.answers])
        counts, odd = np.full(num, len(mapping.answers), np.int64), nothing(num)
    places = Places(counts)
    authors, unequal = _authors(batch, mapping, places)
    return Answers(places, answers(column), authors, first_reason(odd, unequal))


def _authors(batch: Batch, mapping: Mapping, places: Places) -> tuple[pl.Series, pl.Series]:
    """Return each answer's author, and rows with a wrong number; one author covers a row."""
    if not mapping.authors:
        authors = pl.Series("", [SOURCE], pl.String).new_from_index(0, len(places.rows))
        return authors, nothing(len(batch.lines))
    column, odd = beside([batch.column(name) for name in mapping.authors], places)
    cells = names(column)
    said = pl.when(cells.values != "").then(cells.values)
    authors = pl.select(pl.coalesce(said, pl.lit(SOURCE)).alias("author")).to_series()
    return authors, first_reason(odd, _of_rows(cells.reasons, places))


def beside(columns: Sequence[Column], places: Places) -> tuple[Column, pl.Series]:
    """Return one cell per place: from a column each, from a list, or the row's one cell repeated.

    A row whose list has another length is odd, and its places have nothing.
    """
    if len(columns) > 1:
        return _interleaved(columns), nothing(len(places.counts))
    items, counts = _listed(columns[0])
    lone, rows = counts < 0, places.rows
    if lone.all():
        return _gather(columns[0], rows), nothing(len(counts))
    fits = lone | (counts == places.counts)
    length = np.where(lone, 1, counts)
    within = np.where(lone[rows], 0, np.arange(len(rows)) - places.starts[rows])
    at = np.where(fits[rows], (np.cumsum(length) - length)[rows] + within, -1)
    return _gather(items, at), _where(~fits, UNEQUAL)


def _listed(column: Column) -> tuple[Column, Indices]:
    """Return all lists' items in order, and each cell's number of items, -1 without a list.

    A cell that is none, null among them, is one item.
    """
    if isinstance(column, pl.Series):
        if not isinstance(column.dtype, pl.List):
            return column, np.full(len(column), -1, np.int64)
        counts = column.list.len().cast(pl.Int64).fill_null(-1).to_numpy()
        return plain(column.explode(empty_as_null=False)), counts
    counts = np.array([len(c) if isinstance(c, list) else -1 for c in column], np.int64)
    items = chain.from_iterable(cell if isinstance(cell, list) else [cell] for cell in column)
    return typed(list(items)), counts


def _is_null(column: Column) -> npt.NDArray[np.bool_]:
    """Return a mask of the null cells."""
    if isinstance(column, pl.Series):
        return column.is_null().to_numpy()
    return np.array([cell is None for cell in column], np.bool_)


def _interleaved(columns: Sequence[Column]) -> Column:
    """Return the cells of several columns in one column, row by row."""
    if len(columns) == 1:
        return columns[0]
    series = [column for column in columns if isinstance(column, pl.Series)]
    if len(series) == len(columns) and len({column.dtype for column in series}) == 1:
        places = np.arange(len(columns) * len(series[0])).reshape(len(columns), -1).T.ravel()
        return pl.concat(series).gather(places)
    return typed(list(chain.from_iterable(zip(*map(cells_of, columns), strict=True))))


def _gather(column: Column, places: Indices) -> Column:
    """Return the cells at these places, null at -1."""
    if isinstance(column, pl.Series):
        at = pl.Series("", places, pl.Int64)
        return column.gather(at.set(at < 0, None) if (places < 0).any() else at)
    return typed([column[at] if at >= 0 else None for at in places.tolist()])


def first_reason(*reasons: pl.Series) -> pl.Series:
    """Return each row's first reason."""
    return pl.select(pl.coalesce([pl.lit(reason) for reason in reasons])).to_series()


def _where(mask: npt.NDArray[np.bool_], reason: str) -> pl.Series:
    """Return a column with the reason in the masked rows, null elsewhere."""
    return pl.select(pl.when(pl.Series("", mask)).then(pl.lit(reason))).to_series()


def _of_rows(reasons: pl.Series, places: Places) -> pl.Series:
    """Return for each row the first reason among its places."""
    if not reasons.is_not_null().any():
        return nothing(len(places.counts))
    frame = pl.DataFrame({"row": places.rows, "reason": reasons}).drop_nulls()
    first = frame.group_by("row", maintain_order=True).first()
    rows = pl.DataFrame({"row": np.arange(len(places.counts))})
    return rows.join(first, on="row", how="left", maintain_order="left")["reason"]
