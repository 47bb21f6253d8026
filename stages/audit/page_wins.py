"""Arrange who wins against whom as a matrix.   list of duels -> names, and a row for each"""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

MOST_NAMES = 14  # a wider matrix fits no page
SHADES = 4


class Cell(NamedTuple):
    """Where the wins of a row's name over a column's stand, and how dark: 0 never, 4 always."""

    pointer: str
    shade: int


def matrix(duels: Sequence[Mapping[str, Any]]) -> tuple[list[str], list[list[Cell | None]]] | None:
    """Return names by wins, and each name's wins over the others; None for too many names.

    duels: winner, loser, wins, losses
    """
    cells, won, met = {}, Counter[str](), Counter[str]()
    for place, duel in enumerate(duels):
        one, other = str(duel["winner"]), str(duel["loser"])
        total = duel["wins"] + duel["losses"]
        for name, against, key in ((one, other, "wins"), (other, one, "losses")):
            shade = round(SHADES * duel[key] / total) if total else 0
            cells[name, against] = Cell(f"/model_wins/{place}/{key}", shade)
            won[name] += duel[key]
            met[name] += total
    if not 2 < len(met) <= MOST_NAMES:
        return None
    names = sorted(met, key=lambda name: (-won[name] / max(met[name], 1), name))
    return names, [[cells.get((name, against)) for against in names] for name in names]
