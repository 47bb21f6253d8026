"""Runs of words shared with evaluation sets.   texts, evaluations -> overlaps

The match is exact: a run's number is determined by the numbers of its halves, so two runs share a
number only if every word is equal. Words are those of the normal form.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.stages.text.normalise import words
from rather.stages.text.shingles import Rows

Keys = NDArray[np.uint64]

FEWEST_WORDS = 5
TEXTS_AT_ONCE = 20_000
ROWS_AT_ONCE = 4_000_000
OVERLAPS = {"id": pl.String, "evaluation": pl.String, "share": pl.Float64, "span": pl.String}


@dataclass(frozen=True)
class Index:
    """Every run of `length` words in the evaluation texts.

    keys:     for each doubling of the length, the sorted pairs of numbers that occur
    places:   positions of runs: run, document, position
    documents: document, evaluation, num_words
    wholes:   texts that are shorter than one run: words, evaluation
    """

    length: int
    vocabulary: pl.Enum
    keys: tuple[Keys, ...]
    places: pl.DataFrame
    documents: pl.DataFrame
    wholes: pl.DataFrame


def build_index(evaluations: pl.DataFrame, length: int = 8) -> Index:
    """Index evaluation texts.   evaluations: name, text

    A text of fewer words than `length` is matched with whole texts only. Texts of fewer than five
    words are ignored.
    """
    listed = words(evaluations["text"])
    rows = evaluations.select(evaluation="name").with_columns(
        words=listed, num_words=listed.list.len()
    )
    documents = rows.filter(pl.col("num_words") >= length).with_row_index("document")
    vocabulary = pl.Enum(documents["words"].explode().drop_nulls().unique().sort())
    runs, keys = _numbers(documents["words"], vocabulary), []
    for offset in _offsets(length):
        pairs = _pairs(runs, offset)
        keys.append(np.unique(pairs[pairs > 0]))
        runs = _looked_up(keys[-1], pairs)
    places = _places(runs, documents["num_words"], "document")
    short = pl.col("num_words").is_between(FEWEST_WORDS, length, "left")
    wholes = rows.filter(short).select(pl.col("words").list.join(" "), "evaluation")
    return Index(
        length=length,
        vocabulary=vocabulary,
        keys=tuple(keys),
        places=places,
        documents=documents.drop("words"),
        wholes=wholes.unique("words", keep="first", maintain_order=True),
    )


def overlaps(texts: pl.DataFrame, index: Index, at_least: float = 0.5) -> pl.DataFrame:
    """Find texts that contain evaluation texts.   id, text -> id, evaluation, share, span

    share: of the evaluation text's words that are in common runs; a text is contaminated if
    the share is at least `at_least` (Tulu 3: runs of 8 and a half; GPT-3: any run of 13, a
    share of 0). One row for each such text, with the evaluation text that gives the largest share.
    span: the longest stretch of words in the text that only runs of that evaluation text make up
    """
    parts = [_overlaps(part, index, at_least) for part in texts.iter_slices(TEXTS_AT_ONCE)]
    empty = pl.DataFrame(schema=OVERLAPS | {"id": texts.schema["id"]})
    return pl.concat([empty, *parts])


def _overlaps(texts: pl.DataFrame, index: Index, at_least: float) -> pl.DataFrame:
    listed = words(texts["text"])
    rows = texts.select("id").with_columns(words=listed).with_row_index("row")
    runs = _numbers(listed, index.vocabulary)
    for offset, keys in zip(_offsets(index.length), index.keys, strict=True):
        runs = _looked_up(keys, _pairs(runs, offset))
    hits = _places(runs, listed.list.len().fill_null(0), "row")
    best = pl.concat([_best(part, index, at_least) for part in _parts(hits, index)])
    spans = _spans(hits, best, index)
    matched = rows.join(spans, on="row").with_columns(
        span=pl.col("words").list.slice("position", "num_words").list.join(" ")
    )
    whole = rows.select("row", "id", span=pl.col("words").list.join(" ")).join(
        index.wholes, left_on="span", right_on="words"
    )
    every = [matched, whole.with_columns(share=pl.lit(1.0))]
    return pl.concat([one.select("row", *OVERLAPS) for one in every]).sort("row").drop("row")


def _offsets(length: int) -> Iterator[int]:
    """Yield the offsets between the halves of runs, from two words to the whole length."""
    size = 1
    while 2 * size <= length:
        yield size
        size *= 2
    if size < length:
        yield length - size


def _numbers(texts: pl.Series, vocabulary: pl.Enum) -> Rows:
    """Number the words of texts, from 1; 0 is for unknown words and the end of a text."""
    ended = pl.DataFrame({"words": texts}).select(
        pl.concat_list(pl.col("words").fill_null([]), pl.lit([None], pl.List(pl.String)))
    )
    known = ended.to_series().explode().cast(vocabulary, strict=False)
    return (known.to_physical().cast(pl.Int64) + 1).fill_null(0).to_numpy()


def _pairs(runs: Rows, offset: int) -> Keys:
    """Combine each run's number with that of the run `offset` words later; 0 if one is unknown."""
    later = np.zeros_like(runs)
    later[: max(0, len(runs) - offset)] = runs[offset:]
    return np.where((runs > 0) & (later > 0), runs << 32 | later, 0).astype(np.uint64)


