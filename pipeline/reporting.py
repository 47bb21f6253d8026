"""The stage that writes the page a data team opens, and the figures on it."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from math import isfinite
from typing import Any

import polars as pl

from pipeline.calibration import judged_comparisons, judged_ratings
from pipeline.files import write_text
from pipeline.ledger import is_account
from pipeline.run import Run
from stages import advice, choose, clusters, length
from stages.validate import preferred

BEFORE_REPORT = ("load", "measure", "calibrate", "pair", "winnow", "choose")
PAIR_COLUMNS = (
    "pair_id",
    "prompt_id",
    "split",
    "margin",
    "agreement",
    "chosen_tokens",
    "rejected_tokens",
    "chosen_chars",
    "rejected_chars",
    "length_gap",
)
FEATURE_COLUMNS = ("num_tokens", "blank", "unfinished", "truncated")
LENGTHS = ("response_id", "num_tokens", "num_chars")
UNITS = {"tokens": "num_tokens", "characters": "num_chars"}
MOST_GROUPS = 20  # of prompts, listed
DECIMALS = 6


def run_report(run: Run) -> None:
    """Write the figures on lengths, raters and prompts, and the page a data team opens."""
    from stages.report import report

    pairs, chosen = (
        run.read(table, columns=PAIR_COLUMNS) for table in ("pair/pairs", "choose/chosen")
    )
    findings = plain(measure(run, pairs, chosen))
    write_text(run.data / "metrics" / "report.json", json.dumps(findings, indent=2) + "\n")
    page = report(
        ledgers=ledgers(run, BEFORE_REPORT),
        quality=json.loads((run.data / "validate" / "quality.json").read_text()),
        pairs=pairs,
        dropped=pl.concat(
            run.read(f"{stage}/dropped", columns=["reason", "failed"])
            for stage in ("winnow", "choose")
        ),
        chosen=chosen,
        raters=run.read("calibrate/raters"),
        features=run.read("measure/features", columns=FEATURE_COLUMNS),
        findings=findings,
        agreement=json.loads((run.data / "calibrate" / "agreement.json").read_text()),
        margin_at_least=run.params.winnow.rules.get("margin", {}).get("at_least"),
        length_unit=run.figures("measure")["length_unit"],
        notes=_notes(run),
    )
    write_text(run.data / "report" / "index.html", page)


def ledgers(run: Run, stages: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read the accounts of stages that have run, the figures beside them left out."""
    found = {stage: run.figures(stage) for stage in stages}
    return {
        stage: {unit: entry for unit, entry in entries.items() if is_account(entry)}
        for stage, entries in found.items()
    }


def _notes(run: Run) -> list[str]:
    """Say which rules did not judge, and what calibration could not do as asked."""
    winnowed = run.figures("winnow")
    idle = [
        f"The rule {name} does not apply: no pair has its evidence."
        for name in winnowed["not_applicable"]
    ]
    return [*idle, *winnowed["refused"].values(), *run.figures("calibrate")["notes"]]


def measure(run: Run, pairs: pl.DataFrame, chosen: pl.DataFrame) -> dict[str, Any]:
    """Measure what stands beside the choice; what cannot be told is null.

    advice:      sentences, warnings and notes
    length:      of all pairs that are no tie, and of the chosen, in tokens and in characters
    longer_wins: compared pairs of unequal length, and those whose longer answer most raters prefer
    raters:      how often each prefers the longer answer, and the slope
    retention:   of each source, category and cluster large enough to tell, the prompts still there
    diversity:   of all prompts, and of those that have a chosen pair
    """
    grouping = ["prompt_id", "cluster", "source", "category"]
    prompts, kept = run.read("load/prompts", columns=grouping), chosen["prompt_id"].unique()
    groups = {by: _retention(prompts, kept, by) for by in grouping[1:]}
    warned = [each for by, rows in groups.items() for each in advice.of_retention(rows, by)]
    return {
        "advice": [each._asdict() for each in (*advise(run, chosen), *warned)],
        "length": {
            "before": length.length_report(pairs.filter(preferred())),
            "after": length.length_report(chosen),
        },
        **_judged(run),
        "retention": [_listed(rows, by) for by, rows in groups.items() if rows.height],
        "diversity": _diversity(run, prompts, kept),
    }


def advise(run: Run, chosen: pl.DataFrame) -> list[advice.Advice]:
    """Say whether the training pairs are enough, and as balanced as was declared."""
    options, pairs = run.params.choose, chosen.filter(pl.col("split") == "train")
    found = [advice.of_size(pairs.height)]
    if options.balance != "none":
        unequal = pairs.filter(pl.col("length_gap") != 0).height
        odd_pair = choose.ODD / max(unequal, 1)
        share, allowed = length.share_longer(pairs), options.tolerance + odd_pair
        found.append(advice.of_length(share, options.length_target, allowed))
    return [each for each in found if each is not None]


def _judged(run: Run) -> dict[str, Any]:
    """Measure what length does to those who judged, bucket by bucket."""
    gaps, won = [], Counter[tuple[str, str]]()
    for bucket in run.buckets:
        comparisons = judged_comparisons(run, bucket)
        features = run.read("measure/features", bucket, LENGTHS)
        gaps.append(length.judged_gaps(judged_ratings(run, bucket), comparisons, features))
        for unit, column in UNITS.items():
            right, num_pairs = length.longer_wins(comparisons, features, column)
            won.update({(unit, "num_right"): right, (unit, "num_pairs"): num_pairs})
    wins = {unit: (won[unit, "num_right"], won[unit, "num_pairs"]) for unit in UNITS}
    return {
        "longer_wins": {
            unit: {"num_right": right, "num_pairs": num, "share": right / num if num else None}
            for unit, (right, num) in wins.items()
        },
        "raters": length.rater_lengths(pl.concat(gaps)).to_dicts(),
    }


def _retention(prompts: pl.DataFrame, kept: pl.Series, by: str) -> pl.DataFrame:
    """Give the groups of prompts before and after: flagged ones first, then the largest."""
    groups = advice.retention(prompts, kept, by)
    if by == "cluster":
        groups = groups.filter(pl.col("before") >= advice.NUM_AT_LEAST)
    if groups["group"].null_count() == groups.height:
        return groups.clear()
    return groups.sort("flagged", "before", "group", descending=[True, True, False])


def _listed(groups: pl.DataFrame, by: str) -> dict[str, Any]:
    """List the first groups, and say how many there are."""
    listed = groups.head(MOST_GROUPS).to_dicts()
    return {"by": by, "num_groups": groups.height, "groups": listed}


def _diversity(run: Run, prompts: pl.DataFrame, kept: pl.Series) -> dict[str, Any]:
    """Describe the variety of prompts before and after, by clusters and by words."""
    texts = run.read("load/prompts", columns=["prompt_id", "cluster", "messages"])
    sides = {"before": texts, "after": texts.filter(pl.col("prompt_id").is_in(kept.implode()))}
    found = advice.diversity(prompts, kept)
    for side, rows in sides.items():
        known = clusters.distinct_2(rows) if rows.height else None
        found[side]["distinct_2"] = known
    return found


def plain(value: Any) -> Any:
    """Round numbers for JSON; one that is not finite is null."""
    if isinstance(value, Mapping):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list):
        return [plain(each) for each in value]
    if isinstance(value, float):
        return round(value, DECIMALS) + 0.0 if isfinite(value) else None
    return value
