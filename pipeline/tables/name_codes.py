"""Dictionary codes of repeated names, four bytes each."""

import polars as pl

TEXTS = ("text", "demonstration", "answer")  # other string columns hold names


class NameCodes:
    """One mapping for all columns, which grows with new names."""

    def __init__(self) -> None:
        self.dtype = pl.Categorical(pl.Categories.random())
        self.held = pl.Series(dtype=self.dtype)  # polars drops the mapping with its last column

    def coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Replace names by their codes."""
        return rows.with_columns(pl.col(name_columns(rows.schema)).cast(self.dtype).to_physical())

    def named(self, rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
        """Replace codes by their names, in a table of this schema."""
        return rows.with_columns(pl.col(name_columns(schema)).cat.to(self.dtype).cast(pl.String))


def name_columns(schema: pl.Schema) -> list[str]:
    """List the columns that hold names."""
    return [name for name, dtype in schema.items() if dtype == pl.String and name not in TEXTS]
