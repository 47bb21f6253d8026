"""What a program can tell of an answer."""

import sys
from pathlib import Path
from typing import Any

import pytest

from rather.schemas.base import UserError
from rather.stages.raters.verifier_checks import (
    Check,
    compiled,
    facts,
    function,
    json_schema,
    last_number,
    number,
    pattern,
    require_json_schema,
)


def told(check: Check, text: str, answer: str | None = None) -> float | str:
    """Check a text."""
    return check([{"role": "user", "content": "?"}], text, answer)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("it is 42.", 42),
        ("1 then 2", 2),
        ("-3.5e2", -350),
        ("$1,234,567.89", 1234567.89),
        ("12,5", 5),
        (".5", 0.5),
        ("3-5", 5),
        ("x = -5", -5),
        ("3.", 3),
        ("no number", None),
        ("", None),
        ("1e999", None),
        ("٣", None),
    ],
)
def test_the_last_number_counts(text: str, value: float | None) -> None:
    """Thousands may be parted by commas; a comma elsewhere parts two numbers."""
    assert last_number(text) == value


def test_a_number_may_be_a_little_off() -> None:
    """By the tolerance and no more; without a number nothing is right."""
    check = number(0.01)
    assert told(check, "about 3.14", "3.1415") == 1.0
    assert told(check, "about 3.1", "3.1415") == 0.0
    assert told(check, "no idea", "3.1415") == 0.0
    assert told(check, "3", None) == "no_answer"
    assert told(check, "3", "pi") == "answer_no_number"


def test_a_pattern_is_found_anywhere() -> None:
    """Unless it says where it begins and ends."""
    assert told(pattern(r"\d+"), "it is 42") == 1.0
    assert told(pattern(r"^\d+$"), "it is 42") == 0.0


def test_no_regular_expression_is_refused() -> None:
    """With what is wrong with it."""
    with pytest.raises(ValueError, match="expected a regular expression"):
        compiled("(")


SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"at": {"$ref": "#/$defs/day"}},
    "required": ["at"],
    "$defs": {"day": {"enum": ["monday", "friday"]}},
}


@pytest.mark.parametrize(
    ("text", "score"),
    [
        ('{"at": "friday"}', 1.0),
        ('{"at": "sunday"}', 0.0),
        ("{}", 0.0),
        ("friday", 0.0),
        ("", 0.0),
        ("[" * 100_000, 0.0),
    ],
)
def test_json_meets_a_schema_or_does_not(text: str, score: float) -> None:
    """What is no JSON meets none."""
    assert told(json_schema(require_json_schema(SCHEMA)), text) == score


@pytest.mark.parametrize(
    ("schema", "sentence"),
    [
        ({"type": "strnig"}, "expected a JSON schema, found: "),
        ({"$ref": "#/$defs/x"}, "expected a part of this schema, found '#/\\$defs/x'"),
        ({"items": {"$ref": "http://x.test/y"}}, "expected a part of this schema, found 'http"),
    ],
)
def test_no_schema_is_refused(schema: dict[str, Any], sentence: str) -> None:
    """Nor is anything fetched from elsewhere."""
    with pytest.raises(ValueError, match=sentence):
        require_json_schema(schema)


def test_facts_may_stand_anywhere() -> None:
    """Whatever their case and white space; the score is the share that is there."""
    check = facts(["Ada  Lovelace", "1815", "Byron"])
    assert told(check, "Born in 1815, ada\nlovelace wrote ...") == pytest.approx(2 / 3)
    assert told(check, "") == 0.0


def test_facts_may_be_the_answers_lines() -> None:
    """A prompt without them cannot be judged."""
    assert told(facts(None), "Born 1815", "1815\n\nByron\n") == 0.5
    assert told(facts(None), "x", None) == "no_answer"
    assert told(facts(None), "x", " \n") == "answer_no_facts"


MODULE = """
def shout(messages, text, answer):
    if text == "break": raise RuntimeError("no")
    return {"yes": True, "half": 0.5, "unsure": None, "text": "1", "nan": float("nan")}[text]
three = 3
"""


@pytest.fixture
def module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A user's own module, in the folder that rather runs in."""
    (tmp_path / "own_checks.py").write_text(MODULE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_checks", raising=False)
    return "own_checks"


def test_a_function_of_ones_own_judges(module: str) -> None:
    """By number or truth value; whatever else comes of it is a reason, never a traceback."""
    check = function(f"{module}:shout")
    found = [told(check, text) for text in ("yes", "half", "unsure", "text", "nan", "break")]
    assert found == [1.0, 0.5, "no_verdict", "no_number", "no_number", "function_failed"]


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("nowhere:f", "ModuleNotFoundError"),
        ("own_checks:nothing", "AttributeError"),
        ("own_checks:three", "to be a function, found 3"),
    ],
)
def test_a_function_that_is_not_there_is_named(module: str, name: str, sentence: str) -> None:
    """Before anything is judged."""
    with pytest.raises(UserError, match=f"{name}.*{sentence}"):
        function(name)
