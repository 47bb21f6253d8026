"""Names as codes: a few texts that stand in a table again and again, in four bytes each."""

import polars as pl

TEXTS = ("text", "demonstration", "answer")  # what other columns of strings hold are names


class NameCodes:
    """One mapping for all columns, which grows with the names that are met."""

    def __init__(self) -> None:
        self.dtype = pl.Categorical(pl.Categories.random())
        self.held = pl.Series(dtype=self.dtype)  # the mapping is forgotten with its last column

    def coded(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Write names as their codes."""
        return rows.with_columns(pl.col(name_columns(rows.schema)).cast(self.dtype).to_physical())

    def named(self, rows: pl.DataFrame, schema: pl.Schema) -> pl.DataFrame:
        """Write codes as the names that they had in a table of this schema."""
        return rows.with_columns(pl.col(name_columns(schema)).cat.to(self.dtype).cast(pl.String))


def name_columns(schema: pl.Schema) -> list[str]:
    """List the columns that hold names."""
    return [name for name, dtype in schema.items() if dtype == pl.String and name not in TEXTS]
