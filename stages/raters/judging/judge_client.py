"""Sample a judge's answers and store each one.   questions -> verdicts"""

import json
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from functools import partial
from typing import Any

import polars as pl

from rather.schemas.base import Message, RatherError
from rather.stages.common.ids import digest
from rather.stages.models.ask import AnswerStore, Watch, open_model, request_seed, revision
from rather.stages.models.chat import Chat, Chatter, Sampling
from rather.stages.models.pointer import address
from rather.stages.raters.judging.judge_cost import announce, bill
from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.wording import parse, question, schema
from rather.stages.raters.rating import KEY, Models

STORED = pl.Schema(
    {
        KEY: pl.String,
        "text": pl.String,
        "finish_reason": pl.String,
        "num_tokens": pl.Int64,
        "reason": pl.String,
    }
)
ENOUGH = 20  # answers without one verdict after which no other is paid for
PROBE: list[Message] = [{"role": "user", "content": ""}]


class Judge:
    """A judge, and the store of its answers.

    The store's name has all that determines an answer besides the texts that are judged.
    """

    def __init__(self, rater: str, models: Models, options: Options, seed: int) -> None:
        self._rater, self._model, self._options, self._seed = rater, models.model, options, seed
        sampling = Sampling(temperature=options.temperature, max_tokens=options.max_tokens)
        words = question(options, PROBE, [""] if options.by == "pointwise" else ["", ""])
        determined_by = [revision(models.model), *(turn["content"] for turn in words)]
        determined_by += [json.dumps(schema(options)), repr(sampling)]
        determined_by += [json.dumps(options.template, sort_keys=True)]
        # The likeliest answer is the same whatever the seed.
        determined_by += [str(seed)] if options.temperature else []
        folder = models.store / f"verdicts-{digest(determined_by)}"
        self._store = AnswerStore(folder, STORED, [KEY], sampling, options.chunk_size)

    def verdicts(self, questions: pl.DataFrame, texts: Mapping[str, str]) -> pl.DataFrame:
        """Sample answers to questions without a stored one, and return all answers.

        Args:
            questions: key, messages, first_id, second_id, vote.
            texts: of responses, by id.

        Raises:
            UserError: The cost is above a cap; nothing was asked.
            StoppedError: The judge gave up midway.
        """
        missing = self._store.missing(questions)
        if missing.height:
            self._announce(missing, texts)
            watch = Watch(self._rater, questions.height, questions.height - missing.height)
            with ExitStack() as stack:
                chatter = stack.enter_context(self._opened())
                stack.enter_context(watch)
                requests = partial(self._requests, texts=texts)
                for rows in self._store.ask(chatter, missing, requests, watch):
                    self._require_a_verdict(rows)
        return self._store.join(questions)

    def _opened(self) -> Chatter:
        options = self._options
        return open_model(self._model, options.dtype, options.max_model_len, options.template)

    def _announce(self, missing: pl.DataFrame, texts: Mapping[str, str]) -> None:
        """Print the cost of an endpoint's answers, or of any judge with a price or a cap."""
        endpoint = address(self._model)
        options = self._options
        if endpoint is None and options.price is None and options.max_requests is None:
            return
        where = self._model.name if endpoint is None else f"{endpoint.model} at {endpoint.url}"
        conversations = (words for _, words in self._worded(missing, texts))
        announce(self._rater, where, bill(conversations, options), options)

    def _worded(
        self, questions: pl.DataFrame, texts: Mapping[str, str]
    ) -> Iterator[tuple[str, list[Message]]]:
        """Yield each question's key and words."""
        columns = questions.select(KEY, "messages", "first_id", "second_id").iter_rows()
        for key, messages, *shown in columns:
            answers = [texts[name] for name in shown if name is not None]
            yield key, question(self._options, messages, answers)

    def _requests(self, chunk: pl.DataFrame, texts: Mapping[str, str]) -> Iterator[Chat]:
        """Return a chunk's requests."""
        form = schema(self._options)
        for key, words in self._worded(chunk, texts):
            yield Chat(words, request_seed(self._seed, key), form)

    def _require_a_verdict(self, rows: pl.DataFrame) -> None:
        """Raise RatherError where many answers hold not one verdict, before more is paid for."""
        if rows.height < ENOUGH or any(
            self._has_verdict(row) for row in rows.iter_rows(named=True)
        ):
            return
        first = rows.row(0, named=True)
        shown = first["reason"] or repr((first["text"] or "")[:200])
        expected = json.dumps(schema(self._options))
        raise RatherError(
            f"{self._rater}: expected JSON that meets the schema {expected}, found none in "
            f"{rows.height:,} answers, the first being {shown}; ask a model that can give "
            "structured output, or raise max_tokens or max_model_len; answers are kept"
        )

    def _has_verdict(self, row: dict[str, Any]) -> bool:
        values = parse(row["text"], row["finish_reason"], self._options).values()
        return not all(isinstance(value, str) for value in values)
