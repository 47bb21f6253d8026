"""Chunks: what some rows of a source hold, as tables-to-be."""

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
    """Give a frame a table's columns; those that the source knows nothing of are null."""
    return frame.select(
        pl.col(name) if name in frame.columns else pl.lit(None, dtype).alias(name)
        for name, dtype in schema.items()
    )


def judgement(value: str) -> pl.Expr:
    """Write out a judgement, for a person to look at."""
    said = pl.coalesce(pl.col(value).cast(pl.String), pl.col("reason"))
    return pl.concat_str(pl.col("rater"), pl.lit(": "), said)
