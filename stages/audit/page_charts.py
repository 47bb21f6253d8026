"""Choose what the page draws.   audit -> charts by the name of their place"""

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from rather.stages.audit.formatting import visible

Figures = Mapping[str, Any]
MOST_ROWS = 30  # of a chart with a row for each name


def draw(audit: Figures) -> dict[str, Markup]:
    """Draw each chart whose figures the audit has."""
    found = {
        "waterfall": _waterfall(audit),
        **_margins(audit.get("margins") or {}),
        **_length(audit.get("length") or {}),
        **_raters(audit.get("raters") or []),
        **_training(audit.get("training") or {}),
    }
    return {name: chart for name, chart in found.items() if chart}


def _waterfall(audit: Figures) -> Markup | None:
    """Draw pairs by reason in the order of the rules, from those built to those chosen."""
    from rather.stages.audit import charts

    totals = audit.get("totals") or {}
    order = [each["reason"] for each in audit.get("reasons") or []]
    drops = [row for row in audit.get("waterfall") or [] if row["unit"] == "pairs" and row["count"]]
    drops.sort(key=lambda row: order.index(row["reason"]) if row["reason"] in order else -1)
    if not drops or totals.get("pairs") is None:
        return None
    steps = [{"name": visible(row["reason"]), "num": row["count"]} for row in drops]
    return charts.waterfall(
        {"name": "built", "num": totals["pairs"]}, steps, {"name": "kept", "num": totals["kept"]}
    )


def _margins(found: Figures) -> dict[str, Markup]:
    """Draw the margins, and what is kept at other thresholds."""
    from rather.stages.audit import charts

    cuts, unit = found.get("cuts") or [], found.get("unit") or "standard deviations"
    drawn = {}
    if found.get("bins"):
        drawn["margins"] = charts.spread(found["bins"], f"Margin, in {unit}", cuts)
    if found.get("confidence"):
        drawn["confidence"] = charts.spread(found["confidence"], "P(correct)")
    if found.get("keep_rate"):
        drawn["keep_rate"] = charts.keep_rate(found["keep_rate"], cuts, unit)
    return drawn


def _length(found: Figures) -> dict[str, Markup]:
    """Draw the gaps in length, and what length does to each rater."""
    from rather.stages.audit import charts

    drawn = {}
    if found.get("bins"):
        drawn["gaps"] = charts.gaps(found["bins"], found.get("unit") or "tokens")
    slopes = _dots(found.get("per_rater") or [], ("slope", "slope_low", "slope_high"))
    if any(dot["value"] is not None for dot in slopes):
        title = "Slope of preference on length, with its 95% interval"
        drawn["slopes"] = charts.dots(slopes, title, [{"at": 0.0, "label": "length says nothing"}])
    return drawn


def _raters(found: list[Figures]) -> dict[str, Markup]:
    """Draw how far each rater agrees with the others."""
    from rather.stages.audit import charts

    dots = _dots(found, ("alpha", "low", "high"))
    if not any(dot["value"] is not None for dot in dots):
        return {}
    marks = [{"at": 0.667, "label": "tentative .667"}, {"at": 0.0, "label": "chance"}]
    return {"raters": charts.dots(dots, "Krippendorff's alpha with the others", marks)}


def _training(found: Figures) -> dict[str, Markup]:
    """Draw how accuracy went, of each policy whose training tells it."""
    from rather.stages.audit import charts

    told = {
        policy: [point for point in each.get("curve") or [] if point.get("accuracy") is not None]
        for policy, each in found.items()
    }
    return {
        f"training {policy}": charts.curves(points, "accuracy", "Accuracy")
        for policy, points in told.items()
        if len(points) > 1
    }


def _dots(rows: Sequence[Figures], keys: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Return each rater's value and interval; a rater of two kinds of judgement has two names."""
    twice = len({row["rater"] for row in rows}) < len(rows)
    return [
        {
            "name": visible(f"{row['rater']} ({row['kind']})" if twice else row["rater"]),
            **dict(zip(("value", "low", "high"), map(row.get, keys), strict=True)),
        }
        for row in rows[:MOST_ROWS]
    ]
