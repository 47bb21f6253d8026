"""An OpenAI-compatible endpoint such as `vllm serve`: parallel requests, retries with backoff."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from random import random
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from rather.schemas.base import UserError
from rather.stages.models.chat import (
    REFUSED,
    TOO_LONG,
    Chat,
    Sample,
    Sampling,
    StoppedError,
    refusal,
)
from rather.stages.models.pointer import Address

if TYPE_CHECKING:
    from openai import AsyncOpenAI

FIRST_WAIT, LONGEST_WAIT = 0.5, 8.0  # seconds; doubled at each attempt
TIMEOUT = 600.0  # seconds for one answer
HOPELESS = (401, 402, 403, 404, 405)  # statuses of the address, the key or the model
ONE_REQUEST = (400, 413, 422)  # statuses of the one request that was sent


class Endpoint:
    """An address and what it serves, asked from `with` to its end.

    template: options for the chat template, for servers that take them

    A request is sent again, up to `retries` times, if the server is busy, broken or unreachable, or
    if its reply holds no answer. The key is read from the environment; no message contains it.
    """

    def __init__(self, address: Address, template: Mapping[str, Any] | None = None) -> None:
        self._address = address
        self._template = template

    def __enter__(self) -> Self:
        """Read the key."""
        import openai  # noqa: F401  an extra: its absence is said before any work

        name = self._address.key
        self._key = "none" if name is None else os.environ.get(name, "")
        if not self._key:
            raise UserError(
                f"{self._address.url}: expected its key in the environment variable {name}, found "
                f"none; set it, or correct `key` under `models` in params.yaml"
            )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Forget the key."""
        del self._key

    def chat(self, requests: Sequence[Chat], sampling: Sampling) -> list[Sample | str]:
        """Answer each request once; see stages/models/chat.py.

        After a failed request, those under way are waited for and no other is sent.
        """
        answers: list[Sample | str | None] = [None] * len(requests)
        failure = asyncio.run(self._answer(requests, sampling, answers))
        whole = [answer for answer in answers if answer is not None]
        if failure is not None:
            raise StoppedError(
                f"{self._address.url}: expected answers from {self._address.model}, found "
                f"{failure}; what was answered is kept, run again to go on",
                answers,
            )
        return whole

    async def _answer(
        self, requests: Sequence[Chat], sampling: Sampling, answers: list[Sample | str | None]
    ) -> str | None:
        """Fill in the answers; return the failure that ended it, None if they are complete."""
        free = asyncio.Semaphore(self._address.concurrency)
        failures: list[str] = []

        async def ask(place: int) -> None:
            async with free:
                if not failures:
                    try:
                        answers[place] = await self._ask(client, requests[place], sampling)
                    except _HopelessError as error:
                        failures.append(str(error))

        async with self._client() as client:
            await asyncio.gather(*map(ask, range(len(requests))))
        return failures[0] if failures else None

    def _client(self) -> "AsyncOpenAI":
        from openai import AsyncOpenAI

        return AsyncOpenAI(
            base_url=self._address.url, api_key=self._key, timeout=TIMEOUT, max_retries=0
        )

    async def _ask(self, client: "AsyncOpenAI", request: Chat, sampling: Sampling) -> Sample | str:
        """Send a request until it has an answer, or a reason why it has none."""
        if reason := refusal(request.messages):
            return reason
        failure = _NoAnswerError("no attempt")
        for attempt in range(self._address.retries + 1):
            try:
                return await self._attempt(client, request, sampling)
            except _NoAnswerError as error:
                failure = error
            if attempt < self._address.retries:
                await asyncio.sleep(failure.wait or _backoff(attempt))
        raise _HopelessError(f"{failure} {self._address.retries + 1} times")

    async def _attempt(
        self, client: "AsyncOpenAI", request: Chat, sampling: Sampling
    ) -> Sample | str:
        """Send a request once; raise _NoAnswerError where another attempt may help."""
        from openai import APIConnectionError, APIStatusError, APITimeoutError

        try:
            reply = await client.chat.completions.create(**self._body(request, sampling))
        except APIStatusError as error:
            return _refused(error)
        except APITimeoutError:
            raise _NoAnswerError(f"nothing within {TIMEOUT:.0f} seconds") from None
        except APIConnectionError as error:
            raise _NoAnswerError(f"no connection ({error.__cause__ or error})") from None
        except ValueError:
            raise _NoAnswerError("malformed JSON") from None
        return _sample(reply)

    def _body(self, request: Chat, sampling: Sampling) -> dict[str, Any]:
        """Return a request's body; options that are not set are left out."""
        body: dict[str, Any] = {
            "model": self._address.model,
            "messages": [{"role": t["role"], "content": t["content"]} for t in request.messages],
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "max_tokens": sampling.max_tokens,
            "seed": request.seed,
        }
        if sampling.stop:
            body["stop"] = list(sampling.stop)
        if self._address.logprobs:
            body["logprobs"] = True
        if self._template:
            body["extra_body"] = {"chat_template_kwargs": dict(self._template)}
        if request.schema is not None:
            schema = {"name": "answer", "schema": dict(request.schema), "strict": True}
            body["response_format"] = {"type": "json_schema", "json_schema": schema}
        return body


class _NoAnswerError(Exception):
    """No answer to this attempt; wait: the seconds that the server asked for, if it did."""

    def __init__(self, found: str, wait: float | None = None) -> None:
        super().__init__(found)
        self.wait = wait


class _HopelessError(Exception):
    """No attempt will bring an answer."""


def _refused(error: Any) -> str:
    """Return the reason of one refused request, or raise the error that a status stands for."""
    status = error.status_code
    if status in HOPELESS:
        # What a server says of a key may quote it.
        said = "" if status in (401, 403) else f": {_line(error.message)}"
        raise _HopelessError(
            f"status {status}{said}, which calls for another address, name or key under `models` "
            "in params.yaml"
        )
    if status not in ONE_REQUEST:
        raise _NoAnswerError(f"status {status}", _asked_wait(error.response.headers))
    said = error.message.lower()
    long = status == 413 or "context length" in said or "context_length" in said
    return TOO_LONG if long else REFUSED


def _asked_wait(headers: Mapping[str, str]) -> float | None:
    """Return the seconds that a server asks to wait, 60 at the most."""
    try:
        return min(max(float(headers["retry-after"]), 0.0), 60.0)
    except (KeyError, ValueError):
        return None


def _backoff(attempt: int) -> float:
    """Return the seconds before the next attempt: doubled each time, with jitter."""
    longest: float = min(FIRST_WAIT * 2**attempt, LONGEST_WAIT)
    return longest * (1 - random() / 4)


def _sample(reply: Any) -> Sample:
    """Return a reply as a sample; raise _NoAnswerError if it holds no answer."""
    try:
        choice = reply.choices[0]
        text, logprobs = choice.message.content or "", choice.logprobs
        usage = reply.usage
        return Sample(
            text=text,
            finish_reason=choice.finish_reason,
            num_tokens=usage and usage.completion_tokens,
            logprob=logprobs and min(0.0, sum(token.logprob for token in logprobs.content or ())),
            num_prompt_tokens=usage and usage.prompt_tokens,
        )
    except (AttributeError, IndexError, TypeError):
        raise _NoAnswerError("a reply without an answer") from None


def _line(text: str) -> str:
    """Return the first line of a server's message."""
    return (text.strip() or "nothing").splitlines()[0][:300]
