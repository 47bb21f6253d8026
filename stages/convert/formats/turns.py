"""Tests of conversations, and their parts, for the formats."""

from pathlib import PurePath
from typing import Any, NamedTuple

import polars as pl

ONE_QUESTION = "^user$"
ONE_QUESTION_OR_SYSTEM = "^(system,)?user$"
ALTERNATING = "^(system,)?user(,assistant,user)*$"


class Reshaped(NamedTuple):
    """Rows as a trainer reads them, and those it cannot hold, as they were, each with a reason."""

    rows: pl.DataFrame
    dropped: pl.DataFrame


def keep(rows: pl.DataFrame, turns: str, reason: str) -> Reshaped:
    """Split rows by whether their prompt's roles, joined by commas, match a pattern."""
    roles = pl.col("prompt").list.eval(pl.element().struct.field("role")).list.join(",")
    fits = roles.str.contains(turns)
    dropped = rows.filter(~fits).with_columns(reason=pl.lit(reason))
    return Reshaped(rows.filter(fits), dropped)


def with_answers(rows: pl.DataFrame, *answers: str) -> pl.DataFrame:
    """Return whole conversations in the answers' columns: the prompt, then the answer."""
    numbered = rows.with_row_index("row")
    return rows.with_columns(_joined(numbered, answer) for answer in answers)


def _joined(numbered: pl.DataFrame, answer: str) -> pl.Series:
    """Join prompt and answer; by groups, as polars joins lists of structs row by row, slowly."""
    turns = [numbered.select("row", turn=column).explode("turn") for column in ("prompt", answer)]
    whole = pl.concat(turns).sort("row", maintain_order=True).group_by("row", maintain_order=True)
    return whole.agg("turn")["turn"].alias(answer)


def last(column: str) -> pl.Expr:
    """Return the last message of a conversation."""
    return pl.col(column).list.last()


def text(column: str) -> pl.Expr:
    """Return the text of a conversation's last message."""
    return last(column).struct.field("content").alias(column)


def system(column: str) -> pl.Expr:
    """Return the text of the system's message, null without one."""
    first = pl.col(column).list.first()
    return pl.when(first.struct.field("role") == "system").then(first.struct.field("content"))


class Facts(NamedTuple):
    """Facts for a trainer's configuration: the file, and the weights of KTO's classes.

    path: the whole path of the file, for lines that are pasted elsewhere; the name where empty
    """

    file_name: str
    desirable_weight: float = 1.0
    undesirable_weight: float = 1.0
    path: str = ""

    @property
    def location(self) -> str:
        """The path by which a trainer finds the file."""
        return self.path or self.file_name

    @property
    def folder(self) -> str:
        """The folder of the file."""
        return str(PurePath(self.location).parent)

    @property
    def name(self) -> str:
        """The file's name without its ending, and without commas, which part names of data sets."""
        return PurePath(self.file_name).stem.replace(",", "_")

    @property
    def reader(self) -> str:
        """The reader of Hugging Face's datasets that takes the file."""
        return "parquet" if self.file_name.endswith(".parquet") else "json"


SideFile = tuple[str, dict[str, Any]]
