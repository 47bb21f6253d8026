"""A judge behind an endpoint: a server on loopback that plays it, and counts what it is asked."""

import json
import re
from collections.abc import Callable
from random import Random
from typing import Any

import polars as pl
import pytest

from rather.schemas.base import RatherError, UserError
from rather.schemas.judgements import Comparisons, Ratings, Verdicts
from rather.stages.common.ids import response_id
from rather.stages.models.chat import StoppedError
from rather.stages.raters.judge import Options, rate
from rather.stages.raters.rating import Models, Rated
from tests.servers import Body, Reply, answer, played, refusal

Make = Callable[..., pl.DataFrame]
Served = Callable[..., Models]
PAIRWISE = Options(by="pairwise", explain=False)
TEXTS = ("a", "bb", "ccc")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let attempts follow one another at once."""
    monkeypatch.setattr("rather.stages.models.endpoint.FIRST_WAIT", 0.0)


@pytest.fixture
def judge(make_prompts: Make, make_responses: Make) -> Callable[..., Rated]:
    """Let a judge rate answers to one question."""

    def make(models: Models, *texts: str, options: Options = PAIRWISE, seed: int = 0) -> Rated:
        prompts, responses = make_prompts({"?": None}), make_responses(*(("?", t) for t in texts))
        return rate("gpt", prompts, responses, options, seed, models)

    return make


def shown(body: Body) -> list[str]:
    """Give the answers that a question shows, in order."""
    found = re.findall(r"<answer(?: [AB])? \w+>\n(.*?)\n</", body["messages"][0]["content"])
    return [str(text) for text in found]


def longer(body: Body) -> Reply:
    """Prefer the longer answer, or give a point for each letter."""
    if "JSON object" not in body["messages"][0]["content"]:
        return refusal(400)
    texts = shown(body)
    if len(texts) == 1:
        return answer(json.dumps({"overall": len(texts[0])}))
    return answer(json.dumps({"overall": "A" if len(texts[0]) > len(texts[1]) else "B"}))


def test_scores_become_ratings(judge: Callable[..., Rated], served: Served) -> None:
    """Each answer has the score that the judge gave it; its own words are kept."""
    options = Options(explain=False)
    with played(longer) as server:
        found = judge(served(server), *TEXTS, options=options)
    ratings = Ratings.validate(found.ratings)
    assert sorted(ratings["score"]) == [1, 2, 3]
    assert set(ratings.select("rater", "aspect").iter_rows()) == {("gpt", "overall")}
    assert found.comparisons.is_empty()
    verdicts = Verdicts.validate(found.verdicts)
    assert sorted(verdicts["text"]) == [f'{{"overall": {score}}}' for score in (1, 2, 3)]


def test_preferences_become_comparisons(judge: Callable[..., Rated], served: Served) -> None:
    """Of every couple, from both orders; what was shown first is kept beside the words."""
    with played(longer) as server:
        found = judge(served(server), *TEXTS)
        assert len(server.asked) == 6
        schema = server.asked[0]["response_format"]["json_schema"]["schema"]
    assert schema["properties"]["overall"]["enum"] == ["A", "B", "tie"]
    prompt = found.verdicts["prompt_id"][0]
    texts = {response_id(prompt, text): text for text in TEXTS}
    for row in Comparisons.validate(found.comparisons).iter_rows(named=True):
        longest = len(texts[row["first_id"]]) > len(texts[row["second_id"]])
        assert row["preference"] == (1.0 if longest else -1.0)
    assert found.comparisons.height == 3
    assert Verdicts.validate(found.verdicts).height == 6
    assert found.figures["position_bias"] == 0.5


def test_a_planted_position_bias_is_measured_and_its_flips_are_ties(
    make_prompts: Make, make_responses: Make, served: Served
) -> None:
    """A judge that takes the first in .2 of its answers: order_effect .2, flipped couples ties."""
    random = Random(0)

    def biased(body: Body) -> Reply:
        first, second = shown(body)
        takes_first = random.random() < 0.2 or len(first) > len(second)
        return answer(json.dumps({"overall": "A" if takes_first else "B"}))

    prompts = make_prompts({f"q{at}": None for at in range(500)})
    responses = make_responses(*((f"q{at}", text) for at in range(500) for text in ("a", "bb")))
    with played(biased) as server:
        found = rate("gpt", prompts, responses, PAIRWISE, 0, served(server))
    assert found.figures["order_effect"] == pytest.approx(0.2, abs=0.05)
    assert found.figures["flipped"] == pytest.approx(0.2, abs=0.05)
    ties = found.comparisons.filter(preference=0.0).height
    assert ties == round(found.figures["flipped"] * 500)


def test_what_cannot_be_read_is_null_with_its_reason(
    judge: Callable[..., Rated], served: Served
) -> None:
    """The others stand, and every text is kept for the audit, read or not."""
    replies = {"a": answer("I like it"), "bb": answer('{"overall": 9}'), "ccc": answer("")}
    with played(lambda body: replies.get(shown(body)[0]) or longer(body)) as server:
        found = judge(served(server), *TEXTS, "dddd", options=Options(explain=False))
    reasons = dict(found.ratings.select("reason", "score").iter_rows())
    assert reasons == {"not_json": None, "not_on_scale": None, "empty_answer": None, None: 4.0}
    assert set(found.verdicts["text"]) == {"I like it", '{"overall": 9}', "", '{"overall": 4}'}


def test_nothing_is_asked_twice(judge: Callable[..., Rated], served: Served) -> None:
    """A second run asks nothing and says the same; another answer brings its own couples alone."""
    with played(longer) as server:
        first = judge(served(server), "a", "bb")
        assert judge(served(server), "a", "bb").comparisons.equals(first.comparisons)
        assert len(server.asked) == 2
        judge(served(server), *TEXTS)
        assert len(server.asked) == 6


@pytest.mark.parametrize(
    "change",
    [
        {"max_tokens": 9},
        {"rubric": "Be strict."},
        {"aspects": {"overall": "is it short"}},
        {"template": {"enable_thinking": False}},
    ],
)
def test_another_question_is_another_row(
    judge: Callable[..., Rated], served: Served, change: dict[str, Any]
) -> None:
    """Whatever the judge is told, and how it answers, is part of what its answer rests on."""
    with played(longer) as server:
        judge(served(server), "a", "bb")
        judge(served(server), "a", "bb", options=PAIRWISE.model_copy(update=change))
    assert len(server.asked) == 4


def test_a_seed_matters_where_there_is_chance(judge: Callable[..., Rated], served: Served) -> None:
    """The likeliest answer is the same whatever the seed; a drawn one is not."""
    drawn = Options(by="pairwise", explain=False, temperature=1.0, votes=2)
    with played(longer) as server:
        for seed in (0, 1):
            judge(served(server), "a", "bb", seed=seed)
        assert len(server.asked) == 2
        for seed in (0, 1):
            judge(served(server), "a", "bb", options=drawn, seed=seed)
        assert len(server.asked) == 2 + 2 * 4
        assert len({body["seed"] for body in server.asked[2:]}) == 8


def test_above_a_cap_nothing_is_asked(judge: Callable[..., Rated], served: Served) -> None:
    """Six requests, where five may be made."""
    capped = PAIRWISE.model_copy(update={"max_requests": 5})
    with played(longer) as server:
        with pytest.raises(UserError, match="expected at most 5 requests, found 6"):
            judge(served(server), *TEXTS, options=capped)
        assert server.asked == []
        judge(served(server), "a", "bb", options=capped)
        found = judge(served(server), *TEXTS, options=capped)
    assert found.comparisons.height == 3  # four more were asked: what is known costs nothing


def test_a_missing_key_is_named(judge: Callable[..., Rated], served: Served) -> None:
    """By the variable that it is read from."""
    with played(longer) as server, pytest.raises(UserError, match="variable JUDGE_KEY"):
        judge(served(server, key="JUDGE_KEY"), "a", "bb")


@pytest.mark.parametrize(
    "reply",
    [refusal(429), refusal(500), Reply(content=b"<html>"), Reply(content=b"")],
    ids=["429", "500", "malformed", "nothing"],
)
def test_what_was_answered_is_kept_where_an_endpoint_fails(
    judge: Callable[..., Rated], served: Served, reply: Reply
) -> None:
    """Two of six are answered, then nothing helps: a clear error; the next run asks four more."""
    answered = 0

    def fails(body: Body) -> Reply:
        nonlocal answered
        answered += 1
        return longer(body) if answered <= 2 else reply

    with played(fails) as server:
        models = served(server, retries=1, concurrency=1)
        with pytest.raises(StoppedError, match="what was answered is kept, run again to go on"):
            judge(models, *TEXTS)
        assert len(server.asked) == 4
        answered = -4
        assert judge(models, *TEXTS).comparisons["preference"].null_count() == 0
        assert len(server.asked) == 8


def test_one_refused_question_harms_no_other(judge: Callable[..., Rated], served: Served) -> None:
    """It is null with its reason, and is asked again another time, since it cost nothing."""
    with played(lambda body: refusal(400) if "ccc" in shown(body) else longer(body)) as server:
        found = judge(served(server), *TEXTS)
    assert found.comparisons["reason"].value_counts().sort("count").rows() == [
        (None, 1),
        ("request_refused", 2),
    ]
    with played(longer) as server:
        judge(served(server), *TEXTS)


@pytest.mark.parametrize(
    ("reply", "found"),
    [(answer("A is better"), "'A is better'"), (refusal(400), "request_refused")],
    ids=["no schema kept", "no schema taken"],
)
def test_a_judge_that_keeps_to_no_schema_is_stopped(
    judge: Callable[..., Rated], served: Served, reply: Reply, found: str
) -> None:
    """Once a chunk of answers holds not one verdict, no more is paid for."""
    texts = [f"{at}" for at in range(10)]
    options = Options(by="pairwise", explain=False, max_pairs=45, chunk_size=30)
    with played(lambda body: reply) as server:
        with pytest.raises(RatherError, match=f"found none in 30 answers, the first being {found}"):
            judge(served(server), *texts, options=options)
        assert len(server.asked) == 30


def test_without_responses_nobody_is_asked(judge: Callable[..., Rated], served: Served) -> None:
    """Nor is a key missed."""
    with played(longer) as server:
        found = judge(served(server, key="JUDGE_KEY"))
        assert (found.ratings.height, found.comparisons.height, server.asked) == (0, 0, [])


def test_an_only_answer_has_nothing_to_be_compared_with(
    judge: Callable[..., Rated], served: Served
) -> None:
    """No couple, no question."""
    with played(longer) as server:
        assert judge(served(server), "a").comparisons.is_empty()
        assert server.asked == []
