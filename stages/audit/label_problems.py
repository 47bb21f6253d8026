"""What is doubtful about the judgements: agreement, sureness, labels, raters.   -> Problem

Each rule's sentence states its thresholds as they are by default (stages/audit/audit_options.py).
"""

from math import atanh
from statistics import NormalDist

from rather.stages.audit.audit_options import Options
from rather.stages.audit.problems import Figures, Problem, Severity, below, beyond

CHANCE = 0.5
SHOWN = 5  # names in a sentence


def agreement(figures: Figures, options: Options) -> Problem | None:
    """Alpha is below .667, its lower bound not above zero (an error), or nobody can tell it."""
    told, (enough, chance) = figures["headline"][1], options.alpha_at_least
    alpha, low = told["value"], told["low"]
    if alpha is None:
        return Problem(
            "agreement_unknown",
            "warning",
            f"whether raters agree is {told['detail']}",
            None,
            None,
            "have a second person judge some hundred of the rows, and audit both together",
        )
    if low is not None and low <= chance:
        severity: Severity = "error"
        told_so = f"the lower bound of Krippendorff's alpha is {low:.3f}, no more than chance"
    elif alpha < enough:
        told_so, severity = f"Krippendorff's alpha is {alpha:.3f}, below {enough:g}", "warning"
    else:
        return None
    mend = "sharpen the guidelines, and leave out the raters who harm agreement"
    return Problem("low_agreement", severity, told_so, None, None, mend, "agreement")


def unsure(figures: Figures, options: Options) -> Problem | None:
    """The chosen answers are truly better with a mean probability below .8, or .65 (an error)."""
    value = figures["headline"][2]["value"]
    if value is None or (severity := below(value, options.p_correct_at_least)) is None:
        return None
    return Problem(
        "unsure_labels",
        severity,
        f"the chosen answer is truly better with a mean probability of {value:.2f}",
        None,
        value,
        "keep the surer pairs, --set winnow.confident.at_least=0.8, or ask more raters",
        "kept",
    )


def flipped(figures: Figures, options: Options) -> Problem | None:
    """More than 2% of the labels are contradicted by everyone else; more than 8% is an error."""
    found = figures["flips"]
    if found is None or (severity := beyond(found["share"], options.flipped_at_most)) is None:
        return None
    return Problem(
        "flipped_labels",
        severity,
        f"{found['flipped']:,} of {found['judged']:,} labels by {found['label']} are the opposite "
        f"of what everyone else says, with a probability of {options.flipped_from:g} or more",
        found["flipped"],
        found["share"],
        "look at the flipped labels for swapped columns; train on what the raters say instead",
        "flipped_label",
    )


def contradicted(figures: Figures, options: Options) -> Problem | None:
    """More than 2% of pairs were judged both ways by one and the same rater; 8% is an error."""
    found = figures["contradicted"]
    severity = beyond(found["share"], options.flipped_at_most)
    if severity is None:
        return None
    return Problem(
        "contradictions",
        severity,
        f"{found['count']:,} pairs were judged both ways by the same rater",
        found["count"],
        found["share"],
        "ask the raters why they judged pairs both ways; the rule consistent drops those pairs",
        "consistent",
    )


def adversaries(figures: Figures, options: Options) -> Problem | None:
    """Raters side with the others less often than a coin would, surely so; an error from 5% on."""
    raters = figures["raters"]
    against = [rater for rater in raters if _is_adversary(rater, len(raters), options)]
    judged, whole = (sum(each["num_judgements"] for each in who) for who in (against, raters))
    severity = beyond(judged / whole, options.adversaries_at_most) if whole else None
    if severity is None:
        return None
    names = list(dict.fromkeys(str(rater["rater"]) for rater in against))
    more = f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
    who = ", ".join(names[:SHOWN]) + more
    say = f"the rater {who} says" if len(names) == 1 else f"the raters {who} say"
    return Problem(
        "adversarial_rater",
        severity,
        f"{say} more often than not the opposite of what the others say, in {judged:,} judgements",
        len(names),
        judged / whole,
        f"ask whether {who} read the scale upside down; leave out such a rater, or reverse it",
    )


def _is_adversary(rater: Figures, num_raters: int, options: Options) -> bool:
    """Check whether a rater agrees with the others less than chance, interval included.

    Of many raters some seem so by chance; the interval is widened for as many (Bonferroni).
    """
    reach = NormalDist().inv_cdf(1 - 0.025 / num_raters)
    others = rater["with_others"]
    if others["num"]:
        if others["num"] < options.rater_pairs_at_least or others["high"] is None:
            return False
        wider = reach / NormalDist().inv_cdf(0.975)
        return bool(others["value"] + (others["high"] - others["value"]) * wider < CHANCE)
    correlation, cells = rater["correlation"], rater["confusion"]
    num = sum(map(sum, cells["counts"])) if cells else 0
    if correlation is None or num < options.rater_pairs_at_least:
        return False
    # Fisher's z, whose standard error is known
    return bool(atanh(max(correlation, -0.999999)) + reach / (num - 3) ** 0.5 < 0)
