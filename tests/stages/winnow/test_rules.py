"""What a pair must have to be clear."""

from inspect import signature
from math import inf, nan
from typing import Any

import polars as pl
import pytest
from pydantic import ValidationError

from rather.schemas.evidence import Pairs
from rather.stages.winnow.rules import RULES

EMPTY = Pairs.create_empty().schema
BEYOND_REPROACH = {
    **dict.fromkeys(("complete", "distinct", "distinct_cut"), True),
    **dict.fromkeys(("chosen_tokens", "rejected_tokens"), 10),
}


def keeps(rule: str, options: dict[str, Any], **evidence: Any) -> bool | None:
    """Say whether a rule keeps a pair with this evidence; null is not to keep it."""
    pairs = pl.DataFrame([BEYOND_REPROACH | evidence], schema=EMPTY)
    answer: bool | None = pairs.select(RULES[rule].require(**options)).item()
    return answer


@pytest.mark.parametrize(
    ("similarity", "kept"), [(0.94, True), (0.95, False), (1.0, False), (None, True)]
)
def test_near_equal_answers_are_not_distinct(similarity: float | None, kept: bool) -> None:
    """From .95; where similarity was not measured, lengths differ too much, or nobody asked."""
    assert keeps("distinct", {}, similarity=similarity) is kept
    assert keeps("distinct", {"near": 0.9}, similarity=similarity) is (similarity is None)


def test_answers_equal_to_the_trainer_are_not_distinct() -> None:
    """Or equal once normalised."""
    assert keeps("distinct", {}, distinct_cut=False) is False
    assert keeps("distinct", {}, distinct=False) is False


def test_what_the_trainer_cuts_may_be_left_out() -> None:
    """As where max_length is not yet settled; equal texts are equal all the same."""
    assert keeps("distinct", {"when_cut": False}, distinct_cut=False) is True
    assert keeps("distinct", {"when_cut": False}, distinct=False) is False


@pytest.mark.parametrize(("agreement", "kept"), [(1.0, True), (0.9, False), (None, False)])
def test_one_digit_can_be_the_signal(agreement: float | None, kept: bool) -> None:
    """With unless_agreement of 1 near-equal answers pass where all raters tell them apart."""
    options = {"unless_agreement": 1.0}
    assert keeps("distinct", options, similarity=0.99, agreement=agreement) is kept
    assert keeps("distinct", options, similarity=0.1, agreement=agreement) is True


def test_agreement_does_not_excuse_equal_texts() -> None:
    """There is nothing to tell apart."""
    assert keeps("distinct", {"unless_agreement": 1.0}, distinct=False, agreement=1.0) is False


def test_good_enough_is_judged_on_the_raters_scale() -> None:
    """A floor of 4 of 5 points, inclusive, on chosen's own rating."""
    assert keeps("good_enough", {"at_least": 4}, chosen_rating=4.0, rejected_rating=1.0) is True
    assert keeps("good_enough", {"at_least": 4}, chosen_rating=3.9, rejected_rating=1.0) is False


@pytest.mark.parametrize(
    ("rule", "options", "column", "least"),
    [
        ("num_raters", {"at_least": 2}, "num_raters", 2),
        ("confident", {"at_least": 0.9}, "p_correct", 0.9),
        ("agreement", {"at_least": 0.7}, "agreement", 0.7),
    ],
)
def test_floors_are_inclusive(
    rule: str, options: dict[str, Any], column: str, least: float
) -> None:
    """The floor itself is kept, less is not, and null is not."""
    assert keeps(rule, options, **{column: least}) is True
    assert keeps(rule, options, **{column: type(least)(least * 0.99)}) is False
    assert not keeps(rule, options, **{column: None})


@pytest.mark.parametrize(
    ("p_correct", "kept"), [(0.79, False), (0.81, True), (1.0, True), (0.5, False), (None, False)]
)
def test_contradicted_pairs_need_odds(p_correct: float | None, kept: bool) -> None:
    """Odds of 4 are a probability of .8."""
    assert keeps("consistent", {}, contradicted=True, p_correct=p_correct) is kept
    assert keeps("consistent", {}, contradicted=False, p_correct=p_correct) is (p_correct != 0.5)


def test_odds_can_be_set() -> None:
    """Odds of 9 are a probability of .9; odds of 1 let all but ties pass."""
    assert keeps("consistent", {"odds": 9}, contradicted=True, p_correct=0.89) is False
    assert keeps("consistent", {"odds": 1}, contradicted=True, p_correct=0.51) is True


def test_ties_are_not_consistent() -> None:
    """Whoever is called chosen, the opposite is as likely, even where one rater alone judged."""
    assert keeps("consistent", {}, contradicted=False, p_correct=0.5) is False


def test_back_arcs_are_not_consistent() -> None:
    """However sure; and a pair of which neither is known passes."""
    assert keeps("consistent", {}, back_arc=True, p_correct=0.99) is False
    assert keeps("consistent", {}) is True


