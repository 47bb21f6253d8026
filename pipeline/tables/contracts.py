"""Contracts: each table's schema, and the check of a frame against it."""

from copy import copy
from functools import cache
from importlib import import_module
from inspect import getmodule, getsource
from types import new_class

import dataframely as dy
import polars as pl

from rather.schemas.base import UserError, ids_of
from rather.stages.common.ids import digest, text_ids

SCHEMAS = {
    "load/prompts": "texts.Prompts",
    "load/responses": "texts.Responses",
    "load/ratings": "judgements.Ratings",
    "load/comparisons": "judgements.Comparisons",
    "load/set_aside": "texts.SetAside",
    "load/evaluations": "texts.Evaluations",
    "measure/features": "evidence.Features",
    "measure/contamination": "evidence.Contamination",
    "calibrate/raters": "evidence.Raters",
    "calibrate/scores": "evidence.Scores",
    "pair/pairs": "evidence.Pairs",
    "pair/dropped": "evidence.DroppedPrompts",
    "winnow/clear": "evidence.ClearPairs",
    "winnow/dropped": "evidence.DroppedPairs",
    "choose/chosen": "evidence.ChosenPairs",
    "choose/dropped": "evidence.DroppedPairs",
    "convert/dpo/train": "training_sets.Dpo",
    "convert/dpo/test": "training_sets.Dpo",
    "convert/kto/train": "training_sets.Kto",
    "convert/kto/test": "training_sets.Kto",
    "convert/dropped": "training_sets.DroppedLabels",
}
SHOWN = 500  # characters of a broken row
FAMILIES = {
    "generate": "texts.Generated",
    "rate": "judgements.Ratings",
    "compare": "judgements.Comparisons",
    "verdicts": "judgements.Verdicts",
    "sample": "texts.Responses",
}


def schema_of(table: str) -> type[dy.Schema]:
    """Return the schema of a table by its name, stage/table."""
    name = SCHEMAS.get(table) or FAMILIES[table.split("/")[0]]
    module, schema = name.split(".")
    schema_class: type[dy.Schema] = getattr(import_module(f"rather.schemas.{module}"), schema)
    return schema_class


@cache
def columns_of(table: str) -> pl.Schema:
    """Return a table's columns and types, with ids as texts."""
    return schema_of(table).create_empty().schema


@cache
def ids_in(table: str) -> tuple[str, ...]:
    """List a table's id columns."""
    return ids_of(schema_of(table))


def is_read(table: str) -> bool:
    """Check whether users read a table's file, which then has ids as texts."""
    return table.startswith("convert/")


@cache
def stored(table: str) -> pl.Schema:
    """Return a table's columns and types as stored in its file."""
    ids = () if is_read(table) else ids_in(table)
    return pl.Schema(columns_of(table) | dict.fromkeys(ids, pl.UInt64()))


@cache
def contract(table: str) -> str:
    """Return a hash of the schema's name and source."""
    schema = schema_of(table)
    return digest([schema.__name__, getsource(getmodule(schema))])  # type: ignore[arg-type]


def check(frame: pl.DataFrame, table: str, where: str) -> pl.DataFrame:
    """Check a frame against its schema, and return its declared columns.

    Ids may be texts or numbers.

    Raises:
        UserError: A column or row breaks the schema. The message has table, column, count and fix.
    """
    expected = columns_of(table)
    numbers = tuple(name for name in ids_in(table) if frame.schema.get(name) == pl.UInt64)
    for column, dtype in expected.items():
        found = frame.schema.get(column)
        if found != dtype and column not in numbers:
            what = f"found {found}" if found is not None else f"found {', '.join(frame.columns)}"
            raise UserError(
                f"{where}: expected column {column!r} of type {dtype}, {what}; "
                f"{how_to_rebuild(table)}"
            )
    frame = frame.select(expected.names())
    schema = _changed(schema_of(table), numbers)
    if not _holds(schema, frame):
        _, failure = schema.filter(frame)
        rule, count = max(failure.counts().items(), key=lambda item: item[1])
        first = text_ids(failure.invalid().head(1), numbers).row(0, named=True)
        raise UserError(
            f"{where}: {count:,} of {frame.height:,} rows break {_explain(schema, rule)}; "
            f"the first: {str(first)[:SHOWN]}; {how_to_rebuild(table)}"
        )
    return frame


def _holds(schema: type[dy.Schema], frame: pl.DataFrame) -> bool:
    """Check whether a frame conforms to its schema.

    Distinct hashes prove distinct keys, several times as fast as a comparison of keys. If two
    hashes are equal, the keys themselves are compared.
    """
    keys = schema.primary_key()
    if keys and frame.select(keys).hash_rows().n_unique() == frame.height:
        schema = _changed(schema, has_key=False)
    return schema.is_valid(frame)


@cache
def _changed(
    schema: type[dy.Schema], numbers: tuple[str, ...] = (), has_key: bool = True
) -> type[dy.Schema]:
    """Return a copy of a schema with some ids as numbers, or without its key."""
    columns: dict[str, dy.Column] = {}
    for name, column in schema.columns().items():
        is_number = name in numbers
        columns[name] = dy.UInt64(nullable=column.nullable) if is_number else copy(column)
        columns[name].primary_key = column.primary_key and has_key
    return new_class(schema.__name__, (schema,), exec_body=lambda body: body.update(columns))


def _explain(schema: type[dy.Schema], rule: str) -> str:
    """Return a broken rule in words: column and condition, or the rule's name."""
    column, _, condition = rule.partition("|")
    if condition:
        return f"the rule {condition!r} of column {column!r}"
    if rule == "primary_key":
        return f"the rule that {', '.join(schema.primary_key())} name a row once"
    return f"the rule {rule!r}"


def how_to_rebuild(table: str) -> str:
    """Return the advice that names the stage which writes a table."""
    return f"rerun the stage that wrote it (`dvc repro --force {table.split('/')[0]}`)"
