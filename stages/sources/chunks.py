"""Chunks of a source as tables, and their deduplication: one row per prompt, answer, judgement."""

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.texts import Prompts, Responses, SetAside

KNOWN = ("category", "demonstration", "answer")  # what any row of a prompt may add to it
PROMPTS = Prompts.create_empty().drop("split", "cluster").schema
RESPONSES = Responses.create_empty().drop("sample_index").schema
RATINGS = Ratings.create_empty().schema
COMPARISONS = Comparisons.create_empty().schema
SET_ASIDE = SetAside.create_empty().schema


@dataclass(frozen=True)
class Chunk:
    """Tables-to-be in the order of the source: neither settled nor split, their ids numbers.

    num_rows, num_ratings, num_comparisons: what was met, before anything was set aside
    num_read: rows that became part of the tables
    """

    format: str
    num_rows: int
    num_read: int
    num_ratings: int
    num_comparisons: int
    prompts: pl.DataFrame
    responses: pl.DataFrame
    ratings: pl.DataFrame
    comparisons: pl.DataFrame
    set_aside: pl.DataFrame


def first_prompts(prompts: pl.DataFrame) -> pl.DataFrame:
    """Keep each prompt's first row, and the first of what any of its rows says more of it."""
    first = prompts.unique("prompt_id", keep="first", maintain_order=True)
    found = [name for name in KNOWN if prompts[name].null_count() < prompts.height]
    if not found or first.height == prompts.height:
        return first
    more = [pl.col(name).drop_nulls().first() for name in found]
    said = prompts.group_by("prompt_id").agg(more)
    joined = first.drop(found).join(said, on="prompt_id", how="left", maintain_order="left")
    return joined.select(prompts.columns)


def fitted(frame: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
    """Return a frame with a table's columns; columns that the source lacks are null."""
    return frame.select(
        pl.col(name) if name in frame.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in schema.items()
    )


def judgement(value: str) -> pl.Expr:
    """Write out a judgement, for a person to look at."""
    said = pl.coalesce(pl.col(value).cast(pl.String), pl.col("reason"))
    return pl.concat_str(pl.col("rater"), pl.lit(": "), said)


@dataclass(frozen=True)
class Settled:
    """Tables but for the prompts' split and cluster, and what was set aside on the way."""

    prompts: pl.DataFrame
    responses: pl.DataFrame
    ratings: pl.DataFrame
    comparisons: pl.DataFrame
    set_aside: pl.DataFrame


def settle(
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    ratings: pl.DataFrame,
    comparisons: pl.DataFrame,
) -> Settled:
    """Deduplicate all rows of some prompts, passed in the order of the source.

    A prompt's first row stands for it. Of several judgements of the same by one rater the last
    counts, and the earlier ones are set aside.
    """
    ratings, repeated = _last(ratings, ("response_id", "rater", "aspect"))
    comparisons, again = _last(comparisons, ("first_id", "second_id", "rater", "aspect"))
    return Settled(
        prompts=first_prompts(prompts),
        responses=_numbered(responses),
        ratings=ratings,
        comparisons=comparisons,
        set_aside=pl.concat(
            [
                _aside(repeated, "ratings", "repeated_rating", "score"),
                _aside(again, "comparisons", "repeated_comparison", "preference"),
            ]
        ),
    )


def _numbered(responses: pl.DataFrame) -> pl.DataFrame:
    """Keep each text of a generator once, and number its texts in the order of the source."""
    key = ["prompt_id", "generator", "response_id"]
    may_repeat = _may_repeat(responses, key)
    if may_repeat.any():
        responses = responses.filter(~may_repeat | pl.struct(key).is_first_distinct())
    of = ["prompt_id", "generator"]
    several = _may_repeat(responses, of)
    number = pl.lit(0, pl.Int64)
    if several.any():
        number = pl.int_range(pl.len(), dtype=pl.Int64).over(of)
    return responses.with_columns(sample_index=number).select(Responses.column_names())


def _last(rows: pl.DataFrame, key: Sequence[str]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the last row of each key, and the earlier ones."""
    may_repeat = _may_repeat(rows, key)
    if not may_repeat.any():
        return rows, rows.clear()
    earlier = may_repeat.clone()
    among = rows.select(key).filter(may_repeat)
    where = may_repeat.arg_true()
    earlier = earlier.scatter(where, ~among.select(pl.struct(key).is_last_distinct()).to_series())
    return rows.filter(~earlier), rows.filter(earlier)


def _may_repeat(rows: pl.DataFrame, key: Sequence[str]) -> pl.Series:
    """Return a mask of rows whose key's hash occurs twice, which is faster than comparing keys."""
    hashes = rows.select(key).hash_rows()
    if hashes.n_unique() == rows.height:
        return pl.Series("", [False]).new_from_index(0, rows.height)
    return hashes.is_duplicated()


def _aside(rows: pl.DataFrame, unit: str, reason: str, value: str) -> pl.DataFrame:
    """Make rows of the set-aside table of judgements."""
    return (
        rows.with_columns(detail=judgement(value))
        .with_columns(unit=pl.lit(unit), reason=pl.lit(reason))
        .select(*SET_ASIDE)
    )
