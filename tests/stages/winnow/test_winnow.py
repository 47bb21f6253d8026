"""Keeping the pairs whose preference is clear."""

from collections.abc import Callable
from typing import Any

import polars as pl
import pytest

from rather.stages.winnow.winnow import (
    DEFAULT_RULES,
    evidence_of,
    not_applicable,
    refused,
    winnow,
)

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
    flaws = (
        *({"complete": False}, {"distinct": False}, {"margin": 0.1}, {"agreement": 0.5}),
        {"contradicted": True},
    )
    found = reasons(make_pairs(*flaws), DEFAULT_RULES)
    assert found == ["complete", "distinct", "margin", "agreement", "consistent"]


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
    rules: dict[str, dict[str, Any]] = {"agreement": {}}
    pairs = make_pairs({"agreement": None}, {"agreement": None})
    assert not_applicable(pairs, rules) == ["agreement"]
    assert reasons(pairs, rules) == [None, None]


def test_a_rule_that_does_not_apply_leaves_the_others_at_work(make_pairs: MakePairs) -> None:
    """Margin still drops where agreement does not apply, and agreement is not listed as failed."""
    found = winnow(make_pairs({"agreement": None, "margin": 0.0}), DEFAULT_RULES)
    assert found.select("reason", "failed").rows() == [("margin", ["margin"])]


def test_a_rule_with_evidence_applies(make_pairs: MakePairs) -> None:
    """One pair with evidence is enough."""
    rules: dict[str, dict[str, Any]] = {"agreement": {}}
    assert not_applicable(make_pairs({"agreement": None}, {}), rules) == []


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


def test_rules_may_be_told_to_stand_idle(make_pairs: MakePairs) -> None:
    """A bucket whose evidence is all null is judged where the table as a whole has evidence."""
    rules: dict[str, dict[str, Any]] = {"agreement": {}}
    pairs = make_pairs({"agreement": None})
    assert winnow(pairs, rules, idle=[])["reason"].to_list() == ["agreement"]
    assert winnow(make_pairs({"agreement": 0.0}), rules, idle=["agreement"])[
        "reason"
    ].to_list() == [None]


def test_what_was_looked_for_and_not_found_is_evidence(make_pairs: MakePairs) -> None:
    """decontaminated and deduplicated always apply: null says that nothing was found."""
    rules: dict[str, dict[str, Any]] = {"decontaminated": {}, "deduplicated": {}}
    pairs = make_pairs({}, {"contamination": "gsm8k"}, {"duplicate_of": "prompt0"})
    assert not_applicable(pairs.head(1), rules) == []
    assert reasons(pairs, rules) == [None, "decontaminated", "deduplicated"]


def test_ties_alone_are_no_evidence_of_confidence(make_pairs: MakePairs) -> None:
    """A tie's .5 needs no rater of known reliability: the rule applies where some pair leans."""
    rules: dict[str, dict[str, Any]] = {"confident": {}}
    ties = make_pairs({"p_correct": 0.5}, {"p_correct": None})
    assert not_applicable(ties, rules) == ["confident"]
    assert not_applicable(make_pairs({"p_correct": 0.5}, {"p_correct": 0.6}), rules) == []


def test_consistency_of_ratings_alone_does_not_apply(make_pairs: MakePairs) -> None:
    """Scores cannot contradict each other or close a cycle; nothing was compared."""
    assert not_applicable(make_pairs({}), {"consistent": {}}) == ["consistent"]


def test_evidence_is_read_from_few_columns(make_pairs: MakePairs) -> None:
    """The columns named are enough to tell which rules apply."""
    rules = {**DEFAULT_RULES, "decontaminated": {}}
    pairs = make_pairs({"margin": None}).select(evidence_of(rules))
    assert not_applicable(pairs, rules) == ["margin", "consistent"]


@pytest.mark.parametrize("alpha_lower", [-0.1, 0.0])
def test_agreement_may_not_gate_below_chance(alpha_lower: float) -> None:
    """Coin-flippers agree on some pairs too; the sentence says what to do."""
    found = refused(DEFAULT_RULES, alpha_lower)
    assert list(found) == ["agreement"]
    assert f"{alpha_lower:.3f}" in found["agreement"]


def test_agreement_gates_where_raters_agree() -> None:
    """Above zero, where alpha is unknown, or where nobody asks for agreement."""
    assert refused(DEFAULT_RULES, 0.01) == {}
    assert refused(DEFAULT_RULES, None) == {}
    assert refused({"margin": {}}, -0.5) == {}
