"""Say on one page how good the pairs are and what became of every row.   tables -> HTML"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import polars as pl

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
    margin_at_least: where the margin rule cuts, null where it does not stand
    length_unit:     what lengths count: tokens, or bytes where there is no tokenizer
    notes:           sentences to announce, such as rules that are not applicable

    Equal input gives equal bytes; any table may be empty.
    """
    from stages import charts

    drawings = {
        "margins": charts.margins(pairs["margin"], chosen["margin"], margin_at_least),
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
            raters=raters.sort("rater").to_dicts(),
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
    ready = f"{_count(quality['num_pairs'])} pairs are ready for training."
    if agreement is None:
        return f"{ready} No pair has agreement, so nobody checked whether raters agree."
    aim = "and reaches" if quality["aim_reached"] else "and falls short of"
    return (
        f"{ready} Mean agreement of {_figure(agreement)} meets the floor of "
        f"{quality['agreement_floor']:g} {aim} the aim of {quality['agreement_aim']:g}."
    )


def figures(
    quality: Mapping[str, Any], pairs: pl.DataFrame, chosen: pl.DataFrame
) -> list[tuple[str, str, str]]:
    """Give the key figures: name, value, and the figure to read it against."""
    before, after = pairs["prompt_id"].n_unique(), chosen["prompt_id"].n_unique()
    longer = quality["share_longer"]
    return [
        ("Chosen pairs", _count(chosen.height), f"of {_count(pairs.height)} built"),
        ("Prompts with a pair", _count(after), f"of {_count(before)} before"),
        (
            "Mean agreement",
            _figure(quality["agreement"]),
            f"{_figure(quality['agreement_before'])} before",
        ),
        ("Median margin", _figure(quality["margin"]["median"]), "standard deviations"),
        (
            "Chosen is longer",
            _percent(longer["after"]),
            f"{_percent(longer['before'])} before",
        ),
    ]


def ledger_rows(ledgers: Ledgers) -> list[dict[str, Any]]:
    """Give the ledger's rows in stage order, each with its drop reasons, most frequent first."""
    return [
        {
            "stage": stage,
            "unit": unit,
            "in": count["in"],
            "kept": count["kept"],
            "dropped": sorted(count["dropped"].items(), key=lambda drop: (-drop[1], drop[0])),
        }
        for stage, units in ledgers.items()
        for unit, count in units.items()
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
        ("Distinct responses", _count(features.height)),
        ("Median length", f"{_figure(median)} {length_unit}"),
        *((name, _count(int(features[flag].sum()))) for flag, name in flags.items()),
    ]


def _template() -> Any:
    """Load the page's template; whatever it prints is escaped, and a missing name is an error."""
    import jinja2

    page = jinja2.Environment(
        autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    page.filters.update(count=_count, figure=_figure, percent=_percent)
    return page.from_string(TEMPLATE.read_text(encoding="utf-8"))


def _count(number: int) -> str:
    """Write a count with its thousands apart."""
    return f"{number:,}"


def _figure(number: Any) -> str:
    """Write a measured number to three digits or to the unit, a dash where there is none."""
    if number is None:
        return "–"
    return f"{number:,.0f}" if abs(number) >= 99.95 else f"{number:#.3g}"


def _percent(share: float | None) -> str:
    """Write a share in per cent, a dash where there is none."""
    return "–" if share is None else f"{share:.1%}"
