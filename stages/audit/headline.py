"""The five figures that a person reads first, each with its interval.   figures -> headline"""

from collections.abc import Mapping
from typing import Any

from rather.stages.agreement.agreement_summary import TENTATIVE
from rather.stages.audit.estimates import NOTHING, Estimate

Figures = Mapping[str, Any]


def headline(
    totals: Figures,
    kept: Estimate,
    p_correct: Estimate,
    longer: tuple[Estimate, Estimate],
    agreement: Figures,
    repeated: Figures,
    leakage: Figures,
) -> list[dict[str, Any]]:
    """Return the five headline figures in their order; `better` names the good direction.

    totals:  counts of pairs and prompts, before and kept
    longer:  share of pairs whose chosen answer is the longer, before any rule and of the kept
    """
    before, after = longer
    return [
        _share(
            "pairs_kept",
            "Pairs kept",
            kept,
            f"{totals['kept']:,} of {totals['pairs']:,} pairs, of {totals['prompts_kept']:,} of "
            f"{totals['prompts']:,} prompts",
            better="higher",
        ),
        _agreement(agreement),
        _share(
            "p_correct",
            "Chosen is truly better",
            p_correct,
            f"mean probability, by raters' reliability, over {p_correct.num:,} chosen pairs",
            better="higher",
            reference=0.5,
        ),
        _share(
            "length_effect",
            "Chosen is the longer answer",
            after,
            f"of {after.num:,} chosen pairs of unequal length; {_percent(before.value)} of "
            f"{before.num:,} before any rule",
            better="half",
            reference=0.5,
        ),
        _repeats(repeated, leakage),
    ]


def of_labels(
    totals: Figures, told: list[dict[str, Any]], longer: Estimate
) -> list[dict[str, Any]]:
    """Return the five headline figures of a source of labels: labelled answers replace kept pairs.

    longer: chance that a desirable answer is longer than an undesirable one
    """
    num, answers = totals["labels"], totals["answers"]
    share = Estimate(num / answers if answers else None, None, None, answers)
    detail = f"{num:,} of {answers:,} answers are desirable or undesirable"
    first = _share("pairs_kept", "Answers labelled", share, detail, better="higher")
    length = _share(
        "length_effect",
        "A desirable answer is longer than an undesirable one",
        longer,
        f"of all couples among {longer.num:,} labelled answers, equally long ones half",
        better="half",
        reference=0.5,
    )
    unknown = _share("p_correct", "Chosen is truly better", NOTHING, "", better="higher")
    return [first, told[1], unknown, length, told[4]]


def _share(
    name: str, label: str, of: Estimate, detail: str, better: str, **more: float
) -> dict[str, Any]:
    """Return a share with its interval as text, or that there is no data."""
    told = {"name": name, "label": label, "value": of.value, "low": of.low, "high": of.high}
    said = detail if of.value is not None else "not known: nothing in the source tells it"
    return {**told, "unit": "share", "better": better, "detail": said, **more}


def _agreement(agreement: Figures) -> dict[str, Any]:
    """Return alpha of the most frequent kind of judgement."""
    told: dict[str, Any] = {
        "name": "agreement",
        "label": "Raters agree",
        "unit": "alpha",
        "better": "higher",
    }
    told |= {"reference": TENTATIVE}
    if not agreement:
        nothing: dict[str, Any] = dict.fromkeys(("value", "low", "high"))
        return {**told, **nothing, "detail": "not known: nothing was judged"}
    most = max(agreement.values(), key=lambda each: each["num_judgements"])
    ends = {"value": most["alpha"], "low": most["low"], "high": most["high"]}
    return {**told, **ends, "detail": _of_raters(most)}


def _of_raters(found: Figures) -> str:
    """Return the judgements that alpha rests on, or why there is none."""
    if found["alpha"] is None:
        return f"not known: {found['reason']}"
    return (
        f"Krippendorff's alpha ({found['level']}) of {found['num_raters']:,} raters on "
        f"{found['num_items']:,} items: {found['band']}"
    )


def _repeats(repeated: Figures, leakage: Figures) -> dict[str, Any]:
    """Count what stands there twice, or in a test set too."""
    leaked = leakage["prompts_on_both_sides"] + leakage["near"]
    tests = "no test set was given" if not leakage["tests"] else f"{leaked:,} leaked prompts"
    return {
        "name": "duplicates_and_leaks",
        "label": "Duplicates and leaks",
        "value": repeated["rows"] + repeated["pairs"] + leaked,
        "low": None,
        "high": None,
        "unit": "count",
        "better": "lower",
        "detail": f"{repeated['rows']:,} repeated rows, {repeated['pairs']:,} pairs of prompts "
        f"that nearly repeat others; {tests}",
    }


def _percent(share: float | None) -> str:
    """Write a share in per cent."""
    return "unknown" if share is None else f"{share:.1%}"
