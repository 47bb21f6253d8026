"""Ids: 64 bits of a hash, as 16 hex digits or, where stages alone read them, as a number."""

import dataframely as dy

ID = "^[0-9a-f]{16}$"


def id_column(*, primary_key: bool = False, nullable: bool = False) -> dy.String:
    """Give the column type of an id."""
    return dy.String(primary_key=primary_key, nullable=nullable, regex=ID)


def ids_of(schema: type[dy.Schema]) -> tuple[str, ...]:
    """Name the columns that hold ids."""
    columns = schema.columns().items()
    return tuple(name for name, column in columns if getattr(column, "regex", None) == ID)
