"""Table files and their contracts: what is read and written is checked against its schema."""

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import dataframely as dy
import polars as pl

from pipeline.files import replacing
from schemas.errors import UserError

SCHEMAS = {
    "load/prompts": "prompts.Prompts",
    "load/responses": "responses.Responses",
    "load/ratings": "ratings.Ratings",
    "load/comparisons": "ratings.Comparisons",
    "load/set_aside": "set_aside.SetAside",
    "generate/responses": "responses.Responses",
    "measure/features": "features.Features",
    "calibrate/raters": "scores.Raters",
    "calibrate/scores": "scores.Scores",
    "pair/pairs": "pairs.Pairs",
    "pair/dropped": "pairs.DroppedPrompts",
    "winnow/clear": "pairs.Pairs",
    "winnow/dropped": "pairs.DroppedPairs",
    "choose/chosen": "pairs.Pairs",
    "choose/dropped": "pairs.DroppedPairs",
    "convert/dpo/train": "training_sets.Dpo",
    "convert/dpo/test": "training_sets.Dpo",
    "convert/kto/train": "training_sets.Kto",
    "convert/kto/test": "training_sets.Kto",
    "convert/dropped": "training_sets.DroppedLabels",
}
SHOWN = 500  # characters of a broken row
FAMILIES = {"rate": "ratings.Ratings", "sample": "responses.Responses"}


def schema_of(table: str) -> type[dy.Schema]:
    """Find the schema of a table by its name, stage/table."""
    name = SCHEMAS.get(table) or FAMILIES[table.split("/")[0]]
    module, schema = name.split(".")
    found: type[dy.Schema] = getattr(import_module(f"schemas.{module}"), schema)
    return found


@dataclass(frozen=True)
class Tables:
    """The tables under one folder, a Parquet file each."""

    folder: Path

    def path(self, table: str) -> Path:
        """Give the file of a table."""
        return self.folder / f"{table}.parquet"

    def read(self, table: str) -> pl.DataFrame:
        """Read a table and check it; raise UserError where it is missing or breaks its schema."""
        path = self.path(table)
        if not path.is_file():
            raise UserError(
                f"{path}: expected the table {table}, found no such file; run the stage "
                f"{table.split('/')[0]} first (`dvc repro`)"
            )
        try:
            frame = pl.read_parquet(path)
        except (pl.exceptions.PolarsError, OSError) as error:
            raise UserError(
                f"{path}: expected a Parquet file, found {error}; {_mend(table)}"
            ) from None
        return check(frame, table, str(path))

    def write(self, table: str, frame: pl.DataFrame) -> pl.DataFrame:
        """Check and write a table, its rows in the order of its key, so that bytes repeat."""
        schema = schema_of(table)
        keys = schema.primary_key() or schema.column_names()
        ordered = check(frame, table, table).select(schema.column_names()).sort(keys)
        with replacing(self.path(table)) as draft:
            ordered.write_parquet(draft, compression="zstd", row_group_size=100_000)
        return ordered

    def read_family(self, stage: str, members: Iterable[str]) -> pl.DataFrame:
        """Read the tables of a stage that has one per member, as one."""
        empty = schema_of(stage).create_empty()
        return pl.concat([empty, *(self.read(f"{stage}/{name}") for name in members)])


def check(frame: pl.DataFrame, table: str, where: str) -> pl.DataFrame:
    """Hold a frame to its schema; raise UserError that names table, column, count and mend."""
    schema = schema_of(table)
    expected = schema.create_empty().schema
    for column, dtype in expected.items():
        found = frame.schema.get(column)
        if found != dtype:
            what = f"found {found}" if found is not None else f"found {', '.join(frame.columns)}"
            raise UserError(
                f"{where}: expected column {column!r} of type {dtype}, {what}; {_mend(table)}"
            )
    good, failure = schema.filter(frame.select(expected.names()))
    if len(failure):
        rule, count = max(failure.counts().items(), key=lambda item: item[1])
        raise UserError(
            f"{where}: {count:,} of {frame.height:,} rows break {_explain(schema, rule)}; "
            f"the first: {str(failure.invalid().row(0, named=True))[:SHOWN]}; {_mend(table)}"
        )
    return good


def _explain(schema: type[dy.Schema], rule: str) -> str:
    """Put a broken rule in words: column and condition, or the rule's own sentence."""
    column, _, condition = rule.partition("|")
    if condition:
        return f"the rule {condition!r} of column {column!r}"
    if rule == "primary_key":
        return f"the rule that {', '.join(schema.primary_key())} name a row once"
    return f"the rule {rule!r}"


def _mend(table: str) -> str:
    """Say who can put a broken table right."""
    return f"rerun the stage that wrote it (`dvc repro --force {table.split('/')[0]}`)"
