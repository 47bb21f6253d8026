"""The agreement report: coefficients, intervals and influences, as plain data for JSON.

`rather agreement` prints it. The stages calibrate and winnow read whether agreement may gate.
"""

from typing import Any

import polars as pl

from rather.stages.agreement.alpha import Sums, sums
from rather.stages.agreement.coefficients import fleiss_kappa, gwet_ac1, gwet_ac2, percent_agreement
from rather.stages.agreement.influence import OF_RATERS, of_raters, of_units
from rather.stages.agreement.intervals import MAX_GROUPS, Interval, bootstrap, grouped, jackknife
from rather.stages.agreement.levels import LEVELS, Kind, Level, usual_level
from rather.stages.agreement.rater_pairs import MAX_PAIRS, MAX_RATERS, rater_pairs
from rather.stages.agreement.reliability_data import BESIDE
from rather.stages.agreement.units import Units, units
from rather.stages.common.ids import pair_id

RELIABLE, TENTATIVE = 0.8, 0.667  # Krippendorff 2019, Content Analysis, ch. 12
NUM_WORST = 10
MAX_PARTS = 50  # aspects and sources listed, those with most judgements

Summary = dict[str, Any]


def summarise(
    tallied: pl.DataFrame, kind: Kind, level: Level | None = None, aspect: str | None = None
) -> Summary:
    """Compute the agreement report of one aspect, with a short one for each aspect.

    Args:
        tallied: profiles of judgements, as `reliability_data.tally` returns them.
        kind: score or compare.
        level: level of measurement; None takes the usual one of the values.
        aspect: None takes `overall`, else the one judged most. Aspects are never pooled, as their
            different means would pass for agreement.
    """
    aspects = _most_judged(tallied, "aspect")
    chosen = aspect or headline(tallied)
    of_aspect = units(tallied, chosen)
    usual, why = usual_level(of_aspect, kind)
    used = level or usual
    alphas = {name: _alpha(sums(of_aspect, name)) for name in LEVELS}
    return {
        "kind": kind,
        "aspect": chosen,
        **_counts(tallied, chosen, of_aspect),
        "level": used,
        "level_why": "asked for" if level else why,
        "alpha": alphas,
        "band": band(alphas[used]["alpha"]),
        **gate(alphas[used]),
        "beside": _beside(of_aspect),
        "aspects": [
            _part(of_aspect if name == chosen else units(tallied, name), kind, level, aspect=name)
            for name in aspects
        ],
        "sources": _sources(tallied, chosen, kind, level),
        "rater_pairs": _rater_pairs(tallied, chosen),
        **_influences(of_aspect, sums(of_aspect, used)),
    }


def headline(tallied: pl.DataFrame) -> str:
    """Return the aspect to report: `overall` if present, else the one with most judgements."""
    aspects = _most_judged(tallied, "aspect")
    return "overall" if "overall" in aspects or not aspects else aspects[0]


