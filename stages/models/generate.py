"""Sample answers from a model.   prompts -> responses"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, Field, field_validator, model_validator

from rather.schemas.base import MESSAGES_DTYPE, Message
from rather.schemas.texts import Generated
from rather.stages.common.ids import digest, response_ids
from rather.stages.models.chat import REFUSED, Chat, Chatter, Sample, Sampling, StoppedError
from rather.stages.models.open_model import open_model, revision
from rather.stages.models.progress import Watch
from rather.stages.models.response_cache import Store

STORED = pl.Schema(
    {
        "key": pl.String,
        "sample_index": pl.Int64,
        "text": pl.String,
        "finish_reason": pl.String,
        "num_tokens": pl.Int64,
        "logprob": pl.Float64,
        "reason": pl.String,
    }
)
KEY = ["key", "sample_index"]
# What no answer depends on: how many there are, and how many are asked for at a time.
MANNER = {"num_samples", "temperature", "seed", "chunk_size"}


class Options(BaseModel, extra="forbid", frozen=True):
    """How answers are sampled.

    num_samples:   answers to each prompt;  max_tokens: of one answer, the end token included
    temperature:   0 takes the likeliest token; of several numbers, num_samples answers at each
    top_p:         share of probability that is sampled from
    stop:          texts before which an answer ends
    seed:          null: the run's own
    system:        a system turn for prompts that have none;  template: the chat template's options
    max_model_len: tokens of prompt and answer together; null: the model's own limit
    dtype:         of the weights in memory; auto: as they are stored (our trainer stores float32)
    chunk_size:    answers asked for at a time, which is the most that a kill can lose
    """

    num_samples: int = Field(default=4, ge=1)
    temperature: float | tuple[float, ...] = 1.0
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    max_tokens: int = Field(default=512, ge=1)
    stop: tuple[str, ...] = ()
    seed: int | None = Field(default=None, ge=0)
    system: str | None = None
    template: dict[str, Any] = Field(default_factory=dict)
    max_model_len: int | None = Field(default=None, ge=2)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    chunk_size: int = Field(default=1024, ge=1)

    @field_validator("temperature")
    @classmethod
    def _temperatures(cls, given: float | tuple[float, ...]) -> float | tuple[float, ...]:
        """Refuse temperatures that none samples at, or the same one twice."""
        each = given if isinstance(given, tuple) else (given,)
        if not each or len(set(each)) < len(each) or not all(0 <= one <= 2 for one in each):
            raise ValueError(f"expected a number from 0 to 2, or several different, found {given}")
        return given

    @model_validator(mode="after")
    def _samples_differ(self) -> "Options":
        """Refuse to take the same likeliest answer several times."""
        if 0 in self.temperatures and self.num_samples > 1:
            raise ValueError(f"num_samples: expected 1 at temperature 0, found {self.num_samples}")
        return self

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Give every temperature that is sampled at."""
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)

    @property
    def num_answers(self) -> int:
        """Count the answers to each prompt."""
        return self.num_samples * len(self.temperatures)


def generate(
    prompts: pl.DataFrame,
    model: Path,
    options: Options,
    seed: int,
    generator: str,
    store: Path,
    chatter: Chatter | None = None,
) -> pl.DataFrame:
    """Ask the model each prompt `num_samples` times at each temperature.

    prompts: as in schemas/prompts.py;  model: a folder;  generator: the name to give the answers
    store:   folder that keeps every finished chunk, so that a rerun asks only what is missing
    chatter: one that already runs this model; by default one is opened where there is work to do

    Returns Generated, sorted, exactly `num_answers` rows a prompt. A prompt that cannot be asked
    has rows with a reason: prompt_empty, prompt_too_long (no room for one token), invalid_unicode,
    template_error (the model's template refuses it) or request_refused (its endpoint does); an
    answer that was broken off has unfinished.
    Raises UserError over the model, StoppedError where it gives up midway.
    """
    if prompts.is_empty():
        return Generated.create_empty()
    state = revision(model)
    passes = [_Pass(options, at, state, seed, store) for at in range(len(options.temperatures))]
    asked = _asked(prompts, options)
    missing = [each.missing(asked) for each in passes]
    with ExitStack() as stack:
        known = sum(asked.height * options.num_samples - rows.height for rows in missing)
        watch = Watch(generator, asked.height * options.num_answers, known)
        if any(rows.height for rows in missing):
            stack.enter_context(watch)
            chatter = chatter or stack.enter_context(
                open_model(model, options.dtype, options.max_model_len, options.template)
            )
            for each, rows in zip(passes, missing, strict=True):
                each.ask(chatter, rows, watch)
    return _responses(asked, passes, generator, state)


