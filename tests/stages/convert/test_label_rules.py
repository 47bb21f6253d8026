"""Options in, one settled rule out."""

from typing import Any

import pytest
from pydantic import ValidationError

from rather.stages.calibrate.rating_scale import Scale
from rather.stages.convert.label_rules import Labels, Rule, describe, settle

STARS = Scale(1, 5)


@pytest.mark.parametrize(
    ("scale", "at_least", "at_most"),
    [((0, 1), 0.5, 0.5), ((1, 5), 3.5, 2.5), ((1, 10), 6.625, 4.375), ((0, 100), 62.5, 37.5)],
)
def test_thresholds_lie_around_the_middle(
    scale: tuple[float, float], at_least: float, at_most: float
) -> None:
    """An eighth of the range above and below it; thumbs have the middle itself."""
    rule = settle(Labels(), Scale(*scale))
    assert (rule.of, rule.at_least, rule.at_most) == ("rating", at_least, at_most)


@pytest.mark.parametrize("options", [Labels(), Labels(by="two_thresholds")])
def test_without_a_shared_scale_it_is_half_a_deviation(options: Labels) -> None:
    """Calibrated scores are comparable where raters' own scales are not."""
    assert settle(options, None) == Rule("two_thresholds", "score", 0.5, -0.5)


def test_scores_may_be_asked_for() -> None:
    """Then the shared scale is left alone."""
    assert settle(Labels(of="score"), STARS) == Rule("two_thresholds", "score", 0.5, -0.5)


@pytest.mark.parametrize(
    ("options", "rule"),
    [
        ({"at_least": 4}, Rule("threshold", "rating", 4, 4)),
        (
            {"desirable_at_least": 5, "undesirable_at_most": 1},
            Rule("two_thresholds", at_least=5, at_most=1),
        ),
        ({"by": "per_prompt", "of": "score"}, Rule("per_prompt", "score")),
        ({"by": "pairs", "at_least_raters": 2}, Rule("pairs", at_least_raters=2)),
    ],
)
def test_what_is_given_is_taken(options: dict[str, Any], rule: Rule) -> None:
    """Thresholds say by themselves which way they belong to."""
    assert settle(Labels(**options), STARS) == rule


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"by": "threshold"}, "at_least: expected a number"),
        ({"by": "per_prompt", "at_least": 3}, "at_least: expected it with by: threshold"),
        ({"by": "pairs", "desirable_at_least": 1, "undesirable_at_most": 0}, "found by: pairs"),
        ({"desirable_at_least": 1}, "set both"),
        ({"desirable_at_least": 0, "undesirable_at_most": 0}, "undesirable_at_most: expected less"),
        ({"by": "pairs", "at_most_sd": 1}, "at_most_sd: expected none with by: pairs"),
        ({"at_least": float("nan")}, "finite"),
        ({"at_least_raters": 0}, "greater than or equal to 1"),
    ],
)
def test_contradictory_options_are_refused(options: dict[str, Any], message: str) -> None:
    """No option is passed over in silence."""
    with pytest.raises(ValidationError, match=message):
        Labels(**options)


@pytest.mark.parametrize(
    ("rule", "sentence"),
    [
        (
            settle(Labels(), STARS),
            "desirable with a mean rating of 3.5 or more, undesirable with one of 2.5 or less, "
            "undecided between; on a scale of 1 to 5",
        ),
        (
            settle(Labels(), Scale(0, 1)),
            "desirable with a mean rating above 0.5, undesirable below it; on a scale of 0 to 1",
        ),
        (
            settle(Labels(at_least=4, at_least_raters=2, at_most_sd=1), STARS),
            "desirable with a mean rating of 4 or more, undesirable below; disputed if fewer than "
            "2 rated it; disputed if its ratings' standard deviation is above 1",
        ),
        (
            Rule("pairs"),
            "desirable if chosen, undesirable if rejected: a relative judgement made absolute",
        ),
        (
            Rule("per_prompt", "score"),
            "desirable with a calibrated score, in standard deviations, above the prompt's own "
            "mean, undesirable below it",
        ),
    ],
)
def test_a_rule_says_itself(rule: Rule, sentence: str) -> None:
    """In words that a data team can put under its table."""
    assert describe(rule) == sentence
