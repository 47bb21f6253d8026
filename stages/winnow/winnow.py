"""Keep the pairs whose preference is clear.   pairs -> clear, dropped"""

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

import polars as pl

from rather.stages.winnow import rules as of

Rules = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Rule:
    """A quality that a pair must have.

    require:  options in, expression out, true keeps
    evidence: the column it judges by: where that is null in every pair, the rule does not apply;
              None where null means that nothing was found
    silent:   a value of the evidence that tells no more than null does
    """

    require: Callable[..., pl.Expr]
    evidence: str | None
    silent: float | None = None


RULES = {
    "complete": Rule(of.complete, "complete"),
    "distinct": Rule(of.distinct, "distinct"),
    "margin": Rule(of.margin, "margin"),
    "good_enough": Rule(of.good_enough, "chosen_rating"),
    "agreement": Rule(of.agreement, "agreement"),
    "num_raters": Rule(of.num_raters, "num_raters"),
    "confident": Rule(of.confident, "p_correct", silent=of.EVEN),
    "consistent": Rule(of.consistent, "contradicted"),
    "objectives_agree": Rule(of.objectives_agree, "objectives_for"),
    "sane_length": Rule(of.sane_length, "length_gap"),
    "same_script": Rule(of.same_script, "same_script"),
    "decontaminated": Rule(of.decontaminated, None),
    "deduplicated": Rule(of.deduplicated, None),
}

DEFAULT_RULES: dict[str, dict[str, Any]] = {
    "complete": {},
    "distinct": {},
    "margin": {"at_least": 0.5},
    "agreement": {"at_least": 0.7},
    "consistent": {},
}


def evidence_of(rules: Rules) -> list[str]:
    """Name the columns that decide whether these rules apply."""
    return sorted({column for name in rules if (column := RULES[name].evidence) is not None})


def columns(rules: Rules) -> list[str]:
    """Name the columns that these rules look at."""
    required = (RULES[name].require(**options).meta.root_names() for name, options in rules.items())
    return sorted({column for names in required for column in names})


def not_applicable(pairs: pl.DataFrame, rules: Rules) -> list[str]:
    """Name the rules whose evidence this source lacks altogether.

    pairs: all of them, with the columns of `evidence_of` at least
    """
    return [name for name in rules if pairs.height and not _has_evidence(pairs, RULES[name])]


def _has_evidence(pairs: pl.DataFrame, rule: Rule) -> bool:
    """Say whether any pair tells a rule something."""
    if rule.evidence is None:
        return True
    told = pairs[rule.evidence].drop_nulls()
    return bool(len(told) if rule.silent is None else (told != rule.silent).any())


def refused(rules: Rules, alpha_lower: float | None) -> dict[str, str]:
    """Name the rules that may not judge, each with the reason, for a person to act on.

    alpha_lower: lower bound of Krippendorff's alpha before any filter; None where nobody knows.
    Raters who agree no more than chance agree on some pairs by chance: those are no better.
    """
    if "agreement" not in rules or alpha_lower is None or alpha_lower > 0:
        return {}
    return {
        "agreement": (
            "agreement was not applied: raters agree no more than chance would have it (the lower "
            f"bound of Krippendorff's alpha before any filter is {alpha_lower:.3f}; expected above "
            "0). Look at `rather agreement`, leave out or reverse the raters that harm it, or "
            "collect ratings with clearer instructions; rules.confident can stand in its place"
        )
    }


def winnow(pairs: pl.DataFrame, rules: Rules, idle: Collection[str] | None = None) -> pl.DataFrame:
    """Add `failed`, the rules a pair fails in their order, and `reason`, the first or null.

    A rule that cannot be judged for one pair, though it can for others, fails there.
    idle: rules that do not judge: not applicable or refused; without it those that do not apply to
          these very pairs, so name it where they are part of a larger table
    """
    unasked = not_applicable(pairs, rules) if idle is None else idle
    asked = [name for name in rules if name not in unasked]
    fails = [~RULES[name].require(**rules[name]).fill_null(False) for name in asked]
    weighted = (fail.cast(pl.Int64) * (1 << bit) for bit, fail in enumerate(fails))
    marked = pairs.with_columns(pattern=pl.sum_horizontal(pl.lit(0), *weighted))
    named = _named(marked["pattern"].unique().sort(), asked)
    return marked.join(named, on="pattern", how="left", maintain_order="left").drop("pattern")


def _named(patterns: pl.Series, names: list[str]) -> pl.DataFrame:
    """Spell out which rules failed, a bit for each; a million pairs have few patterns."""
    failed = [[name for bit, name in enumerate(names) if row >> bit & 1] for row in patterns]
    lists = pl.Series("failed", failed, dtype=pl.List(pl.String))
    return pl.DataFrame({"pattern": patterns, "failed": lists}).with_columns(
        reason=lists.list.first()
    )
