import json
import threading
from itertools import count

import pytest

from rather.schemas.base import Message, UserError
from rather.stages.models.chat import Chat, Sample, Sampling, StoppedError
from rather.stages.models.endpoint import Endpoint
from rather.stages.models.pointer import Address
from tests.servers import Body, Played, Reply, answer, played, refusal

KEY = "sk-very-secret"


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let attempts follow one another at once."""
    monkeypatch.setattr("rather.stages.models.endpoint.FIRST_WAIT", 0.0)


def chat(text: str, seed: int = 0) -> Chat:
    """Ask one thing."""
    turn: Message = {"role": "user", "content": text}
    return Chat([turn], seed)


def asked_of(body: Body) -> str:
    """Give what a request asks."""
    return str(body["messages"][-1]["content"])


def ask(server: Played, *requests: Chat, retries: int = 2, **more: object) -> list[Sample | str]:
    """Ask a server."""
    with Endpoint(Address(server.url, "played", retries=retries, **more)) as endpoint:  # type: ignore[arg-type]
        return endpoint.chat(requests, Sampling(temperature=0.5, top_p=0.9, max_tokens=7))


def test_answers_come_in_the_order_of_questions() -> None:
    """Whatever is answered first, each answer stands where its question stood."""
    with played(lambda body: answer(asked_of(body).upper())) as server:
        found = ask(server, *(chat(f"q{at}") for at in range(50)))
    assert found == [Sample(f"Q{at}", "stop", 3, None, 5) for at in range(50)]


def test_a_request_says_how_to_sample() -> None:
    """Model, sampling, seed, stops and the schema go out in the protocol's words."""
    sampling = Sampling(0.5, 0.9, 7, ("\n",))
    request = Chat([{"role": "user", "content": "hi"}], 3, {"type": "object"})
    with played(lambda body: answer("yes")) as server:
        with Endpoint(Address(server.url, "m", logprobs=True), {"thinking": False}) as endpoint:
            endpoint.chat([request], sampling)
        (body,) = server.asked
    assert body["response_format"]["json_schema"]["schema"] == {"type": "object"}
    del body["response_format"]
    assert body == {
        "model": "m",
        "messages": [{"role": "user", "content": "hi"}],
        "temperature": 0.5,
        "top_p": 0.9,
        "max_tokens": 7,
        "seed": 3,
        "stop": ["\n"],
        "logprobs": True,
        "chat_template_kwargs": {"thinking": False},
    }


@pytest.mark.parametrize(
    "trouble",
    [
        refusal(429),
        refusal(429, **{"retry-after": "0"}),
        refusal(500),
        refusal(503),
        Reply(content=b'{"choices": [{"mess'),
        Reply(content=b""),
        Reply(content=b"null"),
        Reply(content=b'{"choices": []}'),
        Reply(content=b"<html>busy</html>", headers={"content-type": "text/html"}),
    ],
    ids=["429", "429 later", "500", "503", "cut", "empty", "null", "no choice", "page"],
)
def test_trouble_that_passes_is_waited_out(trouble: Reply) -> None:
    """A busy or broken server, and replies that are none, are asked once more."""
    turns = count()
    with played(lambda body: trouble if next(turns) < 2 else answer("at last")) as server:
        assert ask(server, chat("q")) == [Sample("at last", "stop", 3, None, 5)]
        assert len(server.asked) == 3


@pytest.mark.parametrize(
    ("trouble", "found"),
    [
        (refusal(429), "status 429 3 times"),
        (refusal(500), "status 500 3 times"),
        (Reply(content=b"{"), "malformed JSON 3 times"),
        (Reply(content=b'{"choices": []}'), "a reply without an answer 3 times"),
    ],
)
def test_trouble_that_stays_ends_the_run(trouble: Reply, found: str) -> None:
    """After the last attempt the error says what was found, where, and that a rerun goes on."""
    with played(lambda body: trouble) as server, pytest.raises(StoppedError, match=found) as error:
        ask(server, chat("q"))
    assert server.url in str(error.value)
    assert "run again to go on" in str(error.value)


def test_a_server_that_is_away_is_named() -> None:
    """No connection is trouble like any other."""
    with played(lambda body: answer("")) as server:
        pass
    with pytest.raises(StoppedError, match=f"{server.url}.*no connection.*2 times"):
        ask(server, chat("q"), retries=1)


