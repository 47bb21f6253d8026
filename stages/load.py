"""Read the source and fix the split.   source -> prompts, responses, ratings, comparisons"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from schemas.prompts import Prompts
from schemas.ratings import Comparisons, Ratings
from schemas.responses import Responses
from schemas.set_aside import SetAside
from stages.ids import digest
from stages.sources import demo
from stages.sources.presets import Mapping
from stages.sources.table import read_table


class Source(BaseModel):
    """Where prompts and ratings come from.

    path:     a file; the demo world's source is the code that makes it
    format:   demo, auto (recognised by columns), or a preset's name
    mapping:  changes to the preset's map of columns (stages/sources/presets.py)
    limit:    read no more prompts than this, in the source's order
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = "stages/sources/demo.py"
    format: str = "demo"
    mapping: Mapping = Mapping()
    limit: int | None = Field(default=None, ge=1)


class Demo(BaseModel):
    """The size of the demo world: prompts, and comparisons to train its reward model on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num_prompts: int = Field(default=2000, ge=10)
    num_comparisons: int = Field(default=600, ge=0)


@dataclass(frozen=True)
class Loaded:
    """The tables a source gives, and how many rows and ratings it was asked for."""

    format: str
    num_rows: int
    num_read: int
    num_ratings: int
    prompts: pl.DataFrame
    responses: pl.DataFrame
    ratings: pl.DataFrame
    comparisons: pl.DataFrame
    set_aside: pl.DataFrame


def load(source: Source, world: Demo, test_fraction: float, seed: int) -> Loaded:
    """Read the source; a prompt's cluster decides whether it is held out for testing."""
    if source.format == "demo":
        return _load_demo(world, test_fraction, seed)
    changes = source.mapping.model_dump(exclude_unset=True)
    records = read_table(Path(source.path), source.format, changes, source.limit)
    return Loaded(
        format=records.format,
        num_rows=records.num_rows,
        num_read=records.num_read,
        num_ratings=records.num_ratings,
        prompts=with_split(list(records.prompts.values()), test_fraction, seed),
        responses=_frame(_numbered(list(records.responses.values())), Responses),
        ratings=_frame(list(records.ratings.values()), Ratings),
        comparisons=Comparisons.create_empty(),
        set_aside=_frame(records.set_aside, SetAside),
    )


def _load_demo(world: Demo, test_fraction: float, seed: int) -> Loaded:
    """Make the demo world; its annotators compare answers to training prompts only."""
    rows = demo.prompts(world.num_prompts, seed)
    prompts = with_split(rows, test_fraction, seed)
    responses, comparisons = demo.compare(prompts, world.num_comparisons, seed)
    return Loaded(
        format="demo",
        num_rows=len(rows),
        num_read=len(rows),
        num_ratings=0,
        prompts=prompts,
        responses=responses,
        ratings=Ratings.create_empty(),
        comparisons=comparisons,
        set_aside=SetAside.create_empty(),
    )


def with_split(rows: list[dict[str, Any]], test_fraction: float, seed: int) -> pl.DataFrame:
    """Make the prompts table; prompts of one cluster land on one side of the split."""
    for row in rows:
        held_out = _fraction(seed, cluster(row["messages"])) < test_fraction
        row["split"] = "test" if held_out else "train"
    return _frame(rows, Prompts)


def cluster(messages: Iterable[dict[str, str]]) -> str:
    """Name a prompt's cluster: its words, whatever their case, spacing and punctuation."""
    text = " ".join(message["content"] for message in messages).casefold()
    return " ".join(re.findall(r"\w+", text)) or text


def _fraction(seed: int, key: str) -> float:
    """Give a number in [0, 1) that depends on the key and the seed alone."""
    return int(digest([str(seed), key]), 16) / 16**16


def _numbered(responses: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Number each generator's responses to a prompt, in the source's order."""
    seen: dict[tuple[str, str], int] = {}
    for row in responses:
        of = (row["prompt_id"], row["generator"])
        row["sample_index"] = seen[of] = seen.get(of, -1) + 1
    return responses


def _frame(
    rows: list[dict[str, Any]],
    schema: type[Prompts] | type[Responses] | type[Ratings] | type[SetAside],
) -> pl.DataFrame:
    """Make a table of rows; columns that the source knows nothing of are null."""
    return pl.DataFrame(rows, schema=schema.create_empty().schema)
