"""May we train on this, what is wrong with it, and what to do next?   figures -> verdict

Each rule looks at the figures and names at most one problem. One error, and the answer is no.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from stages.audit import doubts, faults
from stages.audit.options import Options
from stages.audit.problems import Figures, Problem

Rule = Callable[[Figures, Options], Problem | None]
RULES: dict[str, Rule] = {
    "few_pairs": faults.few_pairs,
    "unread_rows": faults.unread,
    "unread_judgements": faults.unread_judgements,
    "flipped_labels": doubts.flipped,
    "adversarial_rater": doubts.adversaries,
    "low_agreement": doubts.agreement,
    "unsure_labels": doubts.unsure,
    "contradictions": doubts.contradicted,
    "length_confounded": faults.length,
    "identical_answers": faults.identical,
    "duplicates": faults.duplicates,
    "test_leakage": faults.leakage,
    "contamination": faults.contamination,
    "uneven_retention": faults.uneven,
    "one_sided_labels": faults.kto,
}


def verdict(figures: Figures, options: Options) -> dict[str, Any]:
    """Answer yes, with_care or no, in a sentence, with the problems, errors first."""
    found = [rule(figures, options) for rule in RULES.values()]
    problems = sorted((p for p in found if p), key=lambda problem: problem.severity != "error")
    errors = sum(problem.severity == "error" for problem in problems)
    answer = "no" if errors else "with_care" if problems else "yes"
    return {
        "answer": answer,
        "sentence": _sentence(answer, figures, len(problems), errors),
        "problems": [asdict(problem) for problem in problems],
    }


def _sentence(answer: str, figures: Figures, num: int, errors: int) -> str:
    """Put the answer in words."""
    pairs = f"{figures['totals']['training']:,} training {figures['kind']}"
    if answer == "yes":
        return f"Yes: nothing speaks against training on the {pairs} that remain."
    if answer == "no":
        what = "one thing is" if errors == 1 else f"{errors} things are"
        return f"No, not as it is: {what} wrong with this data."
    what = "one thing asks" if num == 1 else f"{num} things ask"
    return f"With care: {pairs} remain, and {what} for a look first."
