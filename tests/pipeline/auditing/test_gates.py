"""`--fail-under`: what is asked of an audit, and what misses it."""

from typing import Any

import pytest

from rather.auditing.gates import missed, read_gates
from rather.schemas.base import UserError

AUDIT: dict[str, Any] = {
    "verdict": {"answer": "with_care"},
    "quality": {"failures": []},
    "headline": [
        {"name": "pairs_kept", "value": 0.5, "better": "higher"},
        {"name": "agreement", "value": None, "better": "higher"},
        {"name": "length_effect", "value": 0.38, "better": "half"},
        {"name": "duplicates_and_leaks", "value": 7, "better": "lower"},
    ],
}


@pytest.mark.parametrize(
    "text",
    [
        "with_care",
        "quality",
        "pairs_kept=0.5",
        "length_effect=0.12",
        "duplicates_and_leaks=7",
    ],
)
def test_what_is_met_passes(text: str) -> None:
    """A verdict as good, a quality without failures, and figures at their very limits."""
    assert missed(AUDIT, read_gates([text])) == []


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("yes", "expected the verdict yes, found with_care"),
        ("pairs_kept=0.51", "expected pairs_kept at least 0.51, found 0.5"),
        ("agreement=0.1", "expected agreement at least 0.1, found none: not known"),
        ("length_effect=0.1", "expected length_effect within 0.1 of one half, found 0.38"),
        ("duplicates_and_leaks=6", "expected duplicates_and_leaks at most 6, found 7"),
    ],
)
def test_what_is_missed_is_said(text: str, sentence: str) -> None:
    """What was expected and what was found; what nobody knows is missed."""
    assert missed(AUDIT, read_gates([text])) == [sentence]


def test_the_declared_quality_is_missed_in_its_own_words() -> None:
    """The sentences that convert would refuse with."""
    audit = AUDIT | {"quality": {"failures": ["too few pairs: found 1"]}}
    assert missed(audit, read_gates(["quality"])) == [
        "expected the declared quality: too few pairs: found 1"
    ]


@pytest.mark.parametrize(
    "text",
    [
        "no",
        "perfect",
        "agreement",
        "agreement=high",
        "agreement=nan",
        "pairs_kept=70",
        "duplicates_and_leaks=-1",
        "alpha=0.5",
        "",
    ],
)
def test_what_cannot_be_asked_is_refused(text: str) -> None:
    """Every audit is as good as no; other names and numbers that are none are mistakes."""
    with pytest.raises(UserError, match=rf"--fail-under {text}: expected "):
        read_gates([text])
