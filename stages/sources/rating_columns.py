"""Judgements: what raters said of the answers of a batch, of one or of two."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from rather.stages.sources.answered import Answers, Places, beside, first_reason
from rather.stages.sources.cells import (
    Cells,
    Indices,
    Judge,
    labels,
    names,
    nothing,
    preference_judge,
    score_judge,
    unfolded,
)
from rather.stages.sources.mapping import SOURCE, Mapping
from rather.stages.sources.row_batches import Batch, Column

OVERALL = "overall"
WHO = {"rater": pl.String, "aspect": pl.String}
RATINGS = {"at": pl.Int64, **WHO, "score": pl.Float64, "reason": pl.String}
COMPARISONS = {"first": pl.Int64, "second": pl.Int64, **WHO}
COMPARISONS |= {"preference": pl.Float64, "reason": pl.String}
Part = tuple[pl.DataFrame, pl.Series]  # judgements, and why rows could not be understood


@dataclass(frozen=True)
class Judged:
    """Judgements, which point to places of answers, and the rows that make no sense."""

    ratings: pl.DataFrame
    comparisons: pl.DataFrame
    odd: pl.Series


@dataclass(frozen=True)
class Voice:
    """The rater of a column's judgements: the row's rater if named, else the column, or both.

    raters: of each row, null where it does not say;  among: how many columns there are
    """

    mapping: Mapping
    column: str
    raters: pl.Series | None
    among: int = 1

    @property
    def aspect(self) -> str:
        """The aspect that this column judges."""
        return self.column if self.mapping.aspects and self.column != SOURCE else OVERALL

    def names(self, rows: Indices, numbers: Indices) -> pl.Series:
        """Return the rater of each judgement; raters of a list are numbered."""
        alone = SOURCE if self.mapping.aspects else self.column
        name = pl.lit(alone)
        if self.raters is not None:
            said = pl.lit(self.raters.gather(rows))
            both = self.among > 1 and not self.mapping.aspects
            name = pl.coalesce(said + f"_{alone}" if both else said, name)
        if numbers.any():
            number = pl.lit(pl.Series("", numbers))
            name = pl.when(number > 0).then(pl.format("{}_{}", name, number)).otherwise(name)
        return pl.DataFrame({"row": rows}).with_columns(rater=name)["rater"]


def read_judgements(batch: Batch, mapping: Mapping, answers: Answers) -> Judged:
    """Read the ratings and comparisons of a batch."""
    raters, odd = _raters(batch, mapping)
    ratings = list(_ratings(batch, mapping, answers, raters))
    comparisons = list(_comparisons(batch, mapping, answers, raters))
    return Judged(
        pl.concat([pl.DataFrame(schema=RATINGS), *(frame for frame, _ in ratings)]),
        pl.concat([pl.DataFrame(schema=COMPARISONS), *(frame for frame, _ in comparisons)]),
        first_reason(odd, *(why for _, why in (*ratings, *comparisons))),
    )


def _raters(batch: Batch, mapping: Mapping) -> tuple[pl.Series | None, pl.Series]:
    """Read who judged each row, null where it does not say."""
    if mapping.rater is None:
        return None, nothing(len(batch.lines))
    cells = names(batch.column(mapping.rater))
    return pl.select(pl.when(cells.values != "").then(cells.values)).to_series(), cells.reasons


def _ratings(
    batch: Batch, mapping: Mapping, answers: Answers, raters: pl.Series | None
) -> Iterator[Part]:
    """Yield the ratings of each column of scores; beside several answers they are one rater's."""
    columns, judge = mapping.judgements, score_judge(mapping)
    rows = answers.places.rows
    if mapping.shape in ("ratings", "labels") and not mapping.responses:
        for name in columns:
            voice = Voice(mapping, name, raters, len(columns))
            yield _rated(batch.column(name), rows, voice, judge), nothing(len(batch.lines))
    elif columns and mapping.shape != "prompts":
        column, odd = beside([batch.column(name) for name in columns], answers.places)
        yield _rated(column, rows, Voice(mapping, SOURCE, raters), judge), odd


def _rated(column: Column, rows: Indices, voice: Voice, judge: Judge) -> pl.DataFrame:
    """Read a column that has a score, or a list of them, for each answer."""
    items, at, numbers = unfolded(column)
    cells = judge.read_all(items)
    read = {"at": at, "rater": voice.names(rows[at], numbers)}
    read |= {"score": cells.values, "reason": cells.reasons}
    return pl.DataFrame(read).with_columns(aspect=pl.lit(voice.aspect)).select(*RATINGS)


