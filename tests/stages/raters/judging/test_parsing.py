"""What is read from a judge's answer, and what is not guessed."""

import pytest

from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.wording import parse

SCORES = Options(aspects={"help": "helps", "truth": "is true"}, scale=(1, 5))
PREFERENCES = Options(by="pairwise", aspects={"help": "helps"})


def test_a_score_for_each_aspect_is_read() -> None:
    """What else the object holds is the judge's own affair."""
    text = '{"explanation": "so", "help": 4, "truth": 2}'
    assert parse(text, "stop", SCORES) == {"help": 4.0, "truth": 2.0}


@pytest.mark.parametrize(("said", "value"), [("A", 1.0), ("B", -1.0), ("tie", 0.0)])
def test_a_preference_is_for_the_first_the_second_or_neither(said: str, value: float) -> None:
    """A is shown first."""
    assert parse(f'{{"help": "{said}"}}', "stop", PREFERENCES) == {"help": value}


@pytest.mark.parametrize(
    "score", ["6", "0", "3.5", '"4"', "true", "null", "[3]", "NaN", "1e999", "-3"]
)
def test_a_score_off_the_scale_is_none(score: str) -> None:
    """Neither is a text, half a point, or a truth value; the other aspect stands."""
    found = parse(f'{{"help": {score}, "truth": 2}}', "stop", SCORES)
    assert found == {"help": "not_on_scale", "truth": 2.0}


def test_a_missing_aspect_is_none() -> None:
    """An aspect that was not judged is not judged low."""
    assert parse('{"help": 3}', "stop", SCORES)["truth"] == "not_on_scale"


@pytest.mark.parametrize("said", ['"a"', '"A."', '"Answer A"', "1", "null", '["A"]'])
def test_nothing_but_the_three_words_is_a_preference(said: str) -> None:
    """What would have to be guessed is not."""
    assert parse(f'{{"help": {said}}}', "stop", PREFERENCES) == {"help": "not_a_preference"}


@pytest.mark.parametrize(
    ("text", "finish_reason", "reason"),
    [
        (None, None, "empty_answer"),
        (" \n", "stop", "empty_answer"),
        ("I like A.", "stop", "not_json"),
        ('```json\n{"help": "A"}\n```', "stop", "not_json"),
        ('"A"', "stop", "not_json"),
        ("[" * 100_000, "stop", "not_json"),
        ('{"help": "', "length", "cut_off"),
    ],
)
def test_no_object_is_null_with_its_reason(
    text: str | None, finish_reason: str | None, reason: str
) -> None:
    """An answer that ran out of tokens says so."""
    assert parse(text, finish_reason, PREFERENCES) == {"help": reason}
