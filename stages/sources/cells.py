"""Cells: what one cell, or a whole column of them, says; a value, or the reason why there is none.

A typed column is read by expressions, any other cell by cell, with the same outcome.
"""

import json
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from rather.stages.sources.mapping import THUMBS, Mapping, label_text
from rather.stages.sources.row_batches import Column, UnreadableError, cells_of, plain, typed

LARGEST = 1e100  # a score's square is a number too
Found = tuple[float | None, str | None]
Indices = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Cells:
    """A column once read: each cell's value, null where it has a reason."""

    values: pl.Series
    reasons: pl.Series


def answers(column: Column) -> Cells:
    """Read answers: texts, or messages that hold one; true, false and numbers as JSON has them.

    What was written unquoted was an answer all the same, to "true or false?" or "how many?".
    """
    if isinstance(column, pl.Series) and column.dtype == pl.String:
        missing = pl.when(column.is_null()).then(pl.lit("no_response"))
        return Cells(column, pl.select(missing).to_series())
    return _each(column, _answer)


def names(column: Column) -> Cells:
    """Read a column of names or other short texts; numbers are written out, nothing stays null."""
    if isinstance(column, pl.Series):
        column = _integers(column)
        if column.dtype.is_integer() or column.dtype == pl.String:
            texts = column.cast(pl.String)
            return Cells(texts, nothing(len(texts)))
    return _each(column, _name)


def labels(column: Column) -> Cells:
    """Read a column of labels, written as they are looked up."""
    return _each(column, lambda cell: encodable(label_text(cell)))


def _integers(column: pl.Series) -> pl.Series:
    """Make a column of whole numbers one of integers, so that 1.0 is written 1."""
    if not column.dtype.is_float():
        return column
    whole = column.cast(pl.Int64, strict=False)
    return whole if (whole.cast(pl.Float64).eq_missing(column)).all() else column


def encodable(text: str) -> str:
    """Return the text; raise UnreadableError for a lone surrogate, which UTF-8 cannot encode."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableError("invalid_unicode") from None
    return text


def said_in(turn: dict[str, Any]) -> Any:
    """Return a message's content or value; a typed file may have both, one of them null."""
    content = turn.get("content")
    return turn.get("value") if content is None else content


def _is_missing(value: object) -> bool:
    """Check whether a cell is null or NaN."""
    return value is None or (isinstance(value, float) and math.isnan(value))


def _answer(value: object) -> str | None:
    """Read one answer."""
    if isinstance(value, list) and len(value) == 1 and isinstance(value[0], dict):
        value = value[0]
    if isinstance(value, dict):
        value = said_in(value)
    if _is_missing(value):
        raise UnreadableError("no_response")
    if isinstance(value, bool | int) or (isinstance(value, float) and math.isfinite(value)):
        return json.dumps(value)
    if not isinstance(value, str):
        raise UnreadableError("response_not_text")
    return encodable(value)


def _name(value: object) -> str | None:
    """Read one name; a whole number has no point."""
    if _is_missing(value):
        return None
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return encodable(str(value))


def _each(column: Column, read: Callable[[Any], str | None]) -> Cells:
    """Read cell by cell."""
    values: list[str | None] = []
    reasons: list[str | None] = []
    for cell in cells_of(column):
        value, reason = None, None
        try:
            value = read(cell)
        except UnreadableError as error:
            reason = str(error)
        values.append(value)
        reasons.append(reason)
    return Cells(pl.Series("", values, pl.String), pl.Series("", reasons, pl.String))


def nothing(num: int) -> pl.Series:
    """Return a column of null reasons."""
    return pl.Series("", [None], pl.String).new_from_index(0, num)


