"""Rules of the user's own."""

from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.params.params import make_params
from rather.schemas.base import UserError
from rather.schemas.evidence import Pairs
from rather.stages.common import extensions
from rather.stages.winnow.winnow import (
    evidence_of,
    keeps,
    not_applicable,
    reason_of,
    rule_named,
    winnow,
)

MODULE = '''
import polars as pl
from rather.stages.winnow.rules import Rule

def brief(at_most: int = 10) -> pl.Expr:
    """Chosen is short."""
    return pl.col("chosen_tokens") <= at_most

def sure(at_least: float = 0.9) -> pl.Expr:
    return (pl.col("agreement") >= at_least) & (pl.col("num_raters") > 1)

def no_expression():
    return True

def unknown_column() -> pl.Expr:
    return pl.col("sentiment") > 0

def no_answer() -> pl.Expr:
    return pl.col("margin")

def no_sense() -> pl.Expr:
    return pl.col("complete").str.len_chars() > 1

def margin() -> pl.Expr:
    return pl.col("margin") > 1

ten = 10
lenient = Rule(sure, evidence=())
'''


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that holds a module of rules."""
    (tmp_path / "rules_of_a_user.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def pairs(*rows: dict[str, Any]) -> pl.DataFrame:
    """Make pairs of this evidence."""
    return pl.DataFrame(rows, schema=Pairs.create_empty().schema)


def test_a_rule_of_the_users_own_drops_pairs_under_its_name() -> None:
    """The reason is the part after the colon, and options are passed on."""
    rules = {"rules_of_a_user:brief": {"at_most": 5}}
    judged = winnow(pairs({"chosen_tokens": 5}, {"chosen_tokens": 6}), rules)
    assert judged["reason"].to_list() == [None, "brief"]
    assert rule_named("rules_of_a_user:brief").sentence == "Chosen is short."


def test_the_columns_used_are_the_evidence() -> None:
    """Where one of them is null in every pair, the rule does not apply."""
    rules: dict[str, dict[str, Any]] = {"rules_of_a_user:sure": {}}
    assert evidence_of(rules) == ["agreement", "num_raters"]
    assert not_applicable(pairs({"num_raters": 2}), rules) == ["sure"]
    assert not_applicable(pairs({"num_raters": 2, "agreement": 0.5}), rules) == []


def test_a_rule_may_declare_other_evidence() -> None:
    """A Rule object without evidence always applies."""
    pair = pairs({"num_raters": 2})
    assert not_applicable(pair, {"rules_of_a_user:lenient": {}}) == []
    assert winnow(pair, {"rules_of_a_user:lenient": {}})["reason"].to_list() == ["lenient"]


def test_a_package_declares_a_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point in the group `rather.rules` is a rule's name, and its reason."""
    entry = EntryPoint("short", "rules_of_a_user:brief", "rather.rules")
    monkeypatch.setattr(extensions, "entry_points", lambda group: [entry])
    judged = winnow(pairs({"chosen_tokens": 11}), {"short": {}})
    assert judged["reason"].to_list() == ["short"] and reason_of("short") == "short"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "marign",
            "rules.marign: no such rule .did you mean .margin.... expected some of complete",
        ),
        ("xyz", "rules.xyz: no such rule; expected some of complete"),
        ("rules_of_a_user:ten", "expected a function of the rule's options, found int"),
        ("rules_of_a_user:long", "expected rules_of_a_user:long, found AttributeError"),
        ("rules_of_a_user:no_expression", "expected a polars expression, found bool"),
        ("rules_of_a_user:unknown_column", "expected columns of pairs, found sentiment; use some"),
        ("rules_of_a_user:no_answer", "expected true or false for each pair, found Float64"),
        ("rules_of_a_user:no_sense", "expected an expression over pairs, found"),
    ],
)
def test_a_rule_that_cannot_be_used_is_explained(name: str, sentence: str) -> None:
    """The sentence names the rule, and gives what was expected and found."""
    with pytest.raises(UserError, match=sentence):
        keeps(name, {})


@pytest.mark.parametrize(
    ("rules", "sentence"),
    [
        (
            {"rules_of_a_user:brief": {"at_mots": 5}},
            r"winnow\.rules\.rules_of_a_user:brief\.at_mots: no such parameter",
        ),
        (
            {"rules_of_a_user:brief": {"at_most": "five"}},
            r"winnow\.rules\.rules_of_a_user:brief\.at_most: input should be a valid integer",
        ),
        (
            {"margin": {}, "rules_of_a_user:margin": {}},
            r"rules_of_a_user:margin: expected a name of its own after the colon, found that of",
        ),
        ({"rules_of_a_user:long": None}, "rules_of_a_user:long, found AttributeError"),
    ],
)
def test_params_check_rules_of_the_users_own(rules: dict[str, Any], sentence: str) -> None:
    """Options, names and modules are checked when params.yaml is read."""
    with pytest.raises(UserError, match=f"here: .*{sentence}"):
        make_params({"winnow": {"rules": rules}}, [], "here")
