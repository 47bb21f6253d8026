"""The verifier: exactly right or not."""

from collections.abc import Callable

import polars as pl
import pytest
from pydantic import ValidationError

from rather.schemas.judgements import Ratings
from rather.stages.raters.verifier import Options, rate

Make = Callable[..., pl.DataFrame]


@pytest.mark.parametrize(
    ("text", "score"), [("5", 1.0), (" 5\n", 1.0), ("5.", 0.0), ("", 0.0), ("V", 0.0)]
)
def test_exact_but_for_white_space(
    make_prompts: Make, make_responses: Make, text: str, score: float
) -> None:
    """Only the answer itself scores 1; outer white space does not count."""
    prompts, responses = make_prompts({"2+3?": "5"}), make_responses(("2+3?", text))
    ratings = rate("exact", prompts, responses, Options(), seed=0)
    assert ratings["score"].to_list() == [score]


def test_no_answer_is_not_a_low_score(make_prompts: Make, make_responses: Make) -> None:
    """Where a prompt has no right answer the score is null, with the reason."""
    prompts, responses = make_prompts({"How are you?": None}), make_responses(("How are you?", "5"))
    ratings = rate("exact", prompts, responses, Options(), seed=0)
    assert ratings.select("score", "reason").rows() == [(None, "no_answer")]


def test_one_rating_for_one_text(make_prompts: Make, make_responses: Make) -> None:
    """Two samples with one text are one response, and a failed sample is none."""
    prompts = make_prompts({"2+3?": "5"})
    responses = make_responses(("2+3?", "5"), ("2+3?", "5"), ("2+3?", None))
    ratings = Ratings.validate(rate("exact", prompts, responses, Options(), seed=0))
    assert ratings.select("rater", "score").rows() == [("exact", 1.0)]


def test_nothing_to_rate(make_prompts: Make, make_responses: Make) -> None:
    """No responses give an empty ratings table."""
    ratings = rate("exact", make_prompts({}), make_responses(), Options(), seed=0)
    assert Ratings.validate(ratings).is_empty()


def verdicts(
    make_prompts: Make,
    make_responses: Make,
    options: Options,
    *texts: str,
    answer: str | None = "42",
) -> dict[str, tuple[float | None, str | None]]:
    """Give each text's score and reason."""
    responses = make_responses(*(("?", text) for text in texts))
    found = Ratings.validate(rate("own", make_prompts({"?": answer}), responses, options, seed=0))
    told = found.join(responses, on="response_id").select("text", "score", "reason")
    return {text: (score, reason) for text, score, reason in told.iter_rows()}


def test_each_check_is_asked_by_its_option(make_prompts: Make, make_responses: Make) -> None:
    """A tolerance asks for a number, a pattern for itself, facts for their share."""
    checks = {
        "tolerance": (0.5, "it is 42.4"),
        "pattern": (r"^\d+$", "42"),
        "json_schema": ({"const": 42}, "42"),
        "facts": (["42", "because"], "42 because"),
    }
    for name, (value, text) in checks.items():
        options = Options(**{name: value})
        found = verdicts(make_prompts, make_responses, options, text, "wrong")
        assert found == {text: (1.0, None), "wrong": (0.0, None)}, name


def test_an_extract_is_taken_for_the_text(make_prompts: Make, make_responses: Make) -> None:
    """Where the form is found several times the last counts, where it is not all is wrong."""
    options = Options(extract="#### (.*)")
    texts = "so\n#### 42", "#### 41\n#### 42", "#### 42\n#### 41", "42"
    found = verdicts(make_prompts, make_responses, options, *texts)
    assert [found[text][0] for text in texts] == [1.0, 1.0, 0.0, 0.0]


def test_what_cannot_be_told_is_null(make_prompts: Make, make_responses: Make) -> None:
    """A prompt without a number in its answer is not answered wrong."""
    found = verdicts(make_prompts, make_responses, Options(tolerance=0), "42", answer="pi")
    assert found == {"42": (None, "answer_no_number")}


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"pattern": "("}, "expected a regular expression"),
        ({"tolerance": -1}, "greater than or equal to 0"),
        ({"facts": []}, "expected texts that say something"),
        ({"facts": ["a", " "]}, "expected texts that say something"),
        ({"facts": "lines"}, "expected `answer` or a list of texts, found 'lines'"),
        ({"function": "module.name"}, "expected package.module:name"),
        ({"json_schema": {"type": 3}}, "expected a JSON schema"),
        ({"extract": "####"}, "extract: expected a group"),
        ({"tolerance": 0, "pattern": "x"}, "found tolerance and pattern; make each a rater"),
        ({"patern": "x"}, "Extra inputs"),
    ],
)
def test_options_are_checked_at_once(given: dict[str, object], sentence: str) -> None:
    """Where params.yaml is read."""
    with pytest.raises(ValidationError, match=sentence):
        Options(**given)  # type: ignore[arg-type]