def influences(tallied: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Compute each rater's influence by aspect: aspect, rater, num_judgements, influence."""
    parts = [pl.DataFrame(schema={"aspect": pl.String, **OF_RATERS})]
    for aspect in sorted(_most_judged(tallied, "aspect")):
        of_aspect = units(tallied, aspect)
        added = sums(of_aspect, usual_level(of_aspect, kind)[0])
        parts.append(of_raters(of_aspect, added).select(pl.lit(aspect).alias("aspect"), pl.all()))
    return pl.concat(parts)


def band(alpha: float | None) -> str:
    """Return alpha's band (Krippendorff 2019): reliable, tentative, unreliable, unknown (None)."""
    if alpha is None:
        return "unknown"
    return "reliable" if alpha >= RELIABLE else "tentative" if alpha >= TENTATIVE else "unreliable"


def gate(figures: Summary) -> Summary:
    """Check whether agreement may gate: both lower bounds of alpha are above zero.

    Returns:
        may_gate: None where alpha is not defined.
        advice: a sentence where agreement may not gate, else None.
    """
    if figures["alpha"] is None:
        advice = f"Agreement is not known: {figures['reason']}."
        return {"may_gate": None, "advice": advice}
    bounds = [ends[0] for ends in (figures["jackknife"], figures["bootstrap"]) if ends]
    if bounds and min(bounds) > 0:
        return {"may_gate": True, "advice": None}
    bound = f"lower bound {min(bounds):.3f}" if bounds else "too few items for a bound"
    advice = (
        f"Agreement may not gate: it is not surely above chance ({bound}). Sharpen the guidelines, "
        "ask more raters, and look at the worst items."
    )
    return {"may_gate": False, "advice": advice}


def _alpha(added: Sums | str) -> Summary:
    """Compute alpha with both intervals, or return the reason why it is not defined."""
    if isinstance(added, str):
        nothing = dict.fromkeys(("alpha", "jackknife", "bootstrap", "bootstrap_of", "note"))
        return {**nothing, "reason": added}
    return {
        "alpha": added.alpha(),
        "jackknife": _ends(jackknife(added)),
        "bootstrap": _ends(bootstrap(added)),
        "bootstrap_of": f"{MAX_GROUPS} groups of items" if grouped(added) else "items",
        "note": added.metric.note,
        "reason": None,
    }


def _ends(interval: Interval) -> list[float] | None:
    """Return both ends of an interval, None if it is not defined."""
    low, high = interval
    return None if low is None or high is None else [low, high]


def _counts(tallied: pl.DataFrame, aspect: str, of_aspect: Units) -> Summary:
    """Count items, raters and judgements of an aspect, including missing judgements."""
    missing = (pl.col("aspect") == aspect) & pl.col("value").is_null()
    return {
        "num_items": int(of_aspect.weights.sum()),
        "num_items_judged_twice": int(of_aspect.weights[of_aspect.pairable].sum()),
        "num_raters": len(of_aspect.raters),
        "num_judgements": int(of_aspect.given.sum()),
        "num_missing": int(tallied.filter(missing)["num_items"].sum()),
        "num_values": len(of_aspect.values),
    }


def _beside(of_aspect: Units) -> Summary:
    """Compute the other coefficients, each a value or the reason why it is null."""
    beside = (percent_agreement, fleiss_kappa, gwet_ac1, gwet_ac2)
    return {of.__name__: of(of_aspect)._asdict() for of in beside}


def _part(of_part: Units, kind: Kind, level: Level | None, **name: str) -> Summary:
    """Compute the short report of one aspect or source."""
    at = level or usual_level(of_part, kind)[0]
    added = sums(of_part, at)
    return {
        **name,
        "num_items": int(of_part.weights.sum()),
        "num_judgements": int(of_part.given.sum()),
        "level": at,
        "alpha": None if isinstance(added, str) else added.alpha(),
        "jackknife": None if isinstance(added, str) else _ends(jackknife(added)),
        "reason": added if isinstance(added, str) else None,
    }


def _sources(tallied: pl.DataFrame, aspect: str, kind: Kind, level: Level | None) -> list[Summary]:
    """Compute the short report of each source; empty for a single source."""
    of_aspect = tallied.filter(pl.col("aspect") == aspect)
    names = _most_judged(of_aspect, "source")
    if len(names) < 2:
        return []
    return [_part(units(of_aspect, aspect, name), kind, level, source=name) for name in names]


def _most_judged(tallied: pl.DataFrame, by: str) -> list[str]:
    """List the 50 aspects or sources with most judgements, in descending order."""
    names = (
        tallied.filter(pl.col("value").is_not_null() & pl.col(by).is_not_null())
        .group_by(by)
        .agg(pl.col("num_items").sum())
        .sort("num_items", by, descending=[True, False])
    )
    return names[by].head(MAX_PARTS).to_list()


def _rater_pairs(tallied: pl.DataFrame, aspect: str) -> Summary:
    """Compute pairwise agreement, with the number of all pairs."""
    pairs, num_pairs = rater_pairs(tallied, aspect)
    return {
        "num_pairs": num_pairs,
        "most": MAX_PAIRS,
        "among_raters": MAX_RATERS,
        "pairs": pairs.to_dicts(),
    }


def _influences(of_aspect: Units, added: Sums | str) -> Summary:
    """Compute each rater's influence and the items that reduce alpha most."""
    raters = of_raters(of_aspect, added).to_dicts()
    if isinstance(added, str):
        return {"raters": raters, "worst_items": []}
    order = ["influence", "item"]
    worst = of_units(added).filter(pl.col("influence") > 0).sort(order, descending=[True, False])
    return {
        "raters": raters,
        "worst_items": [_item(of_aspect, row) for row in worst.head(NUM_WORST).to_dicts()],
    }


def _item(of_aspect: Units, row: Summary) -> Summary:
    """Return an item's id, its values with counts, and the number of items with equal values."""
    held = of_aspect.unit == row["unit"]
    values = of_aspect.values[of_aspect.code[held]].tolist()
    first, _, second = row["item"].partition(BESIDE)
    return {
        **({"pair_id": pair_id(first, second)} if second else {}),
        "responses": [first, second] if second else [first],
        "num_alike": row["num_items"] - 1,
        "given": [list(each) for each in zip(values, of_aspect.count[held].tolist(), strict=True)],
        "disagreement": row["disagreement"],
        "influence": row["influence"],
    }
