"""Keep the pairs whose preference is clear.   pairs -> clear, dropped"""

from collections.abc import Collection, Mapping
from typing import Any

import polars as pl
from pydantic import validate_call

from rather.schemas.base import UserError
from rather.schemas.evidence import Pairs
from rather.stages.common.extensions import own_object
from rather.stages.common.spelling import did_you_mean
from rather.stages.winnow.rules import RULES, Rule

Rules = Mapping[str, Mapping[str, Any]]
GROUP = "rather.rules"  # of entry points

DEFAULT_RULES: dict[str, dict[str, Any]] = {
    "complete": {},
    "distinct": {},
    "margin": {"at_least": 0.5},
    "agreement": {"at_least": 0.7},
    "consistent": {},
}


def rule_named(name: str) -> Rule:
    """Return a built-in rule, or import one of the user's own.

    Args:
        name: of a built-in rule, `package.module:name`, or an entry point of `rather.rules`.

    Raises:
        UserError: No rule has this name, or the user's own cannot be imported or called.
    """
    if name in RULES:
        return RULES[name]
    where = f"rules.{name}"
    own = own_object(name, GROUP, where)
    if own is None:
        raise UserError(
            f"{where}: no such rule{did_you_mean(name, RULES)}; expected some of "
            f"{', '.join(RULES)}, or a function of your own as package.module:name"
        )
    if isinstance(own, Rule):
        return own
    if not callable(own):
        raise UserError(
            f"{where}: expected a function of the rule's options, found {type(own).__name__}; "
            "correct the name"
        )
    return Rule(validate_call(own))


def reason_of(name: str) -> str:
    """Return the drop reason of a rule: its name, without the module of a user's own."""
    return name.rpartition(":")[2]


def keeps(name: str, options: Mapping[str, Any]) -> pl.Expr:
    """Return a rule's expression; true keeps a pair.

    Raises:
        UserError: There is no such rule, or a user's own returns no expression over pairs.
        ValueError: The rule does not accept these options.
    """
    expression = rule_named(name).require(**options)
    if name not in RULES:
        _check_expression(name, expression)
    return expression


def _check_expression(name: str, expression: object) -> None:
    """Check that a user's own rule returns a Boolean expression over the columns of pairs."""
    columns = ", ".join(Pairs.column_names())
    if not isinstance(expression, pl.Expr):
        raise UserError(
            f"rules.{name}: expected a polars expression, found {type(expression).__name__}; "
            "return one that is true for the pairs to keep"
        )
    unknown = sorted({*expression.meta.root_names()} - {*Pairs.column_names()})
    if unknown:
        raise UserError(
            f"rules.{name}: expected columns of pairs, found {', '.join(unknown)}; use some of "
            f"{columns}"
        )
    try:
        answer = Pairs.create_empty().select(answer=expression).schema["answer"]
    except pl.exceptions.PolarsError as error:
        raise UserError(
            f"rules.{name}: expected an expression over pairs, found {error}; correct it"
        ) from None
    if answer != pl.Boolean:
        raise UserError(
            f"rules.{name}: expected true or false for each pair, found {answer}; compare the "
            "value with a threshold"
        )


def columns(rules: Rules) -> list[str]:
    """Return the columns that these rules use."""
    names = (keeps(name, options).meta.root_names() for name, options in rules.items())
    return sorted({column for of_rule in names for column in of_rule})


def evidence_of(rules: Rules) -> list[str]:
    """Return the columns that decide whether these rules apply."""
    return sorted({column for name in rules for column in evidence(rule_named(name), rules[name])})


def evidence(rule: Rule, options: Mapping[str, Any]) -> list[str]:
    """Return the columns that decide whether a rule applies: declared, or all that it uses."""
    if rule.evidence is not None:
        return [*rule.evidence]
    return sorted({*rule.require(**options).meta.root_names()})


def not_applicable(pairs: pl.DataFrame, rules: Rules) -> list[str]:
    """Return the reasons of the rules whose evidence is missing from every pair.

    Args:
        pairs: all pairs of the source, with the columns of `evidence_of` at least.
        rules: options by name.
    """
    return [
        reason_of(name)
        for name, options in rules.items()
        if pairs.height and not _has_evidence(pairs, rule_named(name), options)
    ]


def _has_evidence(pairs: pl.DataFrame, rule: Rule, options: Mapping[str, Any]) -> bool:
    """Check whether each column of a rule's evidence has a value in some pair."""
    values = [pairs[column].drop_nulls() for column in evidence(rule, options)]
    if rule.silent is None:
        return all(len(column) for column in values)
    return all(bool((column != rule.silent).any()) for column in values)


def refused(rules: Rules, alpha_lower: float | None) -> dict[str, str]:
    """Return the rules that must not be applied, each with a sentence that explains it.

    Raters who agree no more than chance still agree on some pairs, by chance.

    Args:
        rules: options by name.
        alpha_lower: lower bound of Krippendorff's alpha before any filter, None if unknown.
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
    """Add `failed`, all rules that a pair fails in their order, and `reason`, the first or null.

    A rule that lacks evidence for one pair, and has it for others, drops that pair.

    Args:
        pairs: with the columns of `columns(rules)`.
        rules: options by name.
        idle: reasons of the rules that are not applied. By default those without evidence in
            these pairs; give it where they are part of a larger table.
    """
    unused = not_applicable(pairs, rules) if idle is None else idle
    used = {reason_of(name): name for name in rules if reason_of(name) not in unused}
    fails = [~keeps(name, rules[name]).fill_null(False) for name in used.values()]
    weighted = (fail.cast(pl.Int64) * (1 << bit) for bit, fail in enumerate(fails))
    marked = pairs.with_columns(pattern=pl.sum_horizontal(pl.lit(0), *weighted))
    failed = _failed_rules(marked["pattern"].unique().sort(), [*used])
    return marked.join(failed, on="pattern", how="left", maintain_order="left").drop("pattern")


def _failed_rules(patterns: pl.Series, reasons: list[str]) -> pl.DataFrame:
    """Return the failed rules of each bit pattern; a million pairs have few patterns."""
    failed = [[name for bit, name in enumerate(reasons) if row >> bit & 1] for row in patterns]
    lists = pl.Series("failed", failed, dtype=pl.List(pl.String))
    return pl.DataFrame({"pattern": patterns, "failed": lists}).with_columns(
        reason=lists.list.first()
    )