def test_what_was_answered_before_the_end_is_handed_over() -> None:
    """The error carries the answers, in their places; after it no more requests are sent."""

    def part(body: Body) -> Reply:
        return answer("fine") if int(asked_of(body)) < 3 else refusal(500)

    with played(part) as server, pytest.raises(StoppedError) as error:
        ask(server, *(chat(f"{at}") for at in range(100)), retries=0, concurrency=1)
    assert error.value.answers == [Sample("fine", "stop", 3, None, 5)] * 3 + [None] * 97
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (refusal(400, "This model's maximum context length is 256 tokens."), "prompt_too_long"),
        (refusal(413), "prompt_too_long"),
        (refusal(400, "bad words"), "request_refused"),
        (refusal(422), "request_refused"),
    ],
)
def test_a_refused_request_harms_no_other(reply: Reply, reason: str) -> None:
    """A request that is refused for itself gets its reason, once asked; the others are answered."""
    with played(lambda body: reply if asked_of(body) == "bad" else answer("yes")) as server:
        good = Sample("yes", "stop", 3, None, 5)
        assert ask(server, chat("a"), chat("bad"), chat("b")) == [good, reason, good]
        assert len(server.asked) == 3


def test_what_cannot_be_asked_is_not_sent() -> None:
    """Blank prompts and lone surrogates have their reasons without a request."""
    with played(lambda body: answer("yes")) as server:
        assert ask(server, chat(" "), chat("\ud800")) == ["prompt_empty", "invalid_unicode"]
        assert server.asked == []


def test_the_key_comes_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is sent as a bearer's."""
    monkeypatch.setenv("MY_KEY", KEY)
    with played(lambda body: answer("yes")) as server:
        ask(server, chat("q"), key="MY_KEY")
        assert server.headers[0]["authorization"] == f"Bearer {KEY}"


def test_a_missing_key_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the variable is not set, nothing is asked and the error names it."""
    monkeypatch.delenv("MY_KEY", raising=False)
    with played(lambda body: answer("yes")) as server:
        with pytest.raises(UserError, match="environment variable MY_KEY"):
            ask(server, chat("q"), key="MY_KEY")
        assert server.asked == []


def test_a_refused_key_is_not_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wrong key ends the run at once, and what the server says of it stays unsaid."""
    monkeypatch.setenv("MY_KEY", KEY)
    with played(lambda body: refusal(401, f"Incorrect API key provided: {KEY}")) as server:
        with pytest.raises(StoppedError, match="status 401") as error:
            ask(server, chat("q"), key="MY_KEY")
        assert KEY not in str(error.value)
        assert len(server.asked) == 1


def test_a_model_that_is_not_served_ends_the_run_at_once() -> None:
    """An unknown model's name is no trouble that passes."""
    with played(lambda body: refusal(404, "The model `m` does not exist.")) as server:
        with pytest.raises(StoppedError, match=r"status 404: .*does not exist.*params\.yaml"):
            ask(server, chat("q"))
        assert len(server.asked) == 1


def test_logprobs_are_summed() -> None:
    """Where the server gives log-probabilities, the answer has their sum."""

    def part(body: Body) -> Reply:
        said = json.loads(answer("ab").content)
        said["choices"][0]["logprobs"] = {
            "content": [
                {"token": t, "logprob": p, "bytes": None, "top_logprobs": []}
                for t, p in (("a", -0.5), ("b", -1.0))
            ]
        }
        return Reply(content=json.dumps(said).encode())

    with played(part) as server:
        assert ask(server, chat("q"), logprobs=True) == [Sample("ab", "stop", 3, -1.5, 5)]


def test_only_so_many_requests_are_under_way() -> None:
    """No more than `concurrency` requests wait for their answers at a time."""
    now, most, lock = 0, 0, threading.Lock()
    together = threading.Barrier(4)

    def part(body: Body) -> Reply:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        together.wait(60)
        with lock:
            now -= 1
        return answer("yes")

    with played(part) as server:
        ask(server, *(chat(f"{at}") for at in range(20)), concurrency=4)
    assert most == 4
