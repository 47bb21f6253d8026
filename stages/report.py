"""Say on one page how good the pairs are and what became of every row.   tables -> HTML"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

from stages.report_rows import (
    agreement_rows,
    count,
    diversity_rows,
    figure,
    length_rows,
    percent,
    rater_rows,
)

Count = Mapping[str, Any]
Ledgers = Mapping[str, Mapping[str, Count]]

TEMPLATE = Path(__file__).with_name("report.html.jinja")


def report(
    ledgers: Ledgers,
    quality: Mapping[str, Any],
    pairs: pl.DataFrame,
    dropped: pl.DataFrame,
    chosen: pl.DataFrame,
    raters: pl.DataFrame,
    features: pl.DataFrame,
    findings: Mapping[str, Any],
    agreement: Mapping[str, Any],
    *,
    margin_at_least: float | None = None,
    length_unit: str = "tokens",
    notes: Sequence[str] = (),
) -> str:
    """Write the audit as one HTML document that loads nothing and runs nothing.

    ledgers: {stage: {unit: {"in": int, "kept": int, "dropped": {reason: int}}}}, in stage order
    quality: what validate wrote
    pairs:   Pairs before any rule;  dropped: DroppedPairs of every stage;  chosen: Pairs
    raters:  Raters;  features: Features
    findings:  what pipeline/reporting.py measured of lengths, raters, groups of prompts and advice
    agreement: {kind of judgement: what stages/agreement/summary.py tells of it}
    margin_at_least: where the margin rule cuts, null where it does not stand
    length_unit:     what lengths count: tokens, or bytes where there is no tokenizer
    notes:           sentences to announce, such as rules that are not applicable

    Equal input gives equal bytes; any table may be empty.
    """
    from stages import charts

    known = pairs["margin"].count() > 0
    drawings = {
        "margins": charts.margins(pairs["margin"], chosen["margin"], margin_at_least)
        if known
        else None,
        "gaps": charts.gaps(pairs["length_gap"], chosen["length_gap"], length_unit),
        "reasons": charts.reasons(dropped_by_reason(dropped)),
    }
    return str(
        _template().render(
            quality=quality,
            verdict=verdict(quality),
            notes=[*notes, *quality["not_applicable"]],
            figures=figures(quality, pairs, chosen),
            ledger=ledger_rows(ledgers),
            charts=drawings,
            margin_at_least=margin_at_least,
            length_unit=length_unit,
            num_pairs=pairs.height,
            num_dropped=dropped.height,
            advice=sorted(findings["advice"], key=lambda each: each["level"] != "warning"),
            lengths=length_rows(findings["length"]),
            longer_wins=findings["longer_wins"],
            retention=findings["retention"],
            diversity=diversity_rows(findings["diversity"]),
            raters=rater_rows(raters.sort("rater", "kind"), findings["raters"]),
            agreement=agreement_rows(agreement),
            answers=answers(features, length_unit),
            light=charts.LIGHT,
            dark=charts.DARK,
        )
    )


def verdict(quality: Mapping[str, Any]) -> str:
    """Give the verdict in words: may these pairs be trained on, and how far they agree."""
    if not quality["success"]:
        return "The chosen pairs are below their declared quality, and convert refuses them."
    agreement = quality["agreement"]
    ready = f"{count(quality['num_pairs'])} pairs are ready for training."
    if agreement is None:
        return f"{ready} No pair has agreement, so nobody checked whether raters agree."
    aim = "and reaches" if quality["aim_reached"] else "and falls short of"
    return (
        f"{ready} Mean agreement of {figure(agreement)} meets the floor of "
        f"{quality['agreement_floor']:g} {aim} the aim of {quality['agreement_aim']:g}."
    )


def figures(
    quality: Mapping[str, Any], pairs: pl.DataFrame, chosen: pl.DataFrame
) -> list[tuple[str, str, str]]:
    """Give the key figures: name, value, and the figure to read it against."""
    before, after = pairs["prompt_id"].n_unique(), chosen["prompt_id"].n_unique()
    longer = quality["share_longer"]
    return [
        ("Chosen pairs", count(chosen.height), f"of {count(pairs.height)} built"),
        ("Prompts with a pair", count(after), f"of {count(before)} before"),
        (
            "Mean agreement",
            figure(quality["agreement"]),
            f"{figure(quality['agreement_before'])} before",
        ),
        ("Median margin", figure(quality["margin"]["median"]), "standard deviations"),
        (
            "Chosen is longer",
            percent(longer["after"]),
            f"{percent(longer['before'])} before",
        ),
    ]


def ledger_rows(ledgers: Ledgers) -> list[dict[str, Any]]:
    """Give the ledger's rows in stage order, each with its drop reasons, most frequent first."""
    return [
        {
            "stage": stage,
            "unit": unit,
            "in": entry["in"],
            "kept": entry["kept"],
            "dropped": sorted(entry["dropped"].items(), key=lambda drop: (-drop[1], drop[0])),
        }
        for stage, units in ledgers.items()
        for unit, entry in units.items()
    ]


def dropped_by_reason(dropped: pl.DataFrame) -> pl.DataFrame:
    """Count per reason the pairs it owns and all that would have failed it, most owned first."""
    owned = dropped.group_by("reason").agg(owned=pl.len())
    failed = dropped.select(reason="failed").explode("reason").drop_nulls()
    counts = owned.join(
        failed.group_by("reason").agg(failed=pl.len()), on="reason", how="full", coalesce=True
    )
    # A stage with one rule may leave `failed` empty; the reason that owns a pair failed it too.
    return counts.select(
        "reason",
        owned=pl.col("owned").fill_null(0),
        failed=pl.max_horizontal("owned", "failed"),
    ).sort("owned", "failed", "reason", descending=[True, True, False])


def answers(features: pl.DataFrame, length_unit: str) -> list[tuple[str, str]]:
    """Give what measure saw of the distinct responses: name and value."""
    flags = {"blank": "Blank", "unfinished": "Unfinished", "truncated": "Cut at max_length"}
    median = features["num_tokens"].median()
    return [
        ("Distinct responses", count(features.height)),
        ("Median length", f"{figure(median)} {length_unit}"),
        *((name, count(int(features[flag].sum()))) for flag, name in flags.items()),
    ]


def _template() -> Any:
    """Load the page's template; whatever it prints is escaped, and a missing name is an error."""
    import jinja2

    page = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page.filters.update(count=count, figure=figure, percent=percent)
    return page.from_string(TEMPLATE.read_text(encoding="utf-8"))
