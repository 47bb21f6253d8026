"""What a column looks like: its name in words, its kind, and the few values it may have."""

import re
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

from rather.stages.sources.mapping import label_text
from rather.stages.sources.row_batches import Batch, Column, cells_of

Kind = Literal["text", "number", "flag", "texts", "numbers", "other"]

ROWS = 1000  # looked at
FEW = 12  # distinct values at most of a column of labels
WORDS = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[0-9]+|[^\W\d_]+")


class Profile(NamedTuple):
    """One column.

    words:  of its name, in lower case: responseA and response_a are both response, a
    kind:   of its cells; numbers written as texts are numbers
    labels: the distinct values, as labels are looked up, where they are few; else none
    num_distinct: distinct values among the rows looked at
    length: mean characters of its texts
    """

    name: str
    words: tuple[str, ...]
    kind: Kind
    labels: tuple[str, ...] = ()
    num_distinct: int = 0
    length: float = 0.0


def profiles(batch: Batch) -> list[Profile]:
    """Describe the columns of a file by its first rows."""
    return [profile(name, batch.column(name)) for name in batch.names]


def profile(name: str, column: Column) -> Profile:
    """Describe one column."""
    cells = [cell for cell in cells_of(column)[:ROWS] if cell is not None and cell != ""]
    kind = _kind(cells)
    if kind in ("texts", "numbers", "other"):
        return Profile(name, words(name), kind)
    distinct = sorted({label_text(cell) for cell in cells})
    length = sum(len(str(cell)) for cell in cells) / max(len(cells), 1)
    labels = tuple(distinct) if len(distinct) <= FEW else ()
    return Profile(name, words(name), kind, labels, len(distinct), length)


def words(name: str) -> tuple[str, ...]:
    """Part a name into words."""
    return tuple(word.casefold() for word in WORDS.findall(name))


def _kind(cells: Sequence[Any]) -> Kind:
    """Tell what a column's cells are."""
    if not cells:
        return "other"
    if all(isinstance(cell, list) for cell in cells):
        inner = [each for cell in cells for each in cell]
        if inner and all(_is_number(each) for each in inner):
            return "numbers"
        return "texts" if all(isinstance(each, str | dict) for each in inner) else "other"
    if all(isinstance(cell, bool) for cell in cells):
        return "flag"
    if all(_is_number(cell) for cell in cells):
        return "number"
    return "text" if all(isinstance(cell, str | int | float) for cell in cells) else "other"


def _is_number(cell: object) -> bool:
    """Tell a number, and a text that writes one."""
    if isinstance(cell, str):
        try:
            float(cell)
        except ValueError:
            return False
        return True
    return isinstance(cell, int | float) and not isinstance(cell, bool)
