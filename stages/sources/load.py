"""Read the source and fix the split.   source -> prompts, responses, ratings, comparisons"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from math import ceil
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from rather.schemas.base import UserError
from rather.schemas.judgements import Ratings
from rather.schemas.texts import Prompts, SetAside
from rather.stages.common import ids
from rather.stages.common.extensions import is_reference
from rather.stages.common.parallel import prefetch
from rather.stages.sources import demo
from rather.stages.sources.chunks import PROMPTS, Chunk, settle
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.presets import choose_mapping, recognise, spelt
from rather.stages.sources.row_batches import Batch
from rather.stages.sources.source_files import find, names, open_sheet
from rather.stages.sources.table import Limit, Table, read_batch
from rather.stages.text.clusters import clusters


class Source(BaseModel):
    """Where prompts and ratings come from.

    path:     a file, a glob, a folder, or hub:owner/name[:split]; the demo world's source is the
              code that makes it
    format:   demo, auto (recognised by columns, file by file), a preset's name or its file (.yaml),
              or the user's own reader as package.module:name, a function of a path that yields rows
              as dicts; their columns are then recognised
    mapping:  changes to the preset's map of columns (stages/sources/mapping.py)
    limit:    read no more prompts than this, in the source's order
    comparisons_for: pairs to train on, or a reward model that rates generated answers
    near_duplicates: look for near-duplicate prompts even where nothing is held out
    licence:  of the source, for the data card
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = "stages/sources/demo.py"
    format: str = "demo"
    mapping: Mapping = Mapping()
    limit: int | None = Field(default=None, ge=1)
    comparisons_for: Literal["pairs", "reward"] = "pairs"
    near_duplicates: bool = False
    licence: str | None = None


class Demo(BaseModel):
    """The size of the demo world: prompts, and comparisons to train its reward model on."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    num_prompts: int = Field(default=2000, ge=10)
    num_comparisons: int = Field(default=600, ge=0)


@dataclass(frozen=True)
class Loaded(Chunk):
    """A whole source, settled and split."""


def read(source: Source) -> Iterator[Chunk]:
    """Read a source chunk by chunk, in its order.

    Raises UserError for a file, format, column or scale that cannot be right; where nothing usable
    was met, at the end.
    """
    files = find(source.path)
    tally, limit = Tally(source.path), Limit(source.limit)
    for file, name in zip(files, names(files), strict=True):
        batches, table = _open(file, name, source, limit)
        in_turn = (
            map if source.limit else prefetch
        )  # what a limit admits depends on what came before
        for chunk in in_turn(partial(read_batch, table=table), batches):
            tally.add(chunk, table.mapping)
            yield chunk
    tally.refuse_hopeless()


def _open(file: str, name: str, source: Source, limit: Limit) -> tuple[Iterator[Batch], Table]:
    """Open a file and choose how it is read."""
    is_own = is_reference(source.format)
    sheet = open_sheet(file, source.format if is_own else None)
    if not sheet.names:
        refuse_lines(file, sheet.batches(None))
    changes = source.mapping.model_dump(exclude_unset=True)
    format_ = source.format
    if format_ == "auto" or is_own:
        format_ = recognise(sheet.names, changes, file, sheet.members)
    preset, mapping = choose_mapping(format_, changes, sheet.names, file)
    columns = spelt([*mapping.needed(), *preset.recognised_by], sheet.names)
    wanted = [columns[column] for column in mapping.needed() if column in columns]
    batches = sheet.batches(None if preset.unwrap else list(dict.fromkeys(wanted)))
    other = {there: wanted for wanted, there in columns.items() if wanted != there}
    table = Table(name, format_, preset, mapping, limit)
    return (batch.renamed(other) for batch in batches), table


def load(source: Source, world: Demo, test_fraction: float, seed: int) -> Loaded:
    """Read a whole source at once; a prompt's cluster decides whether it is held out."""
    if source.format == "demo":
        return _load_demo(world, test_fraction, seed)
    chunks = list(read(source))
    met, prompts, responses, ratings, comparisons = (
        pl.concat([getattr(chunk, table) for chunk in chunks])
        for table in ("set_aside", "prompts", "responses", "ratings", "comparisons")
    )
    settled = settle(*(ids.text_ids(rows) for rows in (prompts, responses, ratings, comparisons)))
    formats = dict.fromkeys(chunk.format for chunk in chunks)
    return Loaded(
        format=", ".join(formats),
        num_rows=sum(chunk.num_rows for chunk in chunks),
        num_read=sum(chunk.num_read for chunk in chunks),
        num_ratings=sum(chunk.num_ratings for chunk in chunks),
        num_comparisons=sum(chunk.num_comparisons for chunk in chunks),
        prompts=with_split(settled.prompts, test_fraction, seed),
        responses=settled.responses,
        ratings=settled.ratings,
        comparisons=settled.comparisons,
        set_aside=pl.concat([met, settled.set_aside]),
    )