@pytest.mark.parametrize(
    ("favour", "against", "kept"), [(2, 0, True), (3, 1, False), (0, 0, False), (None, None, None)]
)
def test_objectives_agree(favour: int | None, against: int | None, kept: bool | None) -> None:
    """None against and at least one for; where fewer than two were judged it cannot be said."""
    evidence = {"objectives_for": favour, "objectives_against": against}
    assert keeps("objectives_agree", {}, **evidence) is kept


@pytest.mark.parametrize(
    ("options", "chosen", "rejected", "kept"),
    [
        ({"at_least": 5}, 5, 5, True),
        ({"at_least": 5}, 9, 4, False),
        ({"at_most": 9}, 9, 9, True),
        ({"at_most": 9}, 10, 1, False),
        ({"ratio": 3}, 30, 10, True),
        ({"ratio": 3}, 10, 31, False),
        ({"at_least": 0, "ratio": 3}, 0, 1, False),
        ({}, 1, 10**6, True),
        ({}, 0, 5, False),
    ],
)
def test_lengths_are_sane(options: dict[str, Any], chosen: int, rejected: int, kept: bool) -> None:
    """Both sides count, whichever is chosen, and bounds are inclusive."""
    found = keeps("sane_length", options, chosen_tokens=chosen, rejected_tokens=rejected)
    assert found is kept


@pytest.mark.parametrize(("same", "kept"), [(True, True), (False, False), (None, True)])
def test_answers_without_letters_have_no_script_to_differ(same: bool | None, kept: bool) -> None:
    """42 is fine in any language."""
    assert keeps("same_script", {}, same_script=same) is kept


@pytest.mark.parametrize(
    ("rule", "options"),
    [
        ("margin", {"at_least": -0.1}),
        ("margin", {"at_least": nan}),
        ("margin", {"at_leats": 1}),
        ("agreement", {"at_least": 1.1}),
        ("complete", {"at_least": 1}),
        ("distinct", {"near": 0.5}),
        ("good_enough", {}),
        ("good_enough", {"at_least": inf}),
        ("confident", {"at_least": 0.4}),
        ("consistent", {"odds": 0.5}),
        ("num_raters", {"at_least": -1}),
        ("sane_length", {"ratio": 0.9}),
    ],
)
def test_a_rule_refuses_options_that_cannot_be(rule: str, options: dict[str, float]) -> None:
    """Out of range, not a number, unknown or missing."""
    with pytest.raises(ValidationError):
        RULES[rule].require(**options)


@pytest.mark.parametrize(("rule", "least"), [("margin", 1.0), ("sane_length", 2)])
def test_a_window_that_nothing_can_lie_in_is_refused(rule: str, least: float) -> None:
    """at_most below at_least would drop every pair without a word."""
    with pytest.raises(ValueError, match="at_most: expected at_least"):
        RULES[rule].require(at_least=least, at_most=0.5)


# Of each rule: options, evidence of a pair that it keeps, evidence of one that it drops.
EXAMPLES: dict[str, tuple[dict[str, Any], dict[str, Any], dict[str, Any]]] = {
    "complete": ({}, {"complete": True}, {"complete": False}),
    "distinct": ({}, {"distinct": True}, {"distinct": False}),
    "margin": ({}, {"margin": 0.5}, {"margin": 0.4}),
    "good_enough": ({"at_least": 3}, {"chosen_rating": 3.0}, {"chosen_rating": 2.0}),
    "agreement": ({}, {"agreement": 1.0}, {"agreement": 0.5}),
    "num_raters": ({}, {"num_raters": 2}, {"num_raters": 1}),
    "confident": ({}, {"p_correct": 0.9}, {"p_correct": 0.6}),
    "consistent": ({}, {"contradicted": False}, {"contradicted": True}),
    "objectives_agree": (
        {},
        {"objectives_for": 1, "objectives_against": 0},
        {"objectives_for": 1, "objectives_against": 1},
    ),
    "sane_length": ({"at_most": 9}, {"chosen_tokens": 9, "rejected_tokens": 1}, {}),
    "same_script": ({}, {"same_script": True}, {"same_script": False}),
    "decontaminated": ({}, {}, {"contamination": "gsm8k.jsonl: what is"}),
    "deduplicated": ({}, {}, {"duplicate_of": "a" * 16}),
}


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_an_example(name: str) -> None:
    """A rule without one here fails; one pair is kept, the other is dropped."""
    options, kept, dropped = EXAMPLES[name]
    assert keeps(name, options, **kept) is True
    assert keeps(name, options, **dropped) is False


@pytest.mark.parametrize("name", RULES)
def test_every_rule_is_documented(name: str) -> None:
    """Its docstring opens with a sentence, and names each option beyond a plain threshold."""
    rule = RULES[name]
    assert rule.require.__doc__ and rule.sentence.endswith((".", ":"))
    options = set(signature(rule.require).parameters) - {"at_least", "at_most"}
    assert {option for option in options if option not in rule.require.__doc__} == set()


@pytest.mark.parametrize("name", RULES)
def test_every_rule_has_its_name_and_its_evidence(name: str) -> None:
    """A rule is registered under its function's name; its evidence is a column of pairs."""
    rule = RULES[name]
    assert rule.require.__name__ == name
    assert {*(rule.evidence or ())} <= {*Pairs.column_names()}
