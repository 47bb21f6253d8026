"""Rules that label answers desirable or undesirable: options in, one settled rule out."""

from dataclasses import dataclass, replace
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from rather.stages.calibrate.rating_scale import THUMBS, Scale

DEVIATIONS = 0.5  # from the mean of calibrated scores, where raters share no scale

Of = Literal["rating", "score"]
UNITS: dict[Of, str] = {
    "rating": "a mean rating",
    "score": "a calibrated score, in standard deviations,",
}


class Labels(BaseModel):
    """How answers become labels.

    by: threshold       desirable from `at_least` on, undesirable below it
        two_thresholds  desirable from `desirable_at_least` on, undesirable up to
                        `undesirable_at_most`, undecided between them
        per_prompt      desirable above the mean of its prompt's answers, undesirable below it
        pairs           desirable if chosen in a pair, undesirable if rejected
        auto            what the thresholds given ask for; without any, two around the middle
    of: rating, the mean on the raters' own scale, or score, in standard deviations
    at_least_raters, at_most_sd: an answer rated by fewer, or whose ratings differ by more (their
        population's standard deviation, on the raters' own scale), is disputed
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    by: Literal["auto", "threshold", "two_thresholds", "per_prompt", "pairs"] = "auto"
    of: Of = "rating"
    at_least: FiniteFloat | None = None
    desirable_at_least: FiniteFloat | None = None
    undesirable_at_most: FiniteFloat | None = None
    at_least_raters: int = Field(1, ge=1)
    at_most_sd: FiniteFloat | None = Field(None, ge=0)

    @model_validator(mode="after")
    def _in_order(self) -> "Labels":
        """Check that the two thresholds are given together and in order."""
        good, bad = self.desirable_at_least, self.undesirable_at_most
        if good is None and bad is None:
            return self
        if good is None or bad is None:
            raise ValueError("desirable_at_least: expected undesirable_at_most with it; set both")
        if bad >= good:
            raise ValueError(
                f"undesirable_at_most: expected less than desirable_at_least ({good:g}), "
                f"found {bad:g}"
            )
        return self

    @model_validator(mode="after")
    def _of_one_way(self) -> "Labels":
        """Check that each threshold given is used by the rule."""
        one, two = self.at_least is not None, self.desirable_at_least is not None
        if self.by == "threshold" and not one:
            raise ValueError("at_least: expected a number with by: threshold, found none")
        if one and (two or self.by not in ("auto", "threshold")):
            raise ValueError("at_least: expected it with by: threshold alone, found other ways too")
        if self.by == "pairs" and self.at_most_sd is not None:
            raise ValueError("at_most_sd: expected none with by: pairs, which go by no ratings")
        if two and self.by not in ("auto", "two_thresholds"):
            raise ValueError(
                f"desirable_at_least: expected it with by: two_thresholds, found by: {self.by}"
            )
        return self


@dataclass(frozen=True)
class Rule:
    """How answers are labelled, with every number settled.

    at_least, at_most: desirable from the one on, undesirable up to the other; an answer exactly
    at both is undecided
    """

    by: Literal["threshold", "two_thresholds", "per_prompt", "pairs"]
    of: Of = "rating"
    at_least: float = 0.0
    at_most: float = 0.0
    scale: Scale | None = None
    at_least_raters: int = 1
    at_most_sd: float | None = None


def settle(options: Labels, scale: Scale | None) -> Rule:
    """Settle the rule; `scale` is what all raters share, as declared or as recognised.

    Two thresholds that nobody gave lie an eighth of the scale's range around its middle: 3.5 and
    2.5 of 1 to 5, 6.625 and 4.375 of 1 to 10. Thumbs have one, 0.5, and an even split is
    undecided. Without a shared scale it is half a standard deviation of the calibrated score.
    """
    return replace(
        _thresholds(options, scale),
        at_least_raters=options.at_least_raters,
        at_most_sd=options.at_most_sd,
    )


def _thresholds(options: Labels, scale: Scale | None) -> Rule:
    """Return the rule with its thresholds."""
    good, bad = options.desirable_at_least, options.undesirable_at_most
    if options.by in ("per_prompt", "pairs"):
        return Rule(options.by, options.of)
    if options.at_least is not None:
        return Rule("threshold", options.of, options.at_least, options.at_least)
    if good is not None and bad is not None:
        return Rule("two_thresholds", options.of, good, bad)
    if scale is None or options.of == "score":
        return Rule("two_thresholds", "score", DEVIATIONS, -DEVIATIONS)
    width = 0.0 if scale == THUMBS else scale.eighth
    return Rule("two_thresholds", "rating", scale.middle + width, scale.middle - width, scale)


def describe(rule: Rule) -> str:
    """Return a sentence that describes the rule."""
    parts = [_judged(rule)]
    if rule.scale is not None:
        parts.append(f"on a scale of {rule.scale.lowest:g} to {rule.scale.highest:g}")
    if rule.at_least_raters > 1:
        parts.append(f"disputed if fewer than {rule.at_least_raters} rated it")
    if rule.at_most_sd is not None:
        parts.append(f"disputed if its ratings' standard deviation is above {rule.at_most_sd:g}")
    return "; ".join(parts)


def _judged(rule: Rule) -> str:
    """Return the criterion of the rule in words."""
    unit = UNITS[rule.of]
    if rule.by == "pairs":
        return "desirable if chosen, undesirable if rejected: a relative judgement made absolute"
    if rule.by == "per_prompt":
        return f"desirable with {unit} above the prompt's own mean, undesirable below it"
    if rule.by == "threshold":
        return f"desirable with {unit} of {rule.at_least:g} or more, undesirable below"
    if rule.at_least == rule.at_most:
        return f"desirable with {unit} above {rule.at_least:g}, undesirable below it"
    return (
        f"desirable with {unit} of {rule.at_least:g} or more, undesirable with one of "
        f"{rule.at_most:g} or less, undecided between"
    )
