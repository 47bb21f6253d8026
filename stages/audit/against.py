"""Compare an audit with an earlier one.   two audits, their pairs -> figures"""

from collections.abc import Mapping
from typing import Any

import polars as pl

Audit = Mapping[str, Any]

KEPT, ABSENT = "kept", "absent"
STATE = pl.col("reason").fill_null(KEPT)
WAS, NOW = pl.col("state"), pl.col("state_now")
TURNED = pl.col("chosen_id") != pl.col("chosen_id_now")
COUNTS = {
    "added": WAS == ABSENT,
    "removed": NOW == ABSENT,
    "now_kept": (WAS != KEPT) & (WAS != ABSENT) & (NOW == KEPT),
    "now_dropped": (WAS == KEPT) & (NOW != KEPT) & (NOW != ABSENT),
    "turned": TURNED,
    "changed": (WAS != ABSENT)
    & (NOW != ABSENT)
    & (((WAS == KEPT) != (NOW == KEPT)) | TURNED.fill_null(False)),
}


def against(
    name: str,
    before: Audit,
    after: Audit,
    pairs: tuple[pl.DataFrame, pl.DataFrame] | None = None,
) -> dict[str, Any]:
    """Compare the figures of two audits, and their pairs where both are known.

    name:  of the earlier one
    pairs: of both: pair_id, chosen_id, and reason, null where the pair was kept

    previous: that name;  figures: both values of each, null where one audit lacks it
    problems: names of those that are new, and of those that are gone
    added, removed, changed, now_kept, now_dropped, turned: counts of pairs, where they are known;
              turned: the other answer is now the chosen one; changed: any of those three
    moved:    pairs by what became of them before and now, where that is different
    """
    found = {
        "previous": name,
        "figures": _figures(before, after),
        "problems": _problems(before, after),
        **dict.fromkeys(COUNTS),
        "moved": [],
    }
    return found if pairs is None else found | _pairs(*pairs)


def _figures(before: Audit, after: Audit) -> list[dict[str, Any]]:
    """Return the value of each headline figure in both audits."""
    values = {each["name"]: each["value"] for each in before["headline"]}
    return [
        {
            **{key: each[key] for key in ("name", "label", "unit")},
            "before": values.get(each["name"]),
            "after": each["value"],
        }
        for each in after["headline"]
    ]


def _problems(before: Audit, after: Audit) -> dict[str, list[str]]:
    """Return the problems that are new, and those that are gone."""
    had, has = ([each["name"] for each in side["verdict"]["problems"]] for side in (before, after))
    return {
        "new": [name for name in has if name not in had],
        "gone": [name for name in had if name not in has],
    }


def _pairs(before: pl.DataFrame, after: pl.DataFrame) -> dict[str, Any]:
    """Compare pairs by their ids."""
    was, now = (side.select("pair_id", "chosen_id", state=STATE) for side in (before, after))
    both = was.join(now, on="pair_id", how="full", coalesce=True, suffix="_now")
    both = both.with_columns(pl.col("state", "state_now").fill_null(ABSENT))
    moved = (
        both.filter(WAS != NOW)
        .group_by("state", "state_now")
        .agg(count=pl.len())
        .sort("count", "state", "state_now", descending=[True, False, False])
        .rename({"state": "from", "state_now": "to"})
    )
    counted = both.select(**{name: is_so.sum() for name, is_so in COUNTS.items()})
    return counted.row(0, named=True) | {"moved": moved.to_dicts()}