class _Pass:
    """The samples at one temperature, and where they are kept.

    The store's name has all that determines an answer besides its prompt and its number.
    """

    def __init__(self, options: Options, at: int, state: str, seed: int, store: Path) -> None:
        self._options = options
        self._seed = seed if options.seed is None else options.seed
        self._first_index = at * options.num_samples
        self._sampling = Sampling(
            options.temperatures[at], options.top_p, options.max_tokens, options.stop
        )
        means = options.model_dump(exclude=MANNER) | {"temperature": options.temperatures[at]}
        self.described = json.dumps(means | {"seed": self._seed}, sort_keys=True)
        self._store = Store(store / digest([state, self.described]), STORED, KEY)

    def missing(self, asked: pl.DataFrame) -> pl.DataFrame:
        """List the samples that nobody has paid for."""
        wanted = asked.join(_indices(self._options.num_samples), how="cross", maintain_order="left")
        return wanted.join(self._store.read(), on=KEY, how="anti", maintain_order="left")

    def ask(self, chatter: Chatter, missing: pl.DataFrame, watch: Watch) -> None:
        """Ask for what is missing, chunk by chunk, and keep each as soon as it is there."""
        for chunk in missing.iter_slices(self._options.chunk_size):
            began = perf_counter()
            requests = list(self._requests(chunk))
            try:
                answers: list[Sample | str | None] = [*chatter.chat(requests, self._sampling)]
            except StoppedError as error:
                self._keep(chunk, error.answers)
                raise
            rows = self._keep(chunk, answers)
            watch.count(chunk, rows, perf_counter() - began)

    def _requests(self, chunk: pl.DataFrame) -> Iterator[Chat]:
        """Make requests.

        Each has a seed of its own, so an answer does not depend on what is asked beside it.
        """
        for prompt, index, messages in chunk.select("prompt_id", "sample_index", "messages").rows():
            name = digest([str(self._seed), prompt, str(index)])
            yield Chat(messages, int(name[:12], 16))

    def _keep(self, chunk: pl.DataFrame, answers: list[Sample | str | None]) -> pl.DataFrame:
        """Put a chunk's rows into the store; what an endpoint refused cost nothing, and is not."""
        keys = chunk.select(KEY).rows(named=True)
        rows = [key | _row(found) for key, found in zip(keys, answers, strict=False) if found]
        frame = pl.DataFrame(rows, schema=STORED)
        self._store.keep(frame.filter(pl.col("reason").ne_missing(REFUSED)))
        return frame

    def rows(self, asked: pl.DataFrame) -> pl.DataFrame:
        """Give the samples of all prompts; what is not in the store was refused."""
        wanted = asked.select("prompt_id", "key").join(
            _indices(self._options.num_samples), how="cross", maintain_order="left"
        )
        found = wanted.join(self._store.read(), on=KEY, how="left", maintain_order="left")
        lost = pl.col("text").is_null() & pl.col("reason").is_null()
        return found.with_columns(
            sample_index=pl.col("sample_index") + self._first_index,
            reason=pl.when(lost).then(pl.lit(REFUSED)).otherwise("reason"),
            sampling=pl.lit(self.described),
        )


def _indices(number: int) -> pl.DataFrame:
    """Number the samples of a prompt."""
    return pl.DataFrame({"sample_index": range(number)}, schema={"sample_index": pl.Int64})


def _asked(prompts: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Give prompts in order of id, with the messages and the key of what is asked."""
    rows = prompts.select("prompt_id", "messages").sort("prompt_id")
    messages = [_with_system(turns, options.system) for turns in rows["messages"].to_list()]
    keys = [
        digest([of, *(text for turn in question for text in (turn["role"], turn["content"]))])
        for of, question in zip(rows["prompt_id"], messages, strict=True)
    ]
    return rows.with_columns(
        pl.Series("messages", messages, dtype=MESSAGES_DTYPE),
        pl.Series("key", keys, dtype=pl.String),
    )


def _with_system(messages: list[Message], system: str | None) -> list[Message]:
    """Put a system turn before a conversation that has none."""
    if system is None or messages[0]["role"] == "system":
        return messages
    return [{"role": "system", "content": system}, *messages]


def _row(found: Sample | str) -> dict[str, Any]:
    """Write an answer, or the reason why there is none, as columns."""
    if isinstance(found, str):
        return {"reason": found}
    if found.finish_reason not in ("stop", "length"):
        return {"reason": "unfinished"}
    return {name: getattr(found, name) for name in STORED if name not in (*KEY, "reason")}


def _responses(
    asked: pl.DataFrame, passes: list[_Pass], generator: str, state: str
) -> pl.DataFrame:
    """Make the table: the stored rows of the prompts that were asked."""
    rows = pl.concat(each.rows(asked) for each in passes)
    return (
        rows.with_columns(
            response_id=response_ids(pl.col("prompt_id"), pl.col("text")),
            generator=pl.lit(generator),
            count=pl.lit(1, pl.Int64),
            revision=pl.lit(state),
            source=pl.lit(None, pl.String),
            source_line=pl.lit(None, pl.Int64),
        )
        .select(Generated.column_names())
        .sort("prompt_id", "generator", "sample_index")
    )


def once(responses: pl.DataFrame) -> pl.DataFrame:
    """Keep samples of one generator with the same text and ending once, with their count.

    The first of them stands for all; a failed sample stands for itself.
    """
    alike = ["generator", "response_id", "finish_reason"]
    said = pl.col("text").is_not_null()
    counted = responses.filter(said).with_columns(count=pl.col("count").sum().over(alike))
    first = counted.unique(alike, keep="first", maintain_order=True)
    return pl.concat([first, responses.filter(~said)]).sort(
        "prompt_id", "generator", "sample_index"
    )