@dataclass(frozen=True)
class Judge:
    """How a judgement is read: labels by their values, other cells as numbers within a scale.

    kind: score or preference; a preference's scale is brought to -1 ... 1
    """

    kind: str
    values: dict[str, float | None] = field(default_factory=dict)
    scale: tuple[float, float] | None = None
    inverted: bool = False

    def read(self, value: object) -> Found:
        """Read one judgement. Missing is not low: null, and why."""
        if value is None or value in ("", []):
            return None, f"no_{self.kind}"
        if self.values:
            return self._label(value)
        # float() takes True for 1 and "4_5" for 45
        odd = isinstance(value, bool) or (isinstance(value, str) and "_" in value)
        try:
            number = math.nan if odd else float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if not abs(number) <= LARGEST:  # NaN is not
            return None, f"unparsable_{self.kind}"
        low, high = self._limits or (-LARGEST, LARGEST)
        if not low <= number <= high:
            return None, "outside_scale"
        return self._scaled(number) + 0.0, None

    def _label(self, value: object) -> Found:
        """Return a label's number, or the reason `undecided` if its value is null."""
        label = label_text(value)
        if label not in self.values:
            return None, f"unparsable_{self.kind}"
        number = self.values[label]
        if number is None:
            return None, "undecided"
        return (self._flipped(number) if self.inverted else number) + 0.0, None

    @property
    def _limits(self) -> tuple[float, float] | None:
        """The numbers that may be."""
        return self.scale or ((-1.0, 1.0) if self.kind == "preference" else None)

    def _scaled(self, number: Any) -> Any:
        """Bring a number, or an expression of numbers, to the scale of the tables."""
        if self.kind == "preference" and self.scale:
            low, high = self.scale
            number = (number * 2 - low - high) / (high - low)
        return self._flipped(number) if self.inverted else number

    def _flipped(self, number: Any) -> Any:
        """Turn a number round: lower is better, or the second is first."""
        numbers = [value for value in self.values.values() if value is not None]
        ends = self.scale or (min(numbers), max(numbers)) if numbers else self.scale
        return -number if self.kind == "preference" or ends is None else ends[0] + ends[1] - number

    def read_all(self, column: Column) -> Cells:
        """Read a column of judgements."""
        column = _widened(column)
        if isinstance(column, pl.Series) and not column.dtype.is_nested():
            if column.dtype.is_numeric() and not self.values:
                return self._numbers(column)
            return self._distinct(column)
        found = [self.read(cell) for cell in cells_of(column)]
        return Cells(
            pl.Series("", [value for value, _ in found], pl.Float64),
            pl.Series("", [reason for _, reason in found], pl.String),
        )

    def _numbers(self, column: pl.Series) -> Cells:
        """Read numbers, all at once."""
        number = pl.col("number")
        low, high = self._limits or (-LARGEST, LARGEST)
        reason = (
            pl.when(number.is_null())
            .then(pl.lit(f"no_{self.kind}"))
            .when(number.is_nan() | (number.abs() > LARGEST))
            .then(pl.lit(f"unparsable_{self.kind}"))
            .when(~number.is_between(low, high))
            .then(pl.lit("outside_scale"))
        )
        frame = column.cast(pl.Float64).alias("number").to_frame().with_columns(reason=reason)
        value = pl.when(pl.col("reason").is_null()).then(self._scaled(number).replace(-0.0, 0.0))
        return Cells(frame.select(value).to_series(), frame["reason"])

    def _distinct(self, column: pl.Series) -> Cells:
        """Read each distinct cell once, told apart as texts: NaN equals nothing."""
        cells = pl.DataFrame({"cell": column, "text": column.cast(pl.String)})
        distinct = cells.unique("text")
        found = [self.read(cell) for cell in distinct["cell"]]
        read = pl.DataFrame(
            {
                "text": distinct["text"],
                "value": [value for value, _ in found],
                "reason": [reason for _, reason in found],
            },
            schema={"text": pl.String, "value": pl.Float64, "reason": pl.String},
        )
        joined = cells.join(read, on="text", how="left", nulls_equal=True, maintain_order="left")
        return Cells(joined["value"], joined["reason"])


def _widened(column: Column) -> Column:
    """Make one typed column of whole numbers and others, where nothing else is among them."""
    if isinstance(column, pl.Series) or not set(map(type, column)) <= {int, float, type(None)}:
        return column
    try:
        return pl.Series("", column, pl.Float64)
    except OverflowError:
        return column


def score_judge(mapping: Mapping) -> Judge:
    """Return the reader of this mapping's scores and labels."""
    values = mapping.values
    if mapping.shape == "labels":
        values = values or dict(THUMBS)
    elif mapping.shape == "comparisons":  # there values and scale are the preferences'
        return Judge("score")
    return Judge("score", values, mapping.scale, mapping.inverted)


def preference_judge(mapping: Mapping) -> Judge:
    """Return the reader of this mapping's preferences."""
    return Judge("preference", mapping.values, mapping.scale, mapping.inverted)


def unfolded(column: Column) -> tuple[Column, Indices, Indices]:
    """Return the lists' items, the cell that each is from, and its number there from 1.

    A cell that is no list, or an empty one, is one item of number 0.
    """
    if not isinstance(column, pl.Series):
        counts = np.array([len(cell) if isinstance(cell, list) else 0 for cell in column], np.int64)
        if not counts.any():
            return typed([None if cell == [] else cell for cell in column]), *_alone(len(column))
        parts = [(cell or [None]) if isinstance(cell, list) else [cell] for cell in column]
        items: Column = typed(list(chain.from_iterable(parts)))
    elif isinstance(column.dtype, pl.List):
        counts = column.list.len().fill_null(0).to_numpy().astype(np.int64)
        items = plain(column.explode(empty_as_null=True))
    else:
        return column, *_alone(len(column))
    repeats = np.maximum(counts, 1)
    cells = np.repeat(np.arange(len(column)), repeats)
    first = np.cumsum(repeats) - repeats
    return items, cells, np.where(counts[cells] > 0, np.arange(len(cells)) - first[cells] + 1, 0)


def _alone(num: int) -> tuple[Indices, Indices]:
    """Return the cells' indices, and number 0 for each."""
    return np.arange(num), np.zeros(num, np.int64)
