"""All that there is to say about agreement, as plain data for JSON.

rather agreement prints it; calibrate and winnow ask it whether agreement may gate.
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
    """Tell how far raters agree on one aspect, and in short on each.

    The aspect is `overall` where there is one, else the one judged most: aspects are never pooled,
    for their different means would pass for agreement. The level is the usual one of the values.
    """
    aspects = _most_judged(tallied, "aspect")
    chosen = aspect or headline(tallied)
    of_aspect = units(tallied, chosen)
    usual, why = usual_level(of_aspect, kind)
    at = level or usual
    told = {name: _alpha(sums(of_aspect, name)) for name in LEVELS}
    return {
        "kind": kind,
        "aspect": chosen,
        **_counts(tallied, chosen, of_aspect),
        "level": at,
        "level_why": "asked for" if level else why,
        "alpha": told,
        "band": band(told[at]["alpha"]),
        **gate(told[at]),
        "beside": _beside(of_aspect),
        "aspects": [
            _part(of_aspect if name == chosen else units(tallied, name), kind, level, aspect=name)
            for name in aspects
        ],
        "sources": _sources(tallied, chosen, kind, level),
        "rater_pairs": _rater_pairs(tallied, chosen),
        **_influences(of_aspect, sums(of_aspect, at)),
    }


def headline(tallied: pl.DataFrame) -> str:
    """Name the aspect that stands for agreement: overall, else the one judged most."""
    aspects = _most_judged(tallied, "aspect")
    return "overall" if "overall" in aspects or not aspects else aspects[0]


def influences(tallied: pl.DataFrame, kind: Kind) -> pl.DataFrame:
    """Tell each rater's influence on each aspect: aspect, rater, num_judgements, influence."""
    parts = [pl.DataFrame(schema={"aspect": pl.String, **OF_RATERS})]
    for aspect in sorted(_most_judged(tallied, "aspect")):
        of_aspect = units(tallied, aspect)
        added = sums(of_aspect, usual_level(of_aspect, kind)[0])
        parts.append(of_raters(of_aspect, added).select(pl.lit(aspect).alias("aspect"), pl.all()))
    return pl.concat(parts)


def band(alpha: float | None) -> str:
    """Name what alpha is good for: reliable, tentative, unreliable, or unknown without one."""
    if alpha is None:
        return "unknown"
    return "reliable" if alpha >= RELIABLE else "tentative" if alpha >= TENTATIVE else "unreliable"


def gate(told: Summary) -> Summary:
    """Tell whether agreement may decide what is kept, and what to do where it may not.

    It may where the lower bounds of alpha are above zero; null where alpha is not defined.
    """
    if told["alpha"] is None:
        advice = f"Agreement is not known: {told['reason']}."
        return {"may_gate": None, "advice": advice}
    bounds = [ends[0] for ends in (told["jackknife"], told["bootstrap"]) if ends]
    if bounds and min(bounds) > 0:
        return {"may_gate": True, "advice": None}
    found = f"lower bound {min(bounds):.3f}" if bounds else "too few items for a bound"
    advice = (
        f"Agreement may not gate: it is not surely above chance ({found}). Sharpen the guidelines, "
        "ask more raters, and look at the worst items."
    )
    return {"may_gate": False, "advice": advice}


def _alpha(added: Sums | str) -> Summary:
    """Tell alpha with both intervals, or the reason why there is none."""
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
    """Give both ends of an interval, if it is known."""
    low, high = interval
    return None if low is None or high is None else [low, high]


def _counts(tallied: pl.DataFrame, aspect: str, of_aspect: Units) -> Summary:
    """Count items, raters and judgements of an aspect, missing ones too."""
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
    """Tell the other coefficients, each null with its reason."""
    beside = (percent_agreement, fleiss_kappa, gwet_ac1, gwet_ac2)
    return {of.__name__: of(of_aspect)._asdict() for of in beside}


def _part(of_part: Units, kind: Kind, level: Level | None, **name: str) -> Summary:
    """Tell in short how far raters agree on a part of the judgements."""
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
    """Tell in short how far raters agree within each source, where there are several."""
    of_aspect = tallied.filter(pl.col("aspect") == aspect)
    names = _most_judged(of_aspect, "source")
    if len(names) < 2:
        return []
    return [_part(units(of_aspect, aspect, name), kind, level, source=name) for name in names]


def _most_judged(tallied: pl.DataFrame, by: str) -> list[str]:
    """Name the aspects or sources with most judgements first, 50 at most."""
    names = (
        tallied.filter(pl.col("value").is_not_null() & pl.col(by).is_not_null())
        .group_by(by)
        .agg(pl.col("num_items").sum())
        .sort("num_items", by, descending=[True, False])
    )
    return names[by].head(MAX_PARTS).to_list()


def _rater_pairs(tallied: pl.DataFrame, aspect: str) -> Summary:
    """Tell how far each two raters agree, and how many pairs are not listed."""
    pairs, num_pairs = rater_pairs(tallied, aspect)
    return {
        "num_pairs": num_pairs,
        "most": MAX_PAIRS,
        "among_raters": MAX_RATERS,
        "pairs": pairs.to_dicts(),
    }


def _influences(of_aspect: Units, added: Sums | str) -> Summary:
    """Tell each rater's influence and the items that harm agreement most."""
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
    """Tell an item's id, what it was given, and how many other items were given the same."""
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
