"""What every table shares: exceptions, ids and chat messages."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal, TypedDict

import dataframely as dy
import polars as pl


class RatherError(Exception):
    """Base of the errors that a command shows without a traceback."""

    exit_code = 1


class UserError(RatherError):
    """An error in a file, column, option or parameter that the user can fix."""

    exit_code = 2


class QualityError(RatherError):
    """The data is readable but below the declared quality.

    ledger: the account of the rows by stage and unit, where a conversion was stopped; else empty
    """

    ledger: Mapping[str, Any] = MappingProxyType({})


class BalanceError(RatherError):
    """Rows in do not equal rows kept plus rows dropped: a defect of rather, not of the data."""


ID = "^[0-9a-f]{16}$"


def id_column(*, primary_key: bool = False, nullable: bool = False) -> dy.String:
    """Return the column type of an id."""
    return dy.String(primary_key=primary_key, nullable=nullable, regex=ID)


def ids_of(schema: type[dy.Schema]) -> tuple[str, ...]:
    """List the columns that hold ids."""
    columns = schema.columns().items()
    return tuple(name for name, column in columns if getattr(column, "regex", None) == ID)


class Message(TypedDict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


MESSAGES_DTYPE = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def messages_column() -> dy.List:
    """Return the column type of a conversation: at least one message, each with role and text."""
    role = dy.String(regex="^(system|user|assistant)$")
    return dy.List(dy.Struct({"role": role, "content": dy.String()}), min_length=1)
