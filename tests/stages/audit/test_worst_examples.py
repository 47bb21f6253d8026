"""The worst pairs of each reason."""

from typing import Any

import polars as pl

from rather.stages.audit.worst_examples import still_worst, worst

EMPTY = {
    "pair_id": pl.String,
    "reason": pl.String,
    "stage": pl.String,
    "margin": pl.Float64,
    "agreement": pl.Float64,
    "p_correct": pl.Float64,
    "p_label": pl.Float64,
    "similarity": pl.Float64,
    "chosen_rating": pl.Float64,
    "num_raters": pl.Int64,
    "objectives_for": pl.Int64,
    "objectives_against": pl.Int64,
    "chosen_tokens": pl.Int64,
    "rejected_tokens": pl.Int64,
    "length_gap": pl.Int64,
    "contamination": pl.String,
    "duplicate_of": pl.String,
}


def pairs(*rows: dict[str, Any]) -> pl.DataFrame:
    """Pairs named in order; what a row leaves out is null."""
    named = [{"pair_id": f"{at:02}"} | row for at, row in enumerate(rows)]
    return pl.DataFrame(named, schema=EMPTY)


def told(found: pl.DataFrame) -> list[tuple[str, str]]:
    """Reason and pair, in order."""
    return found.select("reason", "pair_id").rows()


def test_a_reason_has_its_own_worst() -> None:
    """The smallest margin, the largest gap of length, the least sure of the kept."""
    rows = pairs(
        {"reason": "margin", "margin": 0.4},
        {"reason": "margin", "margin": 0.1},
        {"reason": "length_balance", "length_gap": 5},
        {"reason": "length_balance", "length_gap": -90},
        {"p_correct": 0.9},
        {"p_correct": 0.6},
    )
    assert told(worst(rows, 0.8)) == [
        ("kept", "05"),
        ("kept", "04"),
        ("length_balance", "03"),
        ("length_balance", "02"),
        ("margin", "01"),
        ("margin", "00"),
    ]


def test_no_more_than_asked_for() -> None:
    """Unknown evidence comes last."""
    rows = pairs(
        {"reason": "agreement"}, *({"reason": "agreement", "agreement": a} for a in (1, 0))
    )
    assert told(worst(rows, 0.8, most=2)) == [("agreement", "02"), ("agreement", "01")]


def test_findings_are_listed_beside_the_reason() -> None:
    """A pair that was dropped may be flipped as well, and one that was kept may be leaked."""
    rows = pairs(
        {"reason": "margin", "margin": 0.1, "p_label": 0.1},
        {"p_correct": 0.9, "p_label": 0.3, "contamination": "t: words"},
        {"p_correct": 0.8, "duplicate_of": "0"},
    )
    assert told(worst(rows, 0.8))[-3:] == [
        ("flipped_label", "00"),
        ("in_a_test_set", "01"),
        ("repeated_prompt", "02"),
    ]


def test_the_worst_of_parts_are_the_worst_of_all() -> None:
    """Whichever part they are in."""
    rows = pairs(*({"reason": "margin", "margin": m} for m in (0.4, 0.1, 0.3, 0.2)))
    parts = [worst(part, 0.8, most=2) for part in (rows[:2], rows[2:])]
    assert told(still_worst(parts, most=2)) == told(worst(rows, 0.8, most=2))


def test_without_pairs_there_are_no_rows() -> None:
    """A source of labels."""
    assert worst(pairs(), 0.8).is_empty()
