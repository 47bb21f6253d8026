"""The figures of an audit, gathered from a run's tables, bucket by bucket."""

from collections import Counter
from functools import partial
from typing import Any

import polars as pl

from rather.auditing import source_summary
from rather.auditing.accounts import BEFORE_REPORT, ledgers
from rather.auditing.per_bucket import UNITS, Shared, survey
from rather.auditing.totals import Whole
from rather.ledger import plain
from rather.run import Run
from rather.stages.audit import headline as lines
from rather.stages.audit import leakage, margins, outcomes, sources_and_generators
from rather.stages.audit import per_rater as voices
from rather.stages.audit.estimates import Estimate
from rather.stages.audit.verdict import verdict
from rather.stages.common.parallel import prefetch
from rather.stages.text import length

MOST_NAMES = 20
EQUALITY = (
    "near",
    "equal_after_truncation",
    "prompt_leak",
    "refusals",
    "refusals_rejected",
    "incomplete",
)

Figures = dict[str, Any]


def audit_figures(run: Run) -> Figures:
    """Measure everything that an audit tells, from the tables up to validate.

    What cannot be told is null; so are `against` and `training`, which are not of these tables.
    """
    options = run.params.audit
    shared = Shared.of(run, options)
    whole = Whole.of(list(prefetch(partial(survey, run, shared), run.buckets)))
    figures = _figures(run, shared, whole)
    figures["verdict"] = verdict(figures, options)
    figures["next"] = [problem["next"] for problem in figures["verdict"]["problems"]]
    told: Figures = plain(figures)
    return told


def _figures(run: Run, shared: Shared, whole: Whole) -> Figures:
    """Combine the figures of all buckets with those of whole tables."""
    raters = length.rater_lengths(whole.counts["gaps"])
    figures: Figures = {
        "source": source_summary.source(run),
        "kind": "labels" if _stand_alone(whole.numbers) else "pairs",
        "totals": _totals(whole),
        **_origins(run, whole, _flips(shared, whole.finds)),
        "margins": _margins(run, whole.pairs),
        "length": _length(run, whole) | {"per_rater": raters.to_dicts()},
        "agreement": source_summary.agreement(run),
        "raters": voices.table(shared.raters, raters, whole.others, whole.counts["confusion"]),
        **_repeats(run, whole),
        "flips": _flips(shared, whole.finds),
        "objectives": {"conflicts": whole.counts["conflicts"].to_dicts()},
        "kto": source_summary.kto(run),
        **source_summary.coverage(run),
        **_leakage(run, shared, whole),
        "against": None,
        "training": None,
    }
    return figures | _headline(run, figures, whole.estimates)


def _stand_alone(numbers: Counter[str]) -> bool:
    """Check whether this is a source of labels: scores, and pairs in under half the prompts."""
    scored = numbers["prompts_scored"]
    return bool(scored) and 2 * numbers["prompts_paired"] < scored


def _totals(whole: Whole) -> Figures:
    """Count pairs and prompts, before any rule and kept; training counts the training split's."""
    pairs = whole.pairs
    return {
        "pairs": pairs.height,
        "kept": int(pairs["kept"].sum()),
        "prompts": whole.numbers["prompts"],
        "prompts_kept": whole.numbers["prompts_kept"],
        "training": int((pairs["kept"] & pairs["train"]).sum()),
    }


def _origins(run: Run, whole: Whole, flipped: Figures | None) -> Figures:
    """Count kept and dropped pairs by stage and reason, by file and by generator."""
    rows = whole.counts["reasons"].rows()
    dropped = {(stage, reason): num for stage, reason, num in rows if reason}
    found = {
        "flipped_label": flipped["flipped"] if flipped else 0,
        "in_a_test_set": whole.numbers["contaminated_pairs"],
        "repeated_prompt": whole.numbers["duplicate_pairs"],
    }
    findings = {("audit", name): num for name, num in found.items()}
    return {
        "waterfall": outcomes.waterfall(ledgers(run, BEFORE_REPORT)),
        "reasons": outcomes.reasons(dropped | findings, run.params.winnow.rules),
        "by_source": outcomes.by_name(whole.counts["by_source"], MOST_NAMES),
        "by_generator": outcomes.by_name(whole.counts["by_generator"], MOST_NAMES),
        "model_wins": sources_and_generators.model_wins(whole.counts["wins"]),
    }


