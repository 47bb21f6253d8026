"""Chat models: open one, sample answers chunk by chunk, and store each chunk.

The model is a folder of weights, served by vLLM, or an endpoint.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from rather.stages.common.ids import digest
from rather.stages.models.chat import REFUSED, Chat, Chatter, Sample, Sampling, StoppedError
from rather.stages.models.pointer import address, fingerprint, weights
from rather.stages.models.response_cache import Store

Requests = Callable[[pl.DataFrame], Iterable[Chat]]
NUM_PREVIEWED, PREVIEWED = 3, 80  # answers, and characters of each


def open_model(
    folder: Path,
    dtype: str = "auto",
    max_model_len: int | None = None,
    template: Mapping[str, Any] | None = None,
) -> Chatter:
    """Return a chat model that is not yet started.

    Args:
        folder: of data/models; it holds weights or points at some, or at an endpoint.
        dtype: of weights in memory.
        max_model_len: of weights, in tokens, prompt and answer together.
        template: options of the chat template.
    """
    endpoint = address(folder)
    if endpoint is not None:
        from rather.stages.models.endpoint import Endpoint

        return Endpoint(endpoint, template)
    from rather.stages.models.engine import Engine

    return Engine(weights(folder), dtype, max_model_len, template)


def revision(folder: Path) -> str:
    """Return the hash of a model's files, or an endpoint's address and the model it serves."""
    endpoint = address(folder)
    return fingerprint(weights(folder)) if endpoint is None else f"{endpoint.url} {endpoint.model}"


class Watch:
    """A progress line: answers, tokens a second, time left; above it, the first answers."""

    def __init__(self, generator: str, num_answers: int, num_known: int) -> None:
        self._bar = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("answers, {task.fields[speed]:,.0f} tokens/s"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self._task = self._bar.add_task(
            generator, total=num_answers, completed=num_known, speed=0.0
        )
        self._tokens, self._seconds = 0, 0.0

    def __enter__(self) -> "Watch":
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def count(self, conversations: pl.Series, rows: pl.DataFrame, seconds: float) -> None:
        """Count a chunk's answers and tokens; after the first chunk, print how some answers begin.

        Args:
            conversations: the messages that each row answers.
            rows: text and num_tokens of each answer.
            seconds: that the chunk took.
        """
        if self._tokens == 0:
            self._preview(conversations, rows["text"])
        self._tokens += int(rows["num_tokens"].sum())
        self._seconds += seconds
        speed = self._tokens / self._seconds
        self._bar.update(self._task, advance=rows.height, speed=speed)

    def _preview(self, conversations: pl.Series, texts: pl.Series) -> None:
        """Print the beginnings of a few answers as literals: a model's text commands nothing."""
        shown: dict[str, str] = {}
        for messages, text in zip(conversations, texts, strict=True):
            if text is not None and len(shown) < NUM_PREVIEWED:
                shown.setdefault(messages[-1]["content"][:PREVIEWED], text[:PREVIEWED])
        for question, answer in shown.items():
            line = f"{question!a} -> {answer!a}"
            self._bar.console.print(line, markup=False, highlight=False, soft_wrap=True)


class AnswerStore(Store):
    """A store of a chat model's answers, and how they are sampled.

    Args:
        folder, key: as of a store.
        schema: the key's columns, some of Sample's, and `reason`.
        sampling: how every request is sampled.
        chunk_size: requests at a time, the most that a kill can lose.
        ends: finish reasons of a whole answer; any other is stored as the reason `unfinished`.
            None: every answer is whole.
    """

    def __init__(
        self,
        folder: Path,
        schema: pl.Schema,
        key: Sequence[str],
        sampling: Sampling,
        chunk_size: int,
        ends: Sequence[str] | None = None,
    ) -> None:
        super().__init__(folder, schema, key)
        self._sampling, self._chunk_size, self._ends = sampling, chunk_size, ends

    def ask(
        self, chatter: Chatter, missing: pl.DataFrame, requests: Requests, watch: Watch
    ) -> Iterator[pl.DataFrame]:
        """Sample answers chunk by chunk, store each chunk, and yield its rows.

        Args:
            chatter: a model that runs.
            missing: the key's columns, `messages`, and whatever `requests` reads.
            requests: makes a chunk's requests, one a row.
            watch: counts the answers.

        Raises:
            StoppedError: The model gave up midway; the answers it gave are kept.
        """
        for chunk in missing.iter_slices(self._chunk_size):
            began = perf_counter()
            try:
                answers: list[Sample | str | None] = [
                    *chatter.chat(list(requests(chunk)), self._sampling)
                ]
            except StoppedError as error:
                self._keep_answers(chunk, error.answers)
                raise
            rows = self._keep_answers(chunk, answers)
            watch.count(chunk["messages"], rows, perf_counter() - began)
            yield rows

    def join(self, wanted: pl.DataFrame) -> pl.DataFrame:
        """Return `wanted` with the answers; a row without one was refused by an endpoint."""
        answered = super().join(wanted)
        refused = pl.col("text").is_null() & pl.col("reason").is_null()
        return answered.with_columns(
            reason=pl.when(refused).then(pl.lit(REFUSED)).otherwise("reason")
        )

    def _keep_answers(
        self, chunk: pl.DataFrame, answers: list[Sample | str | None]
    ) -> pl.DataFrame:
        """Keep a chunk's answers but an endpoint's refusals, which cost nothing."""
        keys = chunk.select(self._key).rows(named=True)
        rows = [
            key | self._row(answer)
            for key, answer in zip(keys, answers, strict=False)
            if answer is not None
        ]
        frame = pl.DataFrame(rows, schema=self._schema)
        self.keep(frame.filter(pl.col("reason").ne_missing(REFUSED)))
        return frame

    def _row(self, answer: Sample | str) -> dict[str, Any]:
        """Return an answer's columns, or its reason."""
        if isinstance(answer, str):
            return {"reason": answer}
        if self._ends is not None and answer.finish_reason not in self._ends:
            return {"reason": "unfinished"}
        return {name: getattr(answer, name) for name in self._schema if hasattr(answer, name)}


def request_seed(seed: int, *parts: str) -> int:
    """Return a request's own seed, so that no answer depends on the requests beside it."""
    return int(digest([str(seed), *parts])[:12], 16)
