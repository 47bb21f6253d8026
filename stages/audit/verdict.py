"""May we train on this, what is wrong with it, and what to do next?   figures -> verdict

Each rule looks at the figures and names at most one problem. One error, and the answer is no.
"""

from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from rather.stages.audit import data_problems, label_problems
from rather.stages.audit.audit_options import Options
from rather.stages.audit.problems import Figures, Problem
from rather.stages.common.spelling import counted

Rule = Callable[[Figures, Options], Problem | None]
RULES: dict[str, Rule] = {
    "few_pairs": data_problems.few_pairs,
    "unread_rows": data_problems.unread,
    "unread_judgements": data_problems.unread_judgements,
    "flipped_labels": label_problems.flipped,
    "adversarial_rater": label_problems.adversaries,
    "low_agreement": label_problems.agreement,
    "unsure_labels": label_problems.unsure,
    "contradictions": label_problems.contradicted,
    "length_confounded": data_problems.length,
    "identical_answers": data_problems.identical,
    "duplicates": data_problems.duplicates,
    "test_leakage": data_problems.leakage,
    "contamination": data_problems.contamination,
    "uneven_retention": data_problems.uneven,
    "one_sided_labels": data_problems.kto,
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
    """Return the verdict as a sentence."""
    remaining = counted(figures["totals"]["training"], f"training {figures['kind'][:-1]}")
    if answer == "yes":
        return f"Yes: no problems found; {remaining} left."
    if answer == "no":
        return f"No, not as it is: {counted(errors, 'problem')} to fix first."
    return f"With care: {remaining} left; review {counted(num, 'warning')} first."
