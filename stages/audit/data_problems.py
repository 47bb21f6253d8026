"""What is wrong with the rows: few, unread, confounded by length, repeated, leaked.   -> Problem

Each rule's sentence states its thresholds as they are by default (stages/audit/audit_options.py).
"""

from rather.stages.audit.audit_options import Options
from rather.stages.audit.problems import Figures, Problem, beyond, worst


def few_pairs(figures: Figures, options: Options) -> Problem | None:
    """Fewer than 1,000 training pairs remain; none at all is an error."""
    num, what = figures["totals"]["training"], figures["kind"]
    least, none = options.num_pairs_at_least
    if num >= least:
        return None
    loosen = ", or loosen the rule that drops most pairs (see the waterfall)"
    return Problem(
        "few_pairs",
        "error" if num < none else "warning",
        f"{num:,} training {what} remain; fewer than {least:,} seldom change a model for the "
        "better",
        num,
        None,
        "gather more ratings" + (loosen if what == "pairs" else ""),
    )


def unread(figures: Figures, options: Options) -> Problem | None:
    """More than 5% of the rows could not be read; more than 20% is an error."""
    rows = figures["source"]["num_rows"]
    lost = rows - figures["source"]["num_read"]
    severity = beyond(lost / rows if rows else None, options.unread_at_most)
    if severity is None:
        return None
    return Problem(
        "unread_rows",
        severity,
        f"{lost:,} of {rows:,} rows could not be read",
        lost,
        lost / rows,
        "look in the waterfall for why rows were not read; a mapping (--map) may name the columns",
    )


def unread_judgements(figures: Figures, options: Options) -> Problem | None:
    """More than 5% of the judgements could not be read; more than 20% is an error."""
    met, lost = (figures["source"][name] for name in ("num_judged", "num_judged_unread"))
    severity = beyond(lost / met if met else None, options.unread_at_most)
    if severity is None:
        return None
    return Problem(
        "unread_judgements",
        severity,
        f"{lost:,} of {met:,} judgements lack an answer, or a score that can be read",
        lost,
        lost / met,
        "look in the waterfall for why judgements were not read, and at these rows of the source",
    )


def length(figures: Figures, options: Options) -> Problem | None:
    """The longer answer wins too often, or too seldom: by .1 or .3 before, .05 or .1 after."""
    told, target = figures["length"], figures["length"]["target"]
    before, after = (told["share_longer"][side] for side in ("before", "after"))
    severity = worst(
        beyond(_off(before, target), options.length_before_at_most),
        beyond(_off(after, target), options.length_after_at_most),
    )
    if severity is None:
        return None
    if figures["kind"] == "labels":
        return Problem(
            "length_confounded",
            severity,
            f"a desirable answer is longer than an undesirable one with a chance of "
            f"{before['value']:.2f}: a model may learn length instead of quality",
            before["num"],
            before["value"],
            "gather labels of long undesirable and of short desirable answers",
        )
    longer = before["value"] is None or before["value"] >= target
    num_longer = told["before"]["tokens"]["num_longer"]
    num = num_longer if longer else before["num"] - num_longer
    share, rest = (_side(each["value"], longer) for each in (before, after))
    left = "none remain" if rest is None else f"{rest:.1%} of those that remain"
    of = "none" if share is None else f"{share:.1%}"
    this, other = ("longer", "short") if longer else ("shorter", "long")
    return Problem(
        "length_confounded",
        severity,
        f"the chosen answer is the {this} in {num:,} pairs, {of} of those of unequal length "
        f"({left}): a model may learn length instead of quality",
        num,
        share,
        f"add answers to the same prompts so that {other} ones win too, and keep choose.balance: "
        "optimal, which evens out what can be",
        "length_balance",
    )


def _side(share: float | None, longer: bool) -> float | None:
    """Return the share of the longer answers, or of the shorter."""
    return share if longer or share is None else 1 - share


def _off(share: Figures, target: float) -> float | None:
    """Return the distance of a share from its target, from the nearer end of its interval."""
    if share["low"] is None:
        return None
    return float(max(share["low"] - target, target - share["high"], 0.0))


