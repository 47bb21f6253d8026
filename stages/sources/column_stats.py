"""Statistics of a file's columns: words of the name, kind, few distinct values, and votes."""

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
    """Return a name's words in lower case."""
    return tuple(word.casefold() for word in WORDS.findall(name))


def _kind(cells: Sequence[Any]) -> Kind:
    """Return the kind of a column's cells."""
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
    """Check whether a cell is a number, or a text that float() reads."""
    if isinstance(cell, str):
        try:
            float(cell)
        except ValueError:
            return False
        return True
    return isinstance(cell, int | float) and not isinstance(cell, bool)


# How the two of a couple are told apart in names and votes.
SIDES = (
    ("a", "b"),
    ("1", "2"),
    ("0", "1"),
    ("left", "right"),
    ("first", "second"),
    ("one", "two"),
    ("x", "y"),
)
FIRST, SECOND = (frozenset(pair[at] for pair in SIDES if pair != ("0", "1")) for at in (0, 1))
TIES = frozenset({"tie", "tied", "ties", "draw", "equal", "same", "both", "neither", "none"})
# Numbers that are no words: which of them means which answer cannot be told from the file.
NUMBERS: dict[frozenset[str], dict[str, float]] = {
    frozenset("12"): {"1": 1, "2": -1},
    frozenset("01"): {"0": 1, "1": -1},
    frozenset("012"): {"0": 0, "1": 1, "2": -1},
    frozenset("123"): {"1": 1, "2": -1, "3": 0},
    frozenset(("-1", "1")): {"1": 1, "-1": -1},
    frozenset(("-1", "0", "1")): {"1": 1, "0": 0, "-1": -1},
}


class Votes(NamedTuple):
    """Labels' values: 1 for the first answer, -1 for the second, 0 for a tie.

    is_plain: whether the labels say so themselves
    """

    values: dict[str, float]
    is_plain: bool


def meaning(column: Profile, sides: tuple[set[str], set[str]]) -> Votes | None:
    """Guess what the labels of a column of votes mean; None where they look like no votes.

    sides: words that each of the two answers may go by, such as its column's
    """
    labels = column.labels
    if len(labels) < 2:
        return None
    if known := NUMBERS.get(frozenset(labels)):
        return Votes(known, False)
    if set(labels) == {"true", "false"}:
        return Votes({"true": 1, "false": -1}, False)
    said = {label: _said(label, sides) for label in labels}
    values = {label: value for label, value in said.items() if value is not None}
    is_vote = len(values) == len(labels) and {1, -1} & set(values.values())
    return Votes(values, True) if is_vote else None


def _said(label: str, sides: tuple[set[str], set[str]]) -> float | None:
    """Return the value of a label that names an answer or a tie, None for any other."""
    found = set(words(label))
    if found & TIES:
        return 0
    is_first, is_second = (
        bool(found & (known | own)) for known, own in zip((FIRST, SECOND), sides, strict=True)
    )
    if is_first == is_second:
        return _order(label) if is_first else None
    return 1 if is_first else -1


def _order(label: str) -> float | None:
    """Read labels such as A>B."""
    for sign, value in ((">", 1), ("<", -1), ("=", 0)):
        if sign in label:
            return value
    return None


def couples(columns: Sequence[Profile]) -> list[tuple[Profile, Profile]]:
    """Return pairs of columns, first and second, whose names differ in one word."""
    return [
        (left, right)
        for left in columns
        for right in columns
        if left.kind == right.kind and _are_sides(left.words, right.words)
    ]


def together(columns: Sequence[Profile]) -> Profile:
    """Return several raters' columns as one, with the labels of all."""
    labels = sorted({label for column in columns for label in column.labels})
    return columns[0]._replace(labels=tuple(labels))


def own_words(both: tuple[Profile, Profile]) -> tuple[set[str], set[str]]:
    """Return the words that only one of two columns' names has, for each."""
    first, second = (set(column.words) for column in both)
    return first - second, second - first


def _are_sides(left: Sequence[str], right: Sequence[str]) -> bool:
    """Check whether two names differ in one word alone, a pair of SIDES."""
    if len(left) != len(right):
        return False
    different = [pair for pair in zip(left, right, strict=True) if pair[0] != pair[1]]
    return len(different) == 1 and different[0] in SIDES
