"""Simulated annotators and their planted faults."""

from collections.abc import Callable
from itertools import product

import polars as pl
import pytest
from pydantic import ValidationError

from rather.schemas.judgements import Ratings
from rather.stages.raters.annotator import Options, rate

Make = Callable[..., pl.DataFrame]
PROMPT = "Reverse: banel"  # lenab
MANY = [(PROMPT, "".join(letters)) for letters in product("lenab", repeat=4)]


def share(hits: pl.Series) -> float:
    """Give the share of true values."""
    return sum(hits) / len(hits)


@pytest.fixture
def prompts(make_prompts: Make) -> pl.DataFrame:
    """One prompt of the demo world."""
    return make_prompts({PROMPT: "lenab"})


@pytest.mark.parametrize(
    ("text", "score"),
    [("lenab", 5), ("lena", 5), ("leXYb", 3), ("xyz", 1)],
    ids=["right", "4/4.5 of it", "6/10 of it", "nothing of it"],
)
def test_reliable_annotator_scores_quality(
    prompts: pl.DataFrame, make_responses: Make, text: str, score: int
) -> None:
    """One who always judges truly gives 1 + 4 * quality, in whole points."""
    ratings = rate("careful", prompts, make_responses((PROMPT, text)), Options(), seed=0)
    assert ratings["score"].to_list() == [score]


def test_careless_annotator_guesses(prompts: pl.DataFrame, make_responses: Make) -> None:
    """One who never judges truly gives every score alike, right answer or not."""
    ratings = rate("careless", prompts, make_responses(*MANY), Options(reliability=0), seed=0)
    counts = dict(ratings["score"].value_counts().rows())
    assert counts.keys() == {1, 2, 3, 4, 5}
    assert min(counts.values()) > 625 / 5 / 2


def test_reliability_is_the_share_judged_truly(prompts: pl.DataFrame, make_responses: Make) -> None:
    """At reliability 0.5 six in ten agree with the truth: half judged, one guess in five right."""
    responses = make_responses(*MANY)
    truth, half = (
        rate("annotator", prompts, responses, Options(reliability=share), seed=0)["score"]
        for share in (1.0, 0.5)
    )
    assert share(truth == half) == pytest.approx(0.6, abs=0.06)


def test_length_preference_rewards_extra_characters(
    prompts: pl.DataFrame, make_responses: Make
) -> None:
    """Two points for 10 characters: a wrong answer 5 longer than the right one gains a point."""
    responses = make_responses((PROMPT, "xyzxyzxyzx"))
    plain, fond = (
        rate("annotator", prompts, responses, Options(length_preference=points), seed=0)["score"]
        for points in (0, 2)
    )
    assert (fond - plain).to_list() == [1]


def test_scores_stay_on_the_scale(prompts: pl.DataFrame, make_responses: Make) -> None:
    """No fondness of length lifts a score above 5."""
    ratings = rate(
        "fond", prompts, make_responses((PROMPT, "x" * 99)), Options(length_preference=9), seed=0
    )
    assert ratings["score"].to_list() == [5]


def test_skipped_is_not_low(prompts: pl.DataFrame, make_responses: Make) -> None:
    """What an annotator skips has no score but a reason; the rest keep the scores they had."""
    responses = make_responses(*MANY)
    all_there = rate("annotator", prompts, responses, Options(reliability=0.5), seed=0)
    some = rate("annotator", prompts, responses, Options(reliability=0.5, missing=0.3), seed=0)
    skipped = some["score"].is_null()
    assert share(skipped) == pytest.approx(0.3, abs=0.06)
    assert set(some.filter(skipped)["reason"]) == {"skipped"}
    assert some.filter(~skipped)["score"].equals(all_there.filter(~skipped)["score"])


def test_other_prompts_are_not_judged(make_prompts: Make, make_responses: Make) -> None:
    """A prompt that is no task of the demo world gives null, with the reason."""
    prompts, responses = make_prompts({"Hello": None}), make_responses(("Hello", "Hi"))
    ratings = rate("careful", prompts, responses, Options(), seed=0)
    assert ratings.select("score", "reason").rows() == [(None, "not_a_demo_task")]


def test_more_responses_change_no_score(prompts: pl.DataFrame, make_responses: Make) -> None:
    """A score depends on seed, rater and response, not on what else is rated."""
    options = Options(reliability=0.5)
    few = rate("annotator", prompts, make_responses(*MANY[:50]), options, seed=0)
    many = rate("annotator", prompts, make_responses(*reversed(MANY)), options, seed=0)
    assert few.equals(many.join(few, on="response_id", how="semi"))


@pytest.mark.parametrize(("rater", "seed"), [("other", 0), ("annotator", 1)])
def test_raters_and_seeds_differ(
    prompts: pl.DataFrame, make_responses: Make, rater: str, seed: int
) -> None:
    """Two annotators of one character, or one under two seeds, guess differently."""
    responses, options = make_responses(*MANY), Options(reliability=0)
    one = rate("annotator", prompts, responses, options, seed=0)["score"]
    assert share(one == rate(rater, prompts, responses, options, seed)["score"]) < 0.3


def test_nothing_to_rate(prompts: pl.DataFrame, make_responses: Make) -> None:
    """No responses give an empty ratings table."""
    assert Ratings.validate(rate("careful", prompts, make_responses(), Options(), 0)).is_empty()


def test_options_are_checked() -> None:
    """A reliability that is no share is refused."""
    with pytest.raises(ValidationError, match="reliability"):
        Options(reliability=1.5)
