"""Rules of winnow: options in, polars expression out; true keeps the pair.

To add a rule, write its function here and decorate it with `@rule()`. Its name is the name in
params.yaml and the reason of the pairs that it drops; the first line of its docstring explains the
reason in the audit. A null result drops the pair, unless the rule fills it.

A rule of the user's own is such a function elsewhere, named `package.module:name` in params.yaml
or declared by an installed package as an entry point in the group `rather.rules`. Its evidence is
the columns it uses; a `Rule` object in place of the function declares another.
"""

from collections.abc import Callable
from dataclasses import dataclass
from math import inf, log
from typing import Annotated, ParamSpec

import polars as pl
from pydantic import Field, validate_call

EVEN = 0.5  # p_correct of a tie

Options = ParamSpec("Options")
Share = Annotated[float, Field(ge=0, le=1)]
Likely = Annotated[float, Field(ge=0.5, le=1)]
Alike = Annotated[float, Field(ge=0.9, le=1)]
Deviations = Annotated[float, Field(ge=0)]
Finite = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0)]
Ratio = Annotated[float, Field(ge=1)]


@dataclass(frozen=True)
class Rule:
    """A quality that a pair must have.

    require:  options in, expression out; true keeps
    evidence: columns of pairs. The rule does not apply to a source where one of them is null in
              every pair. None stands for all columns that the expression uses, and needs a
              default for each option of a built-in rule; () where null means: nothing was found.
    silent:   a value of the evidence that counts as null here
    """

    require: Callable[..., pl.Expr]
    evidence: tuple[str, ...] | None = None
    silent: float | None = None

    @property
    def sentence(self) -> str:
        """The first line of the rule's docstring."""
        return (self.require.__doc__ or self.require.__name__).strip().split("\n")[0]


RULES: dict[str, Rule] = {}


def rule(
    evidence: tuple[str, ...] | None = None, silent: float | None = None
) -> Callable[[Callable[Options, pl.Expr]], Callable[Options, pl.Expr]]:
    """Register a function as a rule under its own name; its options are checked at each call.

    Args:
        evidence, silent: as in Rule.
    """

    def register(function: Callable[Options, pl.Expr]) -> Callable[Options, pl.Expr]:
        checked = validate_call(function)
        RULES[function.__name__] = Rule(checked, evidence, silent)
        return checked

    return register


@rule()
def complete() -> pl.Expr:
    """Both answers are there, not blank, and ended by themselves."""
    return pl.col("complete")


@rule(evidence=("distinct",))
def distinct(
    near: Alike = 0.95, unless_agreement: Share | None = None, when_cut: bool = True
) -> pl.Expr:
    """The answers differ: once normalised, in what the trainer sees, and by more than a slip.

    near: similarity from which two answers count as equal, where it was measured (null passes)
    unless_agreement: near-equal answers pass from this agreement on, for data where one digit can
        be all the difference; without it none does, since raters agree by chance as well
    when_cut: ask also what is left of them after the trainer's truncation to max_length
    """
    apart = pl.col("similarity").fill_null(0.0) < near
    if unless_agreement is not None:
        apart |= pl.col("agreement").fill_null(0.0) >= unless_agreement
    return pl.col("distinct") & (pl.col("distinct_cut") | (not when_cut)) & apart


@rule()
def margin(at_least: Deviations = 0.5, at_most: Deviations = inf) -> pl.Expr:
    """Chosen outscores rejected by this much, in standard deviations of calibrated score."""
    _ordered(at_least, at_most)
    return pl.col("margin").is_between(at_least, at_most)


@rule(evidence=("chosen_rating",))
def good_enough(at_least: Finite) -> pl.Expr:
    """Chosen is good in itself: its mean rating, on the raters' own scale."""
    return pl.col("chosen_rating") >= at_least


@rule()
def agreement(at_least: Share = 0.7) -> pl.Expr:
    """This share of the raters of both prefer chosen, a tie counting one half."""
    return pl.col("agreement") >= at_least


@rule()
def num_raters(at_least: Count = 2) -> pl.Expr:
    """So many raters judged both answers."""
    return pl.col("num_raters") >= at_least


@rule(silent=EVEN)
def confident(at_least: Likely = 0.8) -> pl.Expr:
    """Chosen is truly better with this probability."""
    return pl.col("p_correct") >= at_least


@rule(evidence=("contradicted",))
def consistent(odds: Ratio = 4.0) -> pl.Expr:
    """Nothing says the opposite with like force, and the preference closes no cycle.

    odds: for or against chosen, from which a contradicted pair passes all the same. Without odds a
        contradicted pair fails, and so does a tie. Of a cycle only its weakest part fails. What is
        unknown passes.
    """
    logit = (pl.col("p_correct") / (1 - pl.col("p_correct"))).log()
    decided = (logit.abs() >= log(odds)).fill_null(False)
    tied = (pl.col("p_correct") == EVEN).fill_null(False)
    return ~tied & (~_marked("contradicted") | decided) & ~_marked("back_arc")


@rule()
def objectives_agree() -> pl.Expr:
    """No objective prefers rejected, and at least one prefers chosen."""
    return (pl.col("objectives_against") == 0) & (pl.col("objectives_for") > 0)


@rule()
def sane_length(at_least: Count = 1, at_most: float = inf, ratio: Ratio = inf) -> pl.Expr:
    """Both answers have so many tokens, and the longer at most `ratio` times the shorter's."""
    _ordered(at_least, at_most)
    chosen, rejected = pl.col("chosen_tokens"), pl.col("rejected_tokens")
    shorter, longer = pl.min_horizontal(chosen, rejected), pl.max_horizontal(chosen, rejected)
    return (shorter >= at_least) & (longer <= at_most) & (longer <= ratio * shorter)


@rule()
def same_script() -> pl.Expr:
    """Both answers are in the prompt's writing system; one without letters passes."""
    return pl.col("same_script").fill_null(True)


@rule(evidence=())
def decontaminated() -> pl.Expr:
    """Nothing of the prompt or the answers was found in an evaluation set."""
    return pl.col("contamination").is_null()


@rule(evidence=())
def deduplicated() -> pl.Expr:
    """The prompt does not nearly repeat an earlier one."""
    return pl.col("duplicate_of").is_null()


def _marked(column: str) -> pl.Expr:
    return pl.col(column).fill_null(False)


def _ordered(at_least: float, at_most: float) -> None:
    """Stop at a window that nothing can lie in."""
    if not at_most >= at_least:
        raise ValueError(f"at_most: expected at_least ({at_least:g}) or more, found {at_most:g}")
