"""Every row that came in was kept, or was dropped for a named reason."""

import json
from pathlib import Path

import polars as pl
import pytest

from rather.ledger import Ledger, by_reason, is_account
from rather.schemas.base import BalanceError


def test_a_balanced_account_is_entered() -> None:
    """5 in, 2 kept, 3 dropped for two reasons."""
    ledger = Ledger("winnow")
    ledger.account("pairs", came=5, kept=2, dropped={"margin": 2, "agreement": 1})
    assert ledger.entries["pairs"] == {"in": 5, "kept": 2, "dropped": {"agreement": 1, "margin": 2}}


@pytest.mark.parametrize("kept", [1, 3])
def test_an_unbalanced_account_is_refused(kept: int) -> None:
    """One row lost or one too many: stage, unit and count are named, and nothing is entered."""
    ledger = Ledger("winnow")
    with pytest.raises(BalanceError, match=rf"winnow: 5 pairs came in, {kept} were kept and 3"):
        ledger.account("pairs", came=5, kept=kept, dropped={"margin": 3})
    assert ledger.entries == {}


def test_rows_without_a_reason_were_not_dropped() -> None:
    """Counting goes by reason; null is none."""
    frame = pl.DataFrame({"reason": ["a", None, "a", "b"]})
    assert by_reason(frame) == {"a": 2, "b": 1}


def test_the_account_is_written_as_json(tmp_path: Path) -> None:
    """Figures stand beside the counts, and are told apart from them."""
    ledger = Ledger("winnow")
    ledger.account("pairs", came=1, kept=1, dropped={})
    ledger.note(not_applicable=["agreement"], shares={"before": 1.0})
    ledger.write(tmp_path / "metrics" / "winnow.json")
    found = json.loads((tmp_path / "metrics" / "winnow.json").read_text())
    assert [name for name, entry in found.items() if is_account(entry)] == ["pairs"]
    assert found["not_applicable"] == ["agreement"]


def test_the_same_account_is_the_same_bytes(tmp_path: Path) -> None:
    """Whatever the order in which reasons were met."""
    for name, dropped in (("a", {"x": 1, "y": 2}), ("b", {"y": 2, "x": 1})):
        ledger = Ledger("s")
        ledger.account("rows", came=3, kept=0, dropped=dropped)
        ledger.write(tmp_path / name)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_buckets_add_up(tmp_path: Path) -> None:
    """Two parts' accounts make one, reason by reason."""
    parts = [Ledger("winnow"), Ledger("winnow")]
    parts[0].account("pairs", came=3, kept=1, dropped={"margin": 2})
    parts[1].account("pairs", came=2, kept=0, dropped={"margin": 1, "agreement": 1})
    whole = Ledger("winnow")
    whole.merge(parts)
    assert whole.entries == {
        "pairs": {"in": 5, "kept": 1, "dropped": {"agreement": 1, "margin": 3}}
    }
