"""The ledger: counts of rows in, kept, and dropped by reason."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rather.schemas.base import BalanceError
from rather.tables.atomic_files import write_text

if TYPE_CHECKING:
    import polars as pl

DECIMALS = 6


class Ledger:
    """One stage's counts by unit (prompts, responses, ratings, pairs, rows), and its figures."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self.entries: dict[str, Any] = {}

    def account(self, unit: str, *, came: int, kept: int, dropped: dict[str, int]) -> None:
        """Add to a unit's rows; raise BalanceError unless came = kept + dropped."""
        lost = came - kept - sum(dropped.values())
        if lost:
            raise BalanceError(
                f"{self.stage}: {came:,} {unit} came in, {kept:,} were kept and "
                f"{sum(dropped.values()):,} dropped: {lost:,} are unaccounted for"
            )
        before = self.entries.get(unit, {"in": 0, "kept": 0, "dropped": {}})
        reasons = Counter(before["dropped"]) + Counter(dropped)
        self.entries[unit] = {
            "in": before["in"] + came,
            "kept": before["kept"] + kept,
            "dropped": dict(sorted(reasons.items())),
        }

    def merge(self, parts: Iterable["Ledger"]) -> None:
        """Add the accounts of several buckets."""
        for part in parts:
            for unit, entry in part.entries.items():
                came, kept, dropped = entry.values()
                self.account(unit, came=came, kept=kept, dropped=dropped)

    def note(self, **figures: Any) -> None:
        """Add figures beside the counts."""
        self.entries |= figures

    def write(self, path: Path) -> None:
        """Write counts and figures as JSON, for `dvc metrics show`."""
        write_text(path, json.dumps(self.entries, indent=2) + "\n")


def by_reason(dropped: "pl.DataFrame") -> dict[str, int]:
    """Count rows by their reason; rows without one were not dropped."""
    counts = dropped["reason"].drop_nulls().value_counts()
    return {reason: int(count) for reason, count in counts.iter_rows()}


def is_account(entry: object) -> bool:
    """Check whether an entry is a unit's counts, not a figure."""
    return isinstance(entry, dict) and entry.keys() == {"in", "kept", "dropped"}


def plain(value: Any) -> Any:
    """Round numbers for JSON; nan and infinity become null."""
    if isinstance(value, Mapping):
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, list):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0 if isfinite(value) else None
    return value
