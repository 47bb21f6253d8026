"""What is different from an earlier audit."""

from typing import Any

import polars as pl

from rather.stages.audit.against import against


def audit(value: float | None, *problems: str) -> dict[str, Any]:
    """An audit with one figure and some problems."""
    figure = {"name": "pairs_kept", "label": "Pairs kept", "unit": "share", "value": value}
    return {
        "headline": [figure],
        "verdict": {"problems": [{"name": name} for name in problems]},
    }


def pairs(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    """Pairs by id, chosen answer, and the reason they were dropped for."""
    return pl.DataFrame(
        rows, orient="row", schema={"pair_id": str, "chosen_id": str, "reason": str}
    )


def test_figures_stand_side_by_side() -> None:
    """The value before and now; a figure that the earlier audit has not is null."""
    found = against("v1", audit(0.5), audit(0.75))
    assert found["figures"] == [
        {"name": "pairs_kept", "label": "Pairs kept", "unit": "share", "before": 0.5, "after": 0.75}
    ]
    (figure,) = against("v1", audit(0.5) | {"headline": []}, audit(0.75))["figures"]
    assert figure["before"] is None


def test_problems_come_and_go() -> None:
    """Those of both audits are in neither list."""
    found = against("v1", audit(1, "few_pairs", "length"), audit(1, "length", "leaks"))
    assert found["problems"] == {"new": ["leaks"], "gone": ["few_pairs"]}


def test_pairs_are_followed_by_their_ids() -> None:
    """One of each: added, removed, newly kept, newly dropped, turned, and left as it was."""
    before = pairs(
        ("gone", "a", None),
        ("up", "a", "margin"),
        ("down", "a", None),
        ("turned", "a", None),
        ("same", "a", None),
        ("still", "a", "margin"),
    )
    after = pairs(
        ("new", "a", None),
        ("up", "a", None),
        ("down", "a", "agreement"),
        ("turned", "b", None),
        ("same", "a", None),
        ("still", "a", "margin"),
    )
    found = against("v1", audit(1), audit(1), (before, after))
    counts = ("added", "removed", "now_kept", "now_dropped", "turned", "changed")
    assert [found[name] for name in counts] == [1, 1, 1, 1, 1, 3]
    assert {(row["from"], row["to"], row["count"]) for row in found["moved"]} == {
        ("absent", "kept", 1),
        ("kept", "absent", 1),
        ("margin", "kept", 1),
        ("kept", "agreement", 1),
    }


def test_without_the_earlier_pairs_they_are_not_counted() -> None:
    """A lone audit.json tells figures alone."""
    found = against("v1", audit(1), audit(1))
    assert found["added"] is None and found["changed"] is None and found["moved"] == []
