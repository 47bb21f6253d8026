"""What a run's tables tell an audit as a whole: its source, agreement, coverage and labels."""

import json
from typing import Any

import polars as pl

from rather.run import Run
from rather.runners.shared.label_balance import labeller
from rather.stages.audit import advice
from rather.stages.audit.estimates import Estimate, chance_greater
from rather.stages.common.parallel import prefetch
from rather.tables.buckets import Bucket

MOST_GROUPS = 20
AGREEMENT = ("aspect", "level", "band", "advice", "num_raters", "num_judgements", "may_gate")
# Reasons that say of a judgement that it was read, and is there already, or has no two sides.
SAID_AGAIN = ("repeated_rating", "repeated_comparison", "identical_answers")
NOT_PARSED = ("unparsable_score", "unparsable_preference", "outside_scale")
BY = ("source", "category", "cluster")

Figures = dict[str, Any]


def source(run: Run) -> Figures:
    """Return the source's format, files and counts."""
    loaded, measured = run.figures("load"), run.figures("measure")
    rows = loaded["rows"]
    tables = ("prompts", "responses", "ratings", "comparisons")
    return {
        "name": run.params.source.path.rstrip("/").rsplit("/", 1)[-1],
        "format": loaded["format"],
        "num_rows": rows["in"],
        "num_read": rows["kept"],
        **_judgements(loaded, run.figures("calibrate")),
        **{f"num_{name}": run.tables.height(f"load/{name}") for name in tables},
        "num_generated": run.num_responses - run.tables.height("load/responses"),
        "splits": loaded["prompts"],
        "length_unit": measured["length_unit"],
        "notes": _notes(run),
    }


def _judgements(loaded: Figures, calibrated: Figures) -> Figures:
    """Count the judgements that were met, and those of them that could not be read."""
    met = [loaded[unit] for unit in ("ratings", "comparisons")]
    parsed = [calibrated[unit]["dropped"] for unit in ("ratings", "comparisons")]
    unread = [
        *(num for entry in met for why, num in entry["dropped"].items() if why not in SAID_AGAIN),
        *(num for dropped in parsed for why, num in dropped.items() if why in NOT_PARSED),
    ]
    return {"num_judged": sum(entry["in"] for entry in met), "num_judged_unread": sum(unread)}


def _notes(run: Run) -> list[str]:
    """Return the rules that were not applied, and calibration's notes."""
    winnowed = run.figures("winnow")
    idle = [
        f"The rule {name} does not apply: no pair has its evidence."
        for name in winnowed["not_applicable"]
    ]
    return [*idle, *winnowed["refused"].values(), *run.figures("calibrate")["notes"]]


def agreement(run: Run) -> Figures:
    """Return alpha of each kind of judgement, with the wider ends of its two intervals."""
    told = json.loads((run.data / "calibrate" / "agreement.json").read_text())
    return {kind: _alpha(found) for kind, found in sorted(told.items())}


def _alpha(found: Figures) -> Figures:
    at = found["alpha"][found["level"]]
    ends = [at[name] for name in ("jackknife", "bootstrap") if at[name]]
    return {
        "alpha": at["alpha"],
        "low": min((low for low, _ in ends), default=None),
        "high": max((high for _, high in ends), default=None),
        "reason": at["reason"],
        "num_items": found["num_items_judged_twice"],
        **{name: found[name] for name in AGREEMENT},
    }


def kto(run: Run) -> Figures | None:
    """Return the counts of KTO labels from validate."""
    quality = json.loads((run.data / "validate" / "quality.json").read_text())
    labels: Figures | None = quality.get("labels")
    if not labels or not labels["desirable"] + labels["undesirable"]:
        return None
    return {
        **labels,
        "ratio": labels["desirable"] / labels["undesirable"] if labels["undesirable"] else None,
    }


def label_lengths(run: Run) -> Estimate:
    """Compute the probability that a desirable answer is longer than an undesirable one."""
    labels = labeller(run)

    def counted(bucket: Bucket) -> pl.DataFrame:
        lengths = run.read("measure/features", bucket, ["response_id", "num_tokens"])
        rows = labels(bucket).drop_nulls("label").join(lengths, on="response_id")
        sides = {"first": pl.col("label").sum(), "second": (~pl.col("label")).sum()}
        return rows.group_by(value="num_tokens").agg(**sides)

    return chance_greater(pl.concat(prefetch(counted, run.buckets)))


def coverage(run: Run) -> Figures:
    """Compute what remains of each source, category and cluster, and the diversity of prompts."""
    prompts = run.read("load/prompts", columns=["prompt_id", *BY])
    kept = run.read("choose/chosen", columns=["prompt_id"])["prompt_id"].unique()
    groups = {by: _retention(prompts, kept, by) for by in BY}
    return {
        "coverage": [_listed(rows, by) for by, rows in groups.items() if rows.height],
        "diversity": advice.diversity(prompts, kept),
    }


def _retention(prompts: pl.DataFrame, kept: pl.Series, by: str) -> pl.DataFrame:
    """Return the groups of prompts before and after: flagged ones first, then the largest."""
    groups = advice.retention(prompts, kept, by)
    if by == "cluster":
        groups = groups.filter(pl.col("before") >= advice.NUM_AT_LEAST)
    if groups["group"].null_count() == groups.height:
        return groups.clear()
    return groups.sort("flagged", "before", "group", descending=[True, True, False])


def _listed(groups: pl.DataFrame, by: str) -> Figures:
    """List the first groups, and say how many there are."""
    return {"by": by, "num_groups": groups.height, "groups": groups.head(MOST_GROUPS).to_dicts()}
