"""Sample answers from a model.   prompts -> responses"""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, Field, field_validator, model_validator

from rather.schemas.base import MESSAGES_DTYPE, Message
from rather.schemas.texts import Generated
from rather.stages.common.ids import digest, response_ids
from rather.stages.models.ask import AnswerStore, Watch, open_model, request_seed, revision
from rather.stages.models.chat import Chat, Chatter, Sampling
from rather.stages.models.response_cache import conversation_keys

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
# Options that no answer depends on, and those that are in the store's key in another form.
NOT_IN_KEY = {"num_samples", "temperature", "seed", "chunk_size"}
WHOLE = ("stop", "length")  # finish reasons of a whole answer


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
    def _temperatures(cls, value: float | tuple[float, ...]) -> float | tuple[float, ...]:
        """Check that temperatures lie in [0, 2], each given once."""
        several = value if isinstance(value, tuple) else (value,)
        is_distinct = 0 < len(several) == len(set(several))
        if not is_distinct or not all(0 <= temperature <= 2 for temperature in several):
            raise ValueError(f"expected a number from 0 to 2, or several different, found {value}")
        return value

    @model_validator(mode="after")
    def _samples_differ(self) -> "Options":
        """Check that a prompt has one answer at temperature 0."""
        if 0 in self.temperatures and self.num_samples > 1:
            raise ValueError(f"num_samples: expected 1 at temperature 0, found {self.num_samples}")
        return self

    @property
    def temperatures(self) -> tuple[float, ...]:
        """Every temperature that is sampled at."""
        return self.temperature if isinstance(self.temperature, tuple) else (self.temperature,)

    @property
    def num_answers(self) -> int:
        """The number of answers to each prompt."""
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
    """Sample `num_samples` answers to each prompt at each temperature.

    prompts: as in schemas/texts.py;  model: a folder;  generator: the answers' name
    store:   folder that keeps every finished chunk; a rerun asks only for missing answers
    chatter: one that already runs this model; by default one is opened if answers are missing

    Returns Generated, sorted, exactly `num_answers` rows a prompt. A prompt that cannot be asked
    has rows with a reason: prompt_empty, prompt_too_long (no room for one token), invalid_unicode,
    template_error (the model's template refuses it) or request_refused (its endpoint does). An
    answer that was broken off has the reason unfinished.
    Raises UserError for a wrong model, StoppedError where it gives up midway.
    """
    if prompts.is_empty():
        return Generated.create_empty()
    state = revision(model)
    num_passes = len(options.temperatures)
    passes = [_Pass(options, nth, state, seed, store) for nth in range(num_passes)]
    conversations = _conversations(prompts, options)
    missing = [one.missing(conversations) for one in passes]
    num_missing = sum(rows.height for rows in missing)
    with ExitStack() as stack:
        num_answers = conversations.height * options.num_answers
        watch = Watch(generator, num_answers, num_answers - num_missing)
        if num_missing:
            stack.enter_context(watch)
            chatter = chatter or stack.enter_context(
                open_model(model, options.dtype, options.max_model_len, options.template)
            )
            for one, rows in zip(passes, missing, strict=True):
                one.ask(chatter, rows, watch)
    return _responses(conversations, passes, generator, state)


class _Pass:
    """The samples at one temperature, and the store that keeps them.

    The store's name has all that determines an answer besides its prompt and its number.
    """

    def __init__(self, options: Options, nth: int, state: str, seed: int, store: Path) -> None:
        self._num_samples = options.num_samples
        self._seed = seed if options.seed is None else options.seed
        self._first_index = nth * options.num_samples
        temperature = options.temperatures[nth]
        sampling = Sampling(temperature, options.top_p, options.max_tokens, options.stop)
        described = options.model_dump(exclude=NOT_IN_KEY) | {"temperature": temperature}
        self._described = json.dumps(described | {"seed": self._seed}, sort_keys=True)
        folder = store / digest([state, self._described])
        self._store = AnswerStore(folder, STORED, KEY, sampling, options.chunk_size, WHOLE)

    def missing(self, conversations: pl.DataFrame) -> pl.DataFrame:
        """Return the samples that are not in the store."""
        return self._store.missing(self._wanted(conversations))

    def ask(self, chatter: Chatter, missing: pl.DataFrame, watch: Watch) -> None:
        """Sample the missing answers, and store them."""
        for _ in self._store.ask(chatter, missing, self._requests, watch):
            pass

    def rows(self, conversations: pl.DataFrame) -> pl.DataFrame:
        """Return the samples of all prompts."""
        return self._store.join(self._wanted(conversations).drop("messages")).with_columns(
            sample_index=pl.col("sample_index") + self._first_index,
            sampling=pl.lit(self._described),
        )

    def _wanted(self, conversations: pl.DataFrame) -> pl.DataFrame:
        """Return one row for each sample of each prompt."""
        indices = pl.DataFrame({"sample_index": pl.int_range(self._num_samples, eager=True)})
        return conversations.join(indices, how="cross", maintain_order="left")

    def _requests(self, chunk: pl.DataFrame) -> Iterator[Chat]:
        """Return a chunk's requests."""
        for prompt, index, messages in chunk.select("prompt_id", "sample_index", "messages").rows():
            yield Chat(messages, request_seed(self._seed, prompt, str(index)))


def _conversations(prompts: pl.DataFrame, options: Options) -> pl.DataFrame:
    """Return the prompts in order of id, with their messages and the key of what is asked."""
    rows = prompts.select("prompt_id", "messages").sort("prompt_id")
    messages = [_with_system(turns, options.system) for turns in rows["messages"].to_list()]
    keys = conversation_keys(rows["prompt_id"], messages)
    return rows.with_columns(
        pl.Series("messages", messages, dtype=MESSAGES_DTYPE),
        pl.Series("key", keys, dtype=pl.String),
    )


def _with_system(messages: list[Message], system: str | None) -> list[Message]:
    """Return a conversation with a system turn, its own if it has one."""
    if system is None or messages[0]["role"] == "system":
        return messages
    return [{"role": "system", "content": system}, *messages]


def _responses(
    conversations: pl.DataFrame, passes: list[_Pass], generator: str, state: str
) -> pl.DataFrame:
    """Return the responses table: the samples of every pass."""
    rows = pl.concat(one.rows(conversations) for one in passes)
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
    """Return the first of a generator's samples with one text and ending, with their count.

    Failed samples are all kept.
    """
    alike = ["generator", "response_id", "finish_reason"]
    has_text = pl.col("text").is_not_null()
    counted = responses.filter(has_text).with_columns(count=pl.col("count").sum().over(alike))
    first = counted.unique(alike, keep="first", maintain_order=True)
    return pl.concat([first, responses.filter(~has_text)]).sort(
        "prompt_id", "generator", "sample_index"
    )