def _load_demo(world: Demo, test_fraction: float, seed: int) -> Loaded:
    """Make the demo world; its annotators compare answers to training prompts only."""
    rows = demo.prompts(world.num_prompts, seed)
    prompts = with_split(pl.DataFrame(rows, schema=PROMPTS), test_fraction, seed)
    responses, comparisons = demo.compare(prompts, world.num_comparisons, seed)
    return Loaded(
        format="demo",
        num_rows=len(rows),
        num_read=len(rows),
        num_ratings=0,
        num_comparisons=comparisons.height,
        prompts=prompts,
        responses=responses,
        ratings=Ratings.create_empty(),
        comparisons=comparisons,
        set_aside=SetAside.create_empty(),
    )


def with_split(prompts: pl.DataFrame, test_fraction: float, seed: int) -> pl.DataFrame:
    """Add cluster and split; prompts of one cluster land on one side.

    A cluster is looked for only where something is held out and the prompts have none yet.
    """
    if "cluster" not in prompts.columns:
        found = clusters(prompts) if test_fraction else None
        prompts = _clustered(prompts, found)
    return prompts.with_columns(split=split(pl.col("cluster"), test_fraction, seed)).select(
        Prompts.column_names()
    )


def _clustered(prompts: pl.DataFrame, found: pl.DataFrame | None) -> pl.DataFrame:
    """Add what clusters were found; where none were looked for, each prompt is one."""
    if found is None:
        return prompts.with_columns(cluster="prompt_id")
    return prompts.join(found, on="prompt_id", how="left", maintain_order="left")


def split(cluster: pl.Expr, test_fraction: float, seed: int) -> pl.Expr:
    """Return each cluster's split, drawn by its id and the seed alone."""
    num_ids = 16**ids.NUM_DIGITS
    bound = ceil(test_fraction * num_ids)
    drawn = ids.digests(pl.lit(str(seed)), cluster)  # hex digits order as the numbers they write
    some = 0 < bound < num_ids
    held_out = drawn < f"{bound:0{ids.NUM_DIGITS}x}" if some else pl.lit(bound > 0)
    return pl.when(held_out).then(pl.lit("test")).otherwise(pl.lit("train"))


class Tally:
    """Counts of a source's rows and judgements so far, to stop if none is usable."""

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
        """Return the reasons of unusable judgements, and the options that may fix them."""
        reasons = ", ".join(sorted(self.reasons))
        return (
            f"found none among {self.num_judgements:,} judgements ({reasons}); correct them, or "
            "set source.mapping.scale, source.mapping.values or the columns"
        )

    def _expected(self) -> str:
        """Return the judgements and the columns that the mapping expects."""
        mapping = self.mapping
        columns = ", ".join(mapping.preference or mapping.judgements or mapping.ranks)
        numbers = "numbers" if mapping.scale is None else "{:g} to {:g}".format(*mapping.scale)
        labels = ", ".join(mapping.values)
        kind = "preferences" if mapping.preference else "scores"
        return f"expected {kind} ({labels or numbers}) in {columns}"


def refuse_lines(path: str, batches: Iterable[Batch]) -> None:
    """Raise UserError for a file without a single row."""
    bad = [row for batch in batches for row in batch.bad]
    if not bad:
        raise UserError(f"{path}: expected rows with columns, found that every row is empty")
    first = min(bad, key=lambda row: row["source_line"])
    raise UserError(
        f"{path}: none of {len(bad):,} rows can be read; the first, line "
        f"{first['source_line']}: {first['reason']}: {first['detail']!r}"
    )


def _first(set_aside: pl.DataFrame) -> tuple[int, str, str] | None:
    """Return line, reason and detail of the first row that was set aside."""
    rows = set_aside.filter(pl.col("unit") == "rows").sort("source_line", maintain_order=True)
    return next(rows.select("source_line", "reason", "detail").iter_rows(), None)
