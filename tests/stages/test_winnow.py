"""Keeping the pairs whose preference is clear."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from stages.winnow import DEFAULT_RULES, RULES, margin, not_applicable, winnow

MakePairs = Callable[..., pl.DataFrame]


def reasons(pairs: pl.DataFrame, rules: dict[str, dict[str, Any]]) -> list[str | None]:
    """Give each pair's reason."""
    return winnow(pairs, rules)["reason"].to_list()


def test_a_clear_pair_is_kept(make_pairs: MakePairs) -> None:
    """Complete, distinct, a margin and agreement: no reason to drop it, and nothing failed."""
    found = winnow(make_pairs({}), DEFAULT_RULES)
    assert found.select("reason", "failed").rows() == [(None, [])]


def test_each_rule_drops_what_it_names(make_pairs: MakePairs) -> None:
    """A rule's name is the reason."""
    flaws = {"complete": False}, {"distinct": False}, {"margin": 0.1}, {"agreement": 0.5}
    found = reasons(make_pairs(*flaws), DEFAULT_RULES)
    assert found == ["complete", "distinct", "margin", "agreement"]


def test_thresholds_are_inclusive(make_pairs: MakePairs) -> None:
    """A pair exactly at a threshold is kept, from both sides."""
    rules = {"margin": {"at_least": 0.5, "at_most": 2.0}, "agreement": {"at_least": 0.7}}
    rows = [{"margin": 0.5, "agreement": 0.7}, {"margin": 2.0}]
    assert reasons(make_pairs(*rows), rules) == [None, None]


def test_a_margin_can_be_too_large(make_pairs: MakePairs) -> None:
    """at_most drops pairs that are too easy to teach anything."""
    rules = {"margin": {"at_least": 0.0, "at_most": 2.0}}
    assert reasons(make_pairs({"margin": 2.1}, {"margin": 0.0}), rules) == ["margin", None]


def test_the_first_rule_that_fails_owns_the_row(make_pairs: MakePairs) -> None:
    """The order of the rules decides the reason; both are listed as failed, in that order."""
    pairs = make_pairs({"margin": 0.0, "agreement": 0.0})
    one = {"margin": {"at_least": 0.5}, "agreement": {"at_least": 0.7}}
    other = dict(reversed(one.items()))
    assert winnow(pairs, one).select("reason", "failed").rows() == [
        ("margin", ["margin", "agreement"])
    ]
    assert winnow(pairs, other).select("reason", "failed").rows() == [
        ("agreement", ["agreement", "margin"])
    ]


def test_null_evidence_in_some_pairs_fails(make_pairs: MakePairs) -> None:
    """Where others have agreement, a pair without it fails the rule."""
    pairs = make_pairs({"agreement": None}, {"agreement": 0.9})
    assert reasons(pairs, {"agreement": {"at_least": 0.7}}) == ["agreement", None]


def test_a_rule_without_any_evidence_does_not_apply(make_pairs: MakePairs) -> None:
    """With one rater no pair has agreement: the rule is named as not applicable, drops nothing."""
    pairs, rules = make_pairs({"agreement": None}, {"agreement": None}), {"agreement": {}}
    assert not_applicable(pairs, rules) == ["agreement"]
    assert reasons(pairs, rules) == [None, None]


def test_a_rule_that_does_not_apply_leaves_the_others_at_work(make_pairs: MakePairs) -> None:
    """Margin still drops where agreement does not apply, and agreement is not listed as failed."""
    found = winnow(make_pairs({"agreement": None, "margin": 0.0}), DEFAULT_RULES)
    assert found.select("reason", "failed").rows() == [("margin", ["margin"])]


def test_a_rule_with_evidence_applies(make_pairs: MakePairs) -> None:
    """One pair with evidence is enough."""
    assert not_applicable(make_pairs({"agreement": None}, {}), DEFAULT_RULES) == []


def test_a_rule_that_is_not_asked_for_is_not_applied(make_pairs: MakePairs) -> None:
    """Only rules of params.yaml run."""
    assert reasons(make_pairs({"margin": 0.0}), {"distinct": {}}) == [None]


def test_no_rules_keep_everything(make_pairs: MakePairs) -> None:
    """An empty list of rules is not an error."""
    found = winnow(make_pairs({"margin": 0.0}, {"complete": False}), {})
    assert found.select("reason", "failed").rows() == [(None, []), (None, [])]


def test_no_pairs_give_no_pairs(make_pairs: MakePairs) -> None:
    """An empty table passes through every rule, and no rule is called inapplicable."""
    assert winnow(make_pairs(), DEFAULT_RULES).height == 0
    assert not_applicable(make_pairs(), DEFAULT_RULES) == []


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("margin", {"at_least": -0.1}),
        ("margin", {"at_least": float("nan")}),
        ("margin", {"at_leats": 1}),
        ("agreement", {"at_least": 1.1}),
        ("complete", {"at_least": 1}),
    ],
)
def test_a_rule_refuses_options_that_cannot_be(rule: str, options: dict[str, float]) -> None:
    """Out of range, not a number, or unknown."""
    with pytest.raises(ValidationError):
        RULES[rule].require(**options)


def test_a_margin_that_nothing_can_have_is_refused() -> None:
    """at_most below at_least would drop every pair without a word."""
    with pytest.raises(ValueError, match="at_most: expected at_least"):
        margin(at_least=1.0, at_most=0.5)
