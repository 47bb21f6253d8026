"""A summary of agreement in lines for the terminal."""

from collections.abc import Sequence
from textwrap import wrap
from typing import Any

from rather.stages.agreement.levels import LEVELS

JUDGED = {"score": "responses", "compare": "pairs of responses"}
MAX_SHOWN = 20  # raters, and pairs of them
MAX_NAME = 24
WIDTH = 100


def lines(summary: dict[str, Any]) -> list[str]:
    """Write a summary in lines of at most about 100 characters."""
    return [
        *_head(summary),
        *_alphas(summary),
        *_beside(summary["beside"]),
        *_parts("aspect", summary["aspects"]),
        *_parts("source", summary["sources"]),
        *_raters(summary["raters"]),
        *_pairs(summary["rater_pairs"]),
        *_worst(summary["worst_items"]),
    ]


def _head(summary: dict[str, Any]) -> list[str]:
    """Write the counts, the band and the advice."""
    alpha = summary["alpha"][summary["level"]]
    alpha_line = (
        f"alpha {_number(alpha['alpha'])}, {summary['band']}" if alpha["reason"] is None else ""
    )
    return [
        f"{summary['num_judgements']:,} judgements of {summary['num_items']:,} "
        f"{JUDGED[summary['kind']]} by {summary['num_raters']:,} raters, "
        f"{_name(summary['aspect'])}; "
        f"{summary['num_missing']:,} missing; "
        f"{summary['num_items_judged_twice']:,} judged by two or more",
        *(
            [f"{alpha_line} (Krippendorff, {summary['level']}: {summary['level_why']})"]
            if alpha_line
            else []
        ),
        *wrap(summary["advice"] or "", WIDTH),
    ]


def _alphas(summary: dict[str, Any]) -> list[str]:
    """Write alpha at every level, with its intervals."""
    if all(figures["alpha"] is None for figures in summary["alpha"].values()):
        return []
    rows = [
        (
            f"{'*' if level == summary['level'] else ' '} {level}",
            _number(figures["alpha"]),
            _ends(figures["jackknife"]),
            _ends(figures["bootstrap"]),
            figures["reason"] or figures["note"] or "",
        )
        for level in LEVELS
        for figures in [summary["alpha"][level]]
    ]
    drawn = summary["alpha"][summary["level"]]["bootstrap_of"] or "items"
    return [
        "",
        *_table(("  alpha", "", "jackknife 95%", "bootstrap 95%", ""), rows),
        f"  Bootstrap of {drawn}. Both intervals let chance agreement vary; held fixed, as usual",
        "  (Hayes and Krippendorff 2007), they would be too narrow.",
    ]


def _beside(beside: dict[str, Any]) -> list[str]:
    """Write the other coefficients."""
    names = {
        "percent_agreement": "percent agreement",
        "fleiss_kappa": "Fleiss' kappa",
        "gwet_ac1": "Gwet's AC1",
        "gwet_ac2": "Gwet's AC2",
    }
    rows = [
        (f"  {name}", _number(beside[of]["value"]), beside[of]["reason"] or "")
        for of, name in names.items()
    ]
    return ["", *_table(("  beside", "", ""), rows)]


def _parts(of: str, parts: list[dict[str, Any]]) -> list[str]:
    """Write alpha of each aspect or source, if there are several."""
    if len(parts) < 2:
        return []
    rows = [
        (
            f"  {_name(part[of])}",
            _number(part["alpha"]),
            _ends(part["jackknife"]),
            part["level"],
            f"{part['num_judgements']:,}",
            part["reason"] or "",
        )
        for part in parts
    ]
    return ["", *_table((f"  {of}", "alpha", "jackknife 95%", "level", "judgements", ""), rows)]


def _raters(raters: list[dict[str, Any]]) -> list[str]:
    """Write each rater's influence, the lowest first."""
    if not raters:
        return []
    known = sorted(raters, key=lambda row: (row["influence"] is None, row["influence"] or 0.0))
    rows = [
        (f"  {_name(row['rater'])}", _number(row["influence"], "+"), f"{row['num_judgements']:,}")
        for row in known[:MAX_SHOWN]
    ]
    head = ("  rater", "alpha with minus without", "judgements")
    return ["", *_table(head, rows), *_more(len(raters), len(rows), "raters, those who harm most")]


def _pairs(figures: dict[str, Any]) -> list[str]:
    """Write pairwise agreement."""
    if not figures["pairs"]:
        return []
    rows = [
        (
            f"  {_name(pair['first'])}",
            _name(pair["second"]),
            f"{pair['num_items']:,}",
            _number(pair["percent_agreement"]),
            _number(pair["kappa"]),
            _number(pair["weighted_kappa"]),
        )
        for pair in figures["pairs"][:MAX_SHOWN]
    ]
    head = ("  raters", "", "shared items", "agreement", "Cohen's kappa", "quadratic")
    return [
        "",
        *_table(head, rows),
        *_more(figures["num_pairs"], len(rows), "pairs of raters, those who share most"),
    ]


def _worst(items: list[dict[str, Any]]) -> list[str]:
    """Write the items that reduce alpha most."""
    rows = [
        (
            f"  {_name(item.get('pair_id', item['responses'][0]))}",
            _number(item["influence"], "+"),
            ", ".join(f"{_name(value)} x{count}" for value, count in item["given"][:8]),
            f"and {item['num_alike']:,} just like it" if item["num_alike"] else "",
        )
        for item in items
    ]
    return ["", *_table(("  worst items", "alpha without", "given", ""), rows)] if rows else []


def _more(total: int, shown: int, what: str) -> list[str]:
    """Write the number of rows that are not shown."""
    return [f"  {shown} of {total:,} {what}; more with --json"] if total > shown else []


def _number(value: float | None, sign: str = "") -> str:
    """Write a number with four decimals, None as a dash."""
    return "-" if value is None else f"{value:{sign}.4f}"


def _name(value: float | str) -> str:
    """Write a name or a value on one line, truncated if long."""
    text = f"{value:g}" if isinstance(value, float) else value
    shown = "".join(sign if sign.isprintable() else "?" for sign in text[: MAX_NAME + 1])
    return shown if len(shown) <= MAX_NAME else f"{shown[: MAX_NAME - 3]}..."


def _ends(interval: list[float] | None) -> str:
    """Write an interval."""
    return "-" if interval is None else f"{interval[0]:.4f} to {interval[1]:.4f}"


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> list[str]:
    """Align columns."""
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    return [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in (head, *rows)
    ]
