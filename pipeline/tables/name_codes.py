"""Names as codes: a few texts that stand in a table again and again, in four bytes each."""

import polars as pl

TEXTS = ("text", "demonstration", "answer")  # what other columns of strings hold are names


class Codes:
    """One mapping for all columns, which grows with the names that are met."""

    def __init__(self) -> None:
        self.dtype = pl.Categorical(pl.Categories.random())
        self.held = pl.Series(dtype=self.dtype)  # the mapping is forgotten with its last column

    def coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Write names as their codes."""
        return rows.with_columns(pl.col(names(rows.schema)).cast(self.dtype).to_physical())

    def named(self, rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
        """Write codes as the names that they had in a table of this schema."""
        return rows.with_columns(pl.col(names(schema)).cat.to(self.dtype).cast(pl.String))


def names(schema: pl.Schema) -> list[str]:
    """List the columns that hold names."""
    return [name for name, dtype in schema.items() if dtype == pl.String and name not in TEXTS]