def _looked_up(keys: Keys, pairs: Keys) -> Rows:
    """Number pairs by their index in keys, from 1; 0 if they are absent."""
    runs = np.zeros(len(pairs), np.int64)
    rows = np.flatnonzero(pairs)
    place = np.minimum(np.searchsorted(keys, pairs[rows]), max(0, len(keys) - 1))
    known = keys[place] == pairs[rows] if len(keys) else np.zeros(len(rows), bool)
    runs[rows[known]] = place[known] + 1
    return runs


def _places(runs: Rows, num_words: pl.Series, owner: str) -> pl.DataFrame:
    """List the known runs, with their text's number and their position in it."""
    sizes = num_words.to_numpy().astype(np.int64) + 1
    rows = np.flatnonzero(runs)
    ends = np.cumsum(sizes)
    text = np.searchsorted(ends, rows, "right")
    position = rows - (ends - sizes)[text]
    return pl.DataFrame({"run": runs[rows], owner: text.astype(np.uint32), "position": position})


def _parts(hits: pl.DataFrame, index: Index) -> list[pl.DataFrame]:
    """Split the texts' distinct runs into parts of bounded join size."""
    sized = hits.select("row", "run").unique().join(index.places.group_by("run").len(), on="run")
    parts = sized.sort("row", "run").with_columns(
        part=pl.col("len").cum_sum().max().over("row") // ROWS_AT_ONCE
    )
    return parts.partition_by("part") or [parts]


def _best(runs: pl.DataFrame, index: Index, at_least: float) -> pl.DataFrame:
    """Find for each text the document with the largest share."""
    text = ("row", "document")
    matches = runs.select("row", "run").join(index.places, on="run").sort(*text, "position")
    until = pl.col("position").shift(-1).over(text) - pl.col("position")
    share = pl.col("covered") / pl.col("num_words")
    return (
        matches.with_columns(covered=until.fill_null(index.length).clip(upper_bound=index.length))
        .group_by(text)
        .agg(pl.col("covered").sum())
        .join(index.documents, on="document")
        .select(*text, "evaluation", share=share)
        .filter(pl.col("share") >= at_least)
        .sort("row", -pl.col("share"), "document")
        .unique("row", keep="first", maintain_order=True)
    )


def _spans(hits: pl.DataFrame, best: pl.DataFrame, index: Index) -> pl.DataFrame:
    """Add to each text the position and length in words of its longest stretch."""
    runs = index.places.select("run", "document").unique()
    stretch = (pl.col("position") - pl.int_range(pl.len()).over("row")).alias("stretch")
    return (
        hits.join(best, on="row")
        .join(runs, on=["run", "document"], how="semi")
        .sort("row", "position")
        .group_by("row", "evaluation", "share", stretch)
        .agg(pl.col("position").first(), num_words=pl.len() + index.length - 1)
        .sort("row", -pl.col("num_words").cast(pl.Int64), "position")
        .unique("row", keep="first", maintain_order=True)
    )
