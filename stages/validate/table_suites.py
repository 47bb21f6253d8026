"""Expectations on each table, derived from its schema.   schema, rows -> suite"""

import re
from collections.abc import Iterator
from typing import Any

import dataframely as dy
import polars as pl

from rather.stages.validate.expectations import Expectation, Suite

# Rows of a table that are judged: tables go by prompt_id, a hash, so its first rows are a fair
# sample of prompts. All rows were held to the schema when they were written.
ROWS = 100_000
WORDS = re.compile(r"\^\(([\w|]+)\)\$")  # a regex that lists the words there may be
NESTED = (dy.List, dy.Struct, dy.Array)
TRUE = [True]


def suite(table: str, schema: type[dy.Schema], rows: pl.LazyFrame) -> Suite:
    """Return the suite of one table, named STAGE.TABLE, with the rows that are judged."""
    mend = f"rerun the stage that wrote it (`dvc repro --force {table.split('/')[0]}`)"
    expected = [
        Expectation(sentence, check, arguments, mend)
        for sentence, check, arguments in _expected(schema)
    ]
    view = narrow(schema, rows.head(ROWS)).collect()
    return Suite(table.replace("/", "."), view, expected)


def narrow(schema: type[dy.Schema], rows: pl.LazyFrame) -> pl.LazyFrame:
    """Return rows as ids, names, numbers and flags.

    Free text becomes a flag, whether it is present; so does each of the schema's own rules.
    """
    columns = [
        pl.col(name).is_not_null() if _is_free(column) else pl.col(name)
        for name, column in _flat(schema)
    ]
    return rows.select(*columns, **{name: rule.expr for name, rule in _rules(schema).items()})


def _flat(schema: type[dy.Schema]) -> list[tuple[str, Any]]:
    """List the columns that hold one value each."""
    return [(name, col) for name, col in schema.columns().items() if not isinstance(col, NESTED)]


def _is_free(column: Any) -> bool:
    """Check whether a column holds free text, which no rule constrains."""
    return isinstance(column, dy.String) and column.regex is None and not column.primary_key


def _rules(schema: type[dy.Schema]) -> dict[str, Any]:
    """Return the schema's rules on whole rows; dataframely has no public name for them."""
    return schema._schema_validation_rules()


def _expected(schema: type[dy.Schema]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """List what is expected, each as a sentence, a check and its arguments."""
    for name, column in _flat(schema):
        if not column.nullable:
            yield _given(name, column)
        yield from _within(name, column)
    for name in _rules(schema):
        yield name.replace("_", " "), *_in_set(name, TRUE)
    yield from _key(schema)


def _given(name: str, column: Any) -> tuple[str, str, dict[str, Any]]:
    """Expect a value in each row."""
    sentence = f"{name} is given"
    if _is_free(column):
        return sentence, *_in_set(name, TRUE)
    return sentence, "ExpectColumnValuesToNotBeNull", {"column": name}


def _within(name: str, column: Any) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Expect values of the range, the words or the form that the schema asks for."""
    least, most = getattr(column, "min", None), getattr(column, "max", None)
    if least is not None or most is not None:
        limits = {"min_value": least, "max_value": most}
        yield _range(name, least, most), "ExpectColumnValuesToBeBetween", {"column": name, **limits}
    regex = getattr(column, "regex", None)
    if regex and (words := WORDS.fullmatch(regex)):
        listed = words[1].split("|")
        yield f"{name} is {' or '.join(listed)}", *_in_set(name, listed)
    elif regex:
        arguments = {"column": name, "regex": regex}
        yield f"{name} has the form of an id", "ExpectColumnValuesToMatchRegex", arguments


def _range(name: str, least: float | None, most: float | None) -> str:
    """Return the limits of a column in words."""
    if least is None or most is None:
        return f"{name} is at most {most:g}" if least is None else f"{name} is at least {least:g}"
    return f"{name} is from {least:g} to {most:g}"


def _in_set(name: str, values: list[Any]) -> tuple[str, dict[str, Any]]:
    """Expect one of some values."""
    return "ExpectColumnValuesToBeInSet", {"column": name, "value_set": values}


def _key(schema: type[dy.Schema]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Expect that the key names each row once."""
    keys = schema.primary_key()
    if len(keys) == 1:
        yield f"{keys[0]} is unique", "ExpectColumnValuesToBeUnique", {"column": keys[0]}
    elif keys:
        sentence = f"{', '.join(keys)} together are unique"
        yield sentence, "ExpectCompoundColumnsToBeUnique", {"column_list": keys}
