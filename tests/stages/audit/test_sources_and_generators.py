"""Where pairs come from, and who wins."""

from typing import Any

import polars as pl

from rather.stages.audit.outcomes import by_name
from rather.stages.audit.sources_and_generators import by_generator, model_wins, wins


def pair(chosen: str, rejected: str, p_correct: float = 0.9, reason: str | None = None) -> Any:
    """One pair of two generators' answers."""
    who = {"chosen_generator": chosen, "rejected_generator": rejected, "reason": reason}
    return who | {"p_correct": p_correct, "margin": None, "agreement": None}


def pairs(*rows: Any) -> pl.DataFrame:
    """Make the table."""
    floats = dict.fromkeys(("p_correct", "margin", "agreement"), pl.Float64)
    return pl.DataFrame(rows, schema_overrides=floats | {"reason": pl.String})


def test_the_one_that_wins_more_often_is_the_winner() -> None:
    """B twice, a once, and two ties; a model against itself is no duel."""
    rows = pairs(pair("a", "b"), pair("b", "a"), pair("b", "a"), pair("a", "b", 0.5))
    rows = pl.concat([rows, pairs(pair("b", "a", 0.5))])
    (duel,) = model_wins(wins(pl.concat([rows, pairs(pair("a", "a"))])))
    assert duel == {"winner": "b", "loser": "a", "wins": 2, "losses": 1, "ties": 2}


def test_a_pair_counts_once_for_each_of_its_generators() -> None:
    """Also where both answers are of one."""
    counted = by_generator(pairs(pair("a", "b", reason="margin"), pair("a", "a")))
    told = {each["name"]: each for each in by_name(counted, 20)}
    assert (told["a"]["pairs"], told["a"]["kept"]) == (2, 1)
    assert told["b"] == {
        "name": "b",
        "pairs": 1,
        "kept": 0,
        "share": 0.0,
        "reasons": {"margin": 1},
    }


def test_the_largest_names_come_first() -> None:
    """As many as asked for, by name among equals."""
    counted = by_generator(pairs(pair("c", "b"), pair("a", "b")))
    assert [each["name"] for each in by_name(counted, 2)] == ["b", "a"]
