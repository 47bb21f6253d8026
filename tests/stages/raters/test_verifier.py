"""The verifier: exactly right or not."""

from collections.abc import Callable

import polars as pl
import pytest

from schemas.ratings import Ratings
from stages.raters.verifier import Options, rate

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
