"""What became of each pair: kept, or dropped by a stage for a reason.   pairs -> fates"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from rather.stages.winnow.winnow import reason_of, rule_named

CHOICE = {
    "not_best": "another pair of the prompt is preferred",
    "length_balance": "more chosen answers were longer than shorter, or the reverse",
}
FINDINGS = {
    "flipped_label": "everyone else says the opposite of the published label",
    "in_a_test_set": "prompt or answers share a stretch of text with a test set",
    "repeated_prompt": "the prompt nearly repeats an earlier one",
}


def with_fates(pairs: pl.DataFrame, winnowed: pl.DataFrame, unchosen: pl.DataFrame) -> pl.DataFrame:
    """Add to pairs the stage and reason that dropped each, null where it was kept, and `failed`.

    winnowed, unchosen: DroppedPairs of winnow and of choose
    failed: every rule that the pair would have failed, none where it was kept
    """
    columns = ["pair_id", "stage", "reason", "failed"]
    dropped = pl.concat(
        [
            winnowed.with_columns(stage=pl.lit("winnow")).select(columns),
            unchosen.with_columns(stage=pl.lit("choose")).select(columns),
        ]
    )
    joined = pairs.join(dropped, on="pair_id", how="left", maintain_order="left")
    none = pl.lit([], dtype=pl.List(pl.String))
    return joined.with_columns(pl.col("failed").fill_null(none))


def kept() -> pl.Expr:
    """Flag the chosen pairs."""
    return pl.col("reason").is_null()


def waterfall(ledgers: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """List what each stage dropped of each unit, in the order of stages, most frequent first."""
    return [
        {"unit": unit, "stage": stage, "reason": reason, "count": count}
        for stage, units in ledgers.items()
        for unit, entry in units.items()
        for reason, count in sorted(entry["dropped"].items(), key=lambda drop: (-drop[1], drop[0]))
    ]


def reasons(counts: Mapping[tuple[str, str], int], rules: Iterable[str]) -> list[dict[str, Any]]:
    """List the reasons by which pairs were dropped, in the order of the rules, and what they ask.

    counts: pairs by stage and reason; those of the stage `audit` are findings, not drops
    """
    known = {("winnow", reason_of(rule)): rule_named(rule).sentence for rule in rules}
    known |= {("choose", reason): sentence for reason, sentence in CHOICE.items()}
    known |= {("audit", name): sentence for name, sentence in FINDINGS.items()}
    return [
        {"reason": reason, "stage": stage, "num_pairs": counts[stage, reason], "what": sentence}
        for (stage, reason), sentence in known.items()
        if counts.get((stage, reason))
    ]


def by_name(counted: pl.DataFrame, most: int) -> list[dict[str, Any]]:
    """Count each name's pairs: all, kept, and dropped by reason; largest names first.

    counted: name, reason (null where kept), num
    """
    sizes = (
        counted.group_by("name")
        .agg(pl.col("num").sum())
        .sort("num", "name", descending=[True, False])
    )
    return [_of_name(name, counted) for name in sizes["name"].head(most)]


def _of_name(name: str | None, counted: pl.DataFrame) -> dict[str, Any]:
    """Count the pairs of one name: kept, and dropped by reason."""
    rows = counted.filter(pl.col("name").eq_missing(pl.lit(name, pl.String)))
    by_reason: Sequence[tuple[str | None, int]] = (
        rows.sort("num", "reason", descending=[True, False]).select("reason", "num").rows()
    )
    num = sum(count for _, count in by_reason)
    stays = sum(count for reason, count in by_reason if reason is None)
    dropped = {reason: count for reason, count in by_reason if reason is not None}
    return {"name": name, "pairs": num, "kept": stays, "share": stays / num, "reasons": dropped}
