"""Requests to a chat model and its answers, the same for vLLM and for an endpoint."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Protocol, Self

from rather.schemas.base import Message, RatherError

# An endpoint's refusal of one request; another server, or another day, may answer it.
REFUSED = "request_refused"
TOO_LONG = "prompt_too_long"


@dataclass(frozen=True)
class Chat:
    """A conversation to answer once, its seed, and the JSON schema of the answer."""

    messages: Sequence[Message]
    seed: int
    schema: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Sampling:
    """How every request is sampled: see the options of stages/models/generate.py."""

    temperature: float = 1.0
    top_p: float = 1.0
    max_tokens: int = 512
    stop: tuple[str, ...] = ()


@dataclass(frozen=True)
class Sample:
    """One answer; unknown fields are None.

    finish_reason:     stop, length, or whatever else ended it
    num_tokens:        generated, the end token included;  num_prompt_tokens: read
    logprob:           in nats, summed over the tokens, under the model itself (before temperature
                       and top_p)
    """

    text: str
    finish_reason: str | None
    num_tokens: int | None
    logprob: float | None
    num_prompt_tokens: int | None = None


class Chatter(Protocol):
    """A model that can be asked, from `with` to its end."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...

    def chat(self, requests: Sequence[Chat], sampling: Sampling) -> list[Sample | str]:
        """Return each request's answer, in their order, or the reason why it cannot be asked.

        Raises StoppedError where the model gives up on all of them.
        """
        ...


class StoppedError(RatherError):
    """A model gave up midway; `answers` holds its answers so far, and None for the others."""

    def __init__(self, sentence: str, answers: list[Sample | str | None]) -> None:
        super().__init__(sentence)
        self.answers = answers


def refusal(messages: Sequence[Message]) -> str | None:
    """Return the reason why a conversation cannot be asked of any model, None if it can."""
    if not messages[-1]["content"].strip():
        return "prompt_empty"
    try:
        for turn in messages:
            turn["content"].encode()
    except UnicodeEncodeError:
        return "invalid_unicode"
    return None