@dataclass(frozen=True)
class Pairs:
    """Each row's answers in pairs: first and second, first and third, ..., second and third, ..."""

    places: Places
    first: Indices
    second: Indices


def _pairs(answers: Places) -> Pairs:
    """Pair the answers of each row."""
    places = Places(answers.counts * (answers.counts - 1) // 2)
    first, second = np.zeros((2, int(places.counts.sum())), np.int64)
    for num in np.unique(answers.counts):
        rows = np.flatnonzero(answers.counts == num)
        one, two = np.triu_indices(num, 1)
        at = places.starts[rows][:, None] + np.arange(len(one))
        first[at] = answers.starts[rows][:, None] + one
        second[at] = answers.starts[rows][:, None] + two
    return Pairs(places, first, second)


def _comparisons(
    batch: Batch, mapping: Mapping, answers: Answers, raters: pl.Series | None
) -> Iterator[Part]:
    """Yield the comparisons by labels, by ranks, or by the order of answers."""
    if mapping.shape not in ("comparisons", "pairs", "rankings"):
        return
    pairs = _pairs(answers.places)
    columns = mapping.preference if mapping.shape == "comparisons" else ()
    for name in columns:
        voice = Voice(mapping, name, raters, len(columns))
        yield _labelled(batch, mapping, answers, pairs, voice)
    if mapping.shape != "comparisons":
        cells, odd = _ranked(batch, mapping, answers, pairs)
        at = np.arange(len(pairs.first))
        yield _compared(pairs, at, np.zeros_like(at), cells, Voice(mapping, SOURCE, raters)), odd


def _labelled(batch: Batch, mapping: Mapping, answers: Answers, pairs: Pairs, voice: Voice) -> Part:
    """Read a column of labels: of a row's two answers, or a list for the pairs of more."""
    column, odd = batch.column(voice.column), nothing(len(batch.lines))
    if len(mapping.responses) != 2:
        column, odd = beside([column], pairs.places)
    items, at, numbers = unfolded(column)
    cells = preference_judge(mapping).read_all(items)
    if mapping.authors:
        cells = _by_name(items, cells, answers.authors, pairs.first[at], pairs.second[at])
    return _compared(pairs, at, numbers, cells, voice), odd


def _by_name(
    items: Column, cells: Cells, authors: pl.Series, first: Indices, second: Indices
) -> Cells:
    """Read labels that name the better answer's author, where they mean nothing else."""
    texts = labels(items).values
    known = authors.str.strip_chars().str.to_lowercase()
    one, two = (texts == known.gather(places) for places in (first, second))
    named = cells.reasons.eq_missing("unparsable_preference") & (one != two).fill_null(False)
    won = pl.when(pl.Series(one)).then(1.0).otherwise(-1.0)
    read = pl.DataFrame({"value": cells.values, "reason": cells.reasons, "named": named}).select(
        value=pl.when("named").then(won).otherwise("value"),
        reason=pl.when(~pl.col("named")).then("reason"),
    )
    return Cells(read["value"], read["reason"])


def _ranked(
    batch: Batch, mapping: Mapping, answers: Answers, pairs: Pairs
) -> tuple[Cells, pl.Series]:
    """Read ranks, 1 the best; without them the answers stand best first."""
    sign = -1.0 if mapping.inverted else 1.0
    if mapping.shape == "pairs" or not mapping.ranks:
        everywhere = pl.Series("", [sign]).new_from_index(0, len(pairs.first))
        return Cells(everywhere, nothing(len(pairs.first))), nothing(len(batch.lines))
    column, odd = beside([batch.column(name) for name in mapping.ranks], answers.places)
    cells = Judge("rank").read_all(column)
    one, two = (cells.values.gather(places) for places in (pairs.first, pairs.second))
    why = first_reason(*(cells.reasons.gather(places) for places in (pairs.first, pairs.second)))
    return Cells(((two - one).sign() * sign).replace(-0.0, 0.0), why), odd


def _compared(
    pairs: Pairs, at: Indices, numbers: Indices, cells: Cells, voice: Voice
) -> pl.DataFrame:
    """Make comparisons of what was read of pairs."""
    read = {
        "first": pairs.first[at],
        "second": pairs.second[at],
        "rater": voice.names(pairs.places.rows[at], numbers),
        "preference": cells.values,
        "reason": cells.reasons,
    }
    return pl.DataFrame(read).with_columns(aspect=pl.lit(voice.aspect)).select(*COMPARISONS)
