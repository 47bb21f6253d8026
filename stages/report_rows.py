"""Write what was measured as the rows of the report's tables.   figures -> text

A dash stands for what is not known.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import polars as pl

Figures = Mapping[str, Any]
Row = tuple[str, list[str]]

SIDES = ("before", "after")
KINDS = {"score": "scores", "compare": "comparisons"}
# what a rater has where no two of its judged answers differ in length
NO_LENGTHS = dict.fromkeys(("share_longer", "slope", "slope_low", "slope_high"))


def count(number: int) -> str:
    """Write a count with its thousands apart."""
    return f"{number:,}"


def figure(number: Any) -> str:
    """Write a measured number to three digits or to the unit."""
    if number is None:
        return "–"
    return f"{number:,.0f}" if abs(number) >= 99.95 else f"{number:#.3g}"


def percent(share: float | None) -> str:
    """Write a share in per cent."""
    return "–" if share is None else f"{share:.1%}"


def decimal(number: float | None) -> str:
    """Write a number around zero to three decimals."""
    return "–" if number is None else f"{number:z.3f}"


def length_rows(length: Figures) -> list[Row]:
    """Give a row for each figure on lengths: in tokens before and after, then in characters.

    length: {"before" and "after": what stages/length.py reports of those pairs}
    """
    sides = [length[side][unit] for unit in ("tokens", "characters") for side in SIDES]
    return [(name, [write(side) for side in sides]) for name, write in _OF_LENGTH.items()]


def _split_counts(side: Figures) -> str:
    """Write how many chosen answers are longer, shorter and equally long."""
    return " / ".join(count(side[f"num_{which}"]) for which in ("longer", "shorter", "equal"))


def _slope(found: Figures) -> str:
    """Write a logistic slope with its interval."""
    if found["slope"] is None:
        return "–"
    low, high = decimal(found["slope_low"]), decimal(found["slope_high"])
    return f"{decimal(found['slope'])} ({low} to {high})"


_OF_LENGTH: dict[str, Callable[[Figures], str]] = {
    "Chosen is longer / shorter / equal": _split_counts,
    "Chosen is longer, of unequal (“longer wins”)": lambda side: percent(side["share_longer"]),
    "Mean gap": lambda side: figure(side["mean_gap"]),
    "Median gap": lambda side: figure(side["median_gap"]),
    "Effect size (Cohen's d of log length)": lambda side: decimal(side["effect_size"]),
    "Correlation of gap and margin (Pearson)": lambda side: decimal(side["pearson"]),
    "The same of ranks (Spearman)": lambda side: decimal(side["spearman"]),
    "Logistic slope, 95% interval": _slope,
    "First of two equally long wins": lambda side: percent(side["win_at_equal_length"]),
}


def rater_rows(raters: pl.DataFrame, lengths: Sequence[Figures]) -> list[dict[str, Any]]:
    """Give a row for each rater and kind of judgement: Raters, and what length does to each.

    lengths: rows of stages/length.py's rater_lengths
    """
    of_rater = {(row["rater"], row["kind"]): row for row in lengths}
    return [_rater(row, of_rater.get((row["rater"], row["kind"]))) for row in raters.to_dicts()]


def _rater(row: dict[str, Any], lengths: Figures | None) -> dict[str, Any]:
    """Add to a rater what length does to it, and write what may be unknown."""
    found = lengths or NO_LENGTHS
    on_items = f" ({count(row['num_items'])})" if row["reliability"] is not None else ""
    return row | {
        "kind": KINDS[row["kind"]],
        "reliability": percent(row["reliability"]) + on_items,
        "influence": decimal(row["influence"]),
        "num_unequal": lengths["num_unequal"] if lengths else 0,
        "longer": percent(found["share_longer"]),
        "slope": _slope(found),
        "length_slope": decimal(row["length_slope"]),
        "position_bias": percent(row["position_bias"]),
    }


def agreement_rows(agreement: Figures) -> list[dict[str, Any]]:
    """Give a row for each kind of judgement: alpha, its intervals and what it is good for."""
    return [
        _agreement(kind, told, told["alpha"][told["level"]])
        for kind, told in sorted(agreement.items())
    ]


def _agreement(kind: str, told: Figures, at: Figures) -> dict[str, Any]:
    """Write one kind's agreement at its level of measurement."""
    counts = {name: told[name] for name in ("num_judgements", "num_raters")}
    return counts | {
        "kind": KINDS[kind],
        "aspect": told["aspect"],
        "level": told["level"],
        "alpha": decimal(at["alpha"]),
        "jackknife": _ends(at["jackknife"]),
        "bootstrap": _ends(at["bootstrap"]),
        "band": told["band"],
        "num_items": told["num_items_judged_twice"],
        "advice": told["advice"],
    }


def _ends(interval: Sequence[float] | None) -> str:
    """Write both ends of an interval."""
    return "–" if interval is None else f"{decimal(interval[0])} to {decimal(interval[1])}"


def diversity_rows(diversity: Figures) -> list[Row]:
    """Give a row for each figure on the variety of prompts: before and after."""
    sides = [diversity[side] for side in SIDES]
    return [
        (name, [write(side[key]) for side in sides])
        for name, key, write in (
            ("Prompts", "prompts", count),
            ("Clusters of near-duplicates", "clusters", count),
            ("As various as so many equal clusters", "effective_clusters", figure),
            ("Share of the largest cluster", "largest_share", percent),
            ("Distinct runs of two words (falls with size)", "distinct_2", percent),
        )
    ]