def _margins(run: Run, pairs: pl.DataFrame) -> Figures:
    """Compute the distributions of margins and P(correct), and what other thresholds keep."""
    marks = {"all": pairs["kept"] | True, "chosen": pairs["kept"]}
    return {
        "num": pairs["margin"].count(),
        "unit": "standard deviations",
        "bins": margins.histogram(pairs["margin"], marks),
        "cuts": margins.cuts(run.params.winnow.rules.get("margin")),
        "tie_rate": _ratio(int(pairs["tied"].sum()), pairs.height),
        "keep_rate": margins.keep_rates(pairs["margin"], pairs["passing"]),
        "confidence": margins.histogram(pairs["p_correct"], marks),
    }


def _length(run: Run, whole: Whole) -> Figures:
    """Compute the effect of length on preference, before any rule and after."""
    pairs, numbers = whole.pairs, whole.numbers
    sides = {"before": pairs["preferred"], "after": pairs["kept"]}
    return {
        "target": run.params.choose.length_target,
        "unit": run.figures("measure")["length_unit"],
        **{side: length.length_report(pairs.filter(mark)) for side, mark in sides.items()},
        "share_longer": {side: whole.estimates[f"longer_{side}"]._asdict() for side in sides},
        "bins": margins.histogram(pairs["length_gap"], sides),
        "longer_wins": {
            unit: {
                "num_right": numbers[f"{unit}_right"],
                "num_pairs": numbers[f"{unit}_judged"],
                "share": _ratio(numbers[f"{unit}_right"], numbers[f"{unit}_judged"]),
            }
            for unit in UNITS
        },
    }


def _repeats(run: Run, whole: Whole) -> Figures:
    """Count what is there twice: answers, rows, prompts; and who says now this and now that.

    Rows that load set aside as identical are pairs too. share of duplicates: of the rows that
    repeat others, and of the pairs of prompts that nearly do.
    """
    numbers, num_pairs = whole.numbers, whole.pairs.height
    aside = leakage.repeats(run.read("load/set_aside"), run.tables.height("load/comparisons"))
    identical, rows = numbers["identical"] + aside["identical"], aside["repeated"]
    pairs, num_rows = numbers["duplicate_pairs"], run.figures("load")["rows"]["in"]
    shares = _ratio(rows, num_rows), _ratio(pairs, num_pairs)
    return {
        "equality": {
            "identical": identical,
            "share_identical": _ratio(identical, num_pairs + aside["identical"]),
            **{name: numbers[name] for name in EQUALITY},
        },
        "duplicates": {
            "rows": rows,
            "pairs": pairs,
            "share": sum(share or 0.0 for share in shares),
        },
        "contradicted": {
            "count": numbers["contradicted"],
            "share": _ratio(numbers["contradicted"], num_pairs),
        },
    }


def _flips(shared: Shared, finds: dict[str, pl.DataFrame]) -> Figures | None:
    """Count the published labels that everyone else contradicts; null where there is no label."""
    if "labels" not in finds:
        return None
    known = finds["labels"]["p_label"].drop_nulls()
    flipped = int((known <= 1 - shared.options.flipped_from).sum())
    return {
        "label": shared.label,
        "judged": known.len(),
        "flipped": flipped,
        "share": _ratio(flipped, known.len()),
    }


def _leakage(run: Run, shared: Shared, whole: Whole) -> Figures:
    """Compute the overlap with test sets, and with the data's own held-out side."""
    prompts = run.read("load/prompts", columns=["prompt_id", "cluster", "split"])
    near = leakage.straddling(prompts)
    tests = shared.evaluations["name"].unique(maintain_order=True).to_list()
    same = whole.finds.get("leaks", near.clear())
    found, num_pairs = whole.finds["contamination"], whole.numbers["contaminated_pairs"]
    return {
        "leakage": leakage.leakage(same, near, found, num_pairs, tests),
        "contamination": leakage.spans(found, tests),
    }


def _headline(run: Run, figures: Figures, estimates: dict[str, Estimate]) -> Figures:
    """Return the five headline figures; for a source of labels, labels replace pairs."""
    told = lines.headline(
        figures["totals"],
        estimates["kept"],
        estimates["p_correct"],
        (estimates["longer_before"], estimates["longer_after"]),
        figures["agreement"],
        figures["duplicates"],
        figures["leakage"],
    )
    if figures["kind"] == "pairs":
        return {"headline": told}
    longer = source_summary.label_lengths(run)
    figures["length"]["share_longer"] = dict.fromkeys(("before", "after"), longer._asdict())
    labels = figures["kto"] or {"desirable": 0, "undesirable": 0}
    num, of = labels["desirable"] + labels["undesirable"], run.tables.height("measure/features")
    totals = figures["totals"] | {"training": num, "labels": num, "answers": of}
    return {"totals": totals, "headline": lines.of_labels(totals, told, longer)}


def _ratio(part: int, whole: int) -> float | None:
    """Return part / whole, None if whole is 0."""
    return part / whole if whole else None