def identical(figures: Figures, options: Options) -> Problem | None:
    """More than 1% of pairs hold two answers that read the same; more than 20% is an error."""
    count, share = figures["equality"]["identical"], figures["equality"]["share_identical"]
    severity = beyond(share, options.identical_at_most)
    if severity is None:
        return None
    return Problem(
        "identical_answers",
        severity,
        f"{count:,} pairs hold two answers that are, or read, the same",
        count,
        share,
        "find out which step of yours writes one answer twice; identical answers make no pair",
        "distinct",
    )


def duplicates(figures: Figures, options: Options) -> Problem | None:
    """More than 1% of rows and pairs repeat earlier ones; more than 20% is an error."""
    found = figures["duplicates"]
    severity = beyond(found["share"], options.duplicates_at_most)
    count = found["rows"] + found["pairs"]
    if severity is None:
        return None
    again = "drop repeated prompts: --set winnow.deduplicated={} and source.near_duplicates=true"
    once = "find the step of yours that writes a row twice; repeated rows were counted once here"
    return Problem(
        "duplicates",
        severity,
        f"{found['rows']:,} rows say again what another row says, and {found['pairs']:,} pairs "
        "have a prompt that nearly repeats an earlier one",
        count,
        found["share"],
        again if found["pairs"] else once,
        "repeated_prompt",
    )


def leakage(figures: Figures, options: Options) -> Problem | None:
    """Prompts of the training data are in the test set; more than 1% of them is an error."""
    found, prompts = figures["leakage"], figures["totals"]["prompts"]
    count = found["prompts_on_both_sides"] + found["near"]
    severity = beyond(count / prompts if prompts else None, options.leaked_at_most)
    if severity is None:
        return None
    return Problem(
        "test_leakage",
        severity,
        f"{count:,} prompts are in a test set too, or nearly so",
        count,
        count / prompts,
        "leave the prompts of the test set out of training: --set winnow.decontaminated={}",
        "in_a_test_set",
    )


def contamination(figures: Figures, options: Options) -> Problem | None:
    """Pairs share a long stretch of text with a test set; more than 5% of them is an error."""
    count, pairs = figures["leakage"]["contaminated_pairs"], figures["totals"]["pairs"]
    severity = beyond(count / pairs if pairs else None, options.contaminated_at_most)
    if severity is None:
        return None
    return Problem(
        "contamination",
        severity,
        f"{count:,} pairs share a stretch of text with a test set, in prompt or answers",
        count,
        count / pairs,
        "drop the pairs that share text with the test set: --set winnow.decontaminated={}",
        "in_a_test_set",
    )


def uneven(figures: Figures, options: Options) -> Problem | None:
    """A source, category or cluster kept far fewer of its prompts than the others."""
    lost = [
        (coverage["by"], group)
        for coverage in figures["coverage"]
        for group in coverage["groups"]
        if group["flagged"]
    ]
    if not lost:
        return None
    groups = "1 group of prompts was" if len(lost) == 1 else f"{len(lost):,} groups of prompts were"
    by, worst_off = min(lost, key=lambda each: each[1]["rate"])
    return Problem(
        "uneven_retention",
        "warning",
        f"{groups} kept far less often than the others, such as {by} "
        f"{worst_off['group'] or 'not given'}: {worst_off['after']:,} of {worst_off['before']:,}",
        len(lost),
        None,
        "see which rule drops the prompts of these groups, and whether raters differ there",
    )


def kto(figures: Figures, options: Options) -> Problem | None:
    """One kind of label is 4 times as frequent as the other, or 20 times, or alone (an error)."""
    found = figures["kto"]
    if found is None or figures["kind"] != "labels":
        return None
    counts = found["desirable"], found["undesirable"]
    ratio = max(counts) / max(min(counts), 0.5)
    severity = beyond(ratio, options.kto_ratio_at_most) if max(counts) else None
    if severity is None:
        return None
    return Problem(
        "one_sided_labels",
        severity,
        f"{counts[0]:,} answers are desirable and {counts[1]:,} undesirable",
        min(counts),
        min(counts) / sum(counts),
        "gather more of the rarer kind, or set convert.kto's thresholds nearer to the middle",
    )
