"""Keep the pairs whose preference is clear.   pairs -> clear, dropped"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf
from typing import Annotated, Any

import polars as pl
from pydantic import Field, validate_call

Share = Annotated[float, Field(ge=0, le=1)]
Deviations = Annotated[float, Field(ge=0)]


@validate_call
def complete() -> pl.Expr:
    """Both answers are there, not blank, and ended by themselves."""
    return pl.col("complete")


@validate_call
def distinct() -> pl.Expr:
    """The two answers differ once case, spacing and invisible characters are put aside."""
    return pl.col("distinct")


@validate_call
def margin(at_least: Deviations = 0.5, at_most: Deviations = inf) -> pl.Expr:
    """Chosen outscores rejected by this much, in standard deviations of calibrated score."""
    if at_most < at_least:
        raise ValueError(f"at_most: expected at_least ({at_least:g}) or more, found {at_most:g}")
    return pl.col("margin").is_between(at_least, at_most)


@validate_call
def agreement(at_least: Share = 0.7) -> pl.Expr:
    """This share of the raters of both prefer chosen, a tie counting one half."""
    return pl.col("agreement") >= at_least


@dataclass(frozen=True)
class Rule:
    """A quality that a pair must have: options in, expression out, true keeps.

    evidence: the column it judges by; where that is null in every pair, the rule does not apply
    """

    require: Callable[..., pl.Expr]
    evidence: str


RULES = {
    "complete": Rule(complete, "complete"),
    "distinct": Rule(distinct, "distinct"),
    "margin": Rule(margin, "margin"),
    "agreement": Rule(agreement, "agreement"),
}

DEFAULT_RULES: dict[str, dict[str, Any]] = {
    "complete": {},
    "distinct": {},
    "margin": {"at_least": 0.5},
    "agreement": {"at_least": 0.7},
}


def not_applicable(pairs: pl.DataFrame, rules: dict[str, dict[str, Any]]) -> list[str]:
    """Name the rules whose evidence this source lacks altogether."""
    return [name for name in rules if pairs.height and pairs[RULES[name].evidence].is_null().all()]


def winnow(pairs: pl.DataFrame, rules: dict[str, dict[str, Any]]) -> pl.DataFrame:
    """Add `failed`, the rules a pair fails in their order, and `reason`, the first or null.

    A rule that cannot be judged for one pair, though it can for others, fails there.
    """
    idle = not_applicable(pairs, rules)
    failures = [
        pl.when(~RULES[name].require(**options).fill_null(False)).then(pl.lit(name))
        for name, options in rules.items()
        if name not in idle
    ]
    failed = pl.concat_list(failures).list.drop_nulls() if failures else NO_FAILURE
    return pairs.with_columns(failed=failed).with_columns(
        reason=pl.col("failed").list.first(),
    )


NO_FAILURE = pl.lit([], dtype=pl.List(pl.String))
