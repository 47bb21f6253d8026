"""Answers of a chat model, kept from run to run: ask a chunk, keep it, ask the next."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

import polars as pl

from rather.stages.common.ids import digest
from rather.stages.models.chat import REFUSED, Chat, Chatter, Sample, Sampling, StoppedError
from rather.stages.models.progress import Watch
from rather.stages.models.response_cache import Store

Requests = Callable[[pl.DataFrame], Iterable[Chat]]


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
        """Ask chunk by chunk, keep the answers of each, and yield them as rows.

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
