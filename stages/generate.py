"""Sample answers from a model.   prompts -> responses"""

from contextlib import ExitStack
from pathlib import Path
from time import perf_counter
from typing import Any, Literal

import polars as pl
from pydantic import BaseModel, Field, model_validator

from schemas.responses import Responses
from stages.engine import Engine, Request, Sample, Sampling
from stages.ids import digest, response_ids
from stages.pointer import fingerprint
from stages.progress import Watch

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


class Options(BaseModel, extra="forbid", frozen=True):
    """How answers are sampled.

    num_samples:   answers to each prompt;  max_tokens: of one answer, the end token included
    temperature:   0 takes the likeliest token;  top_p: share of probability that is sampled from
    max_model_len: tokens of prompt and answer together; null: the model's own limit
    dtype:         of the weights in memory; auto: as they are stored (our trainer stores float32)
    chunk_size:    prompts asked at a time, which is the most that a kill can lose
    """

    num_samples: int = Field(default=4, ge=1)
    temperature: float = Field(default=1.0, ge=0.0, le=2.0)
    top_p: float = Field(default=1.0, gt=0.0, le=1.0)
    max_tokens: int = Field(default=512, ge=1)
    max_model_len: int | None = Field(default=None, ge=2)
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    chunk_size: int = Field(default=256, ge=1)

    @model_validator(mode="after")
    def _samples_differ(self) -> "Options":
        """Refuse to take the same likeliest answer several times."""
        if self.temperature == 0 and self.num_samples > 1:
            raise ValueError(f"num_samples: expected 1 at temperature 0, found {self.num_samples}")
        return self


def generate(
    prompts: pl.DataFrame,
    model: str | Path,
    options: Options,
    seed: int,
    generator: str,
    store: Path,
    engine: Engine | None = None,
) -> pl.DataFrame:
    """Ask the model each prompt `num_samples` times.

    prompts: as in schemas/prompts.py;  model: a folder;  generator: the name to give the answers
    store:   folder that keeps every finished chunk, so that a rerun asks only what is missing
    engine:  one that already runs this model; by default one is started where there is work to do

    Returns Responses, sorted, exactly `num_samples` rows a prompt. A prompt that cannot be asked
    has rows with a reason: prompt_empty, prompt_too_long (no room for one token) or template_error
    (the model's template refuses it); an answer that vLLM broke off has unfinished.
    Raises UserError over the model, RatherError where vLLM stops midway.
    """
    if prompts.is_empty():
        return Responses.create_empty()
    folder = store / _conditions(Path(model), options, seed)
    asked = _asked(prompts)
    missing = asked.join(_stored(folder), on="key", how="anti", maintain_order="left")
    if missing.height:
        with ExitStack() as stack:
            known = asked.height - missing.height
            watch = stack.enter_context(Watch(generator, asked.height, known))
            running = engine or stack.enter_context(
                Engine(Path(model), options.dtype, options.max_model_len)
            )
            _ask(running, missing, options, seed, folder, watch)
    return _responses(asked, _stored(folder), generator)


def _conditions(model: Path, options: Options, seed: int) -> str:
    """Name all that determines an answer besides its prompt."""
    sampling = options.model_dump_json(exclude={"chunk_size"})
    return digest([fingerprint(model), sampling, str(seed)])


def _asked(prompts: pl.DataFrame) -> pl.DataFrame:
    """Give prompts in order of id, each with the key of what is asked."""
    rows = prompts.select("prompt_id", "messages").sort("prompt_id")
    keys = [
        digest([of, *(text for turn in question for text in (turn["role"], turn["content"]))])
        for of, question in rows.iter_rows()
    ]
    return rows.with_columns(pl.Series("key", keys, dtype=pl.String))


def _ask(
    engine: Engine, missing: pl.DataFrame, options: Options, seed: int, folder: Path, watch: Watch
) -> None:
    """Ask for what is missing, chunk by chunk, and keep each as soon as it is there."""
    for chunk in missing.iter_slices(options.chunk_size):
        began = perf_counter()
        rows = _answer(engine, chunk, options, seed)
        _keep(rows, folder)
        watch.count(chunk, rows, perf_counter() - began)


def _answer(engine: Engine, chunk: pl.DataFrame, options: Options, seed: int) -> pl.DataFrame:
    """Ask a chunk of prompts; those that cannot be asked get their reason."""
    sampling = Sampling(**options.model_dump(include=set(Sampling.__dataclass_fields__)))
    reasons: dict[str, str] = {}
    requests: dict[str, Request] = {}
    for prompt in chunk.iter_rows(named=True):
        request = _request(engine, prompt, seed)
        if isinstance(request, str):
            reasons[prompt["key"]] = request
        else:
            requests[prompt["key"]] = request
    answers = engine.sample(list(requests.values()), sampling) if requests else []
    rows = [
        {"key": key, "sample_index": at, **_row(sample)}
        for key, samples in zip(requests, answers, strict=True)
        for at, sample in enumerate(samples)
    ]
    rows += [
        {"key": key, "sample_index": at, "reason": reason}
        for key, reason in reasons.items()
        for at in range(options.num_samples)
    ]
    return pl.DataFrame(rows, schema=STORED).sort("key", "sample_index")


def _request(engine: Engine, prompt: dict[str, Any], seed: int) -> Request | str:
    """Make a prompt's request, or say why it cannot be asked.

    Its seed is its own, so an answer does not depend on which prompts were asked beside it.
    """
    if not prompt["messages"][-1]["content"].strip():
        return "prompt_empty"
    try:
        token_ids = engine.encode(prompt["messages"])
    except Exception:  # a template is the model author's program and may raise anything
        return "template_error"
    if not token_ids:
        return "prompt_empty"
    if len(token_ids) >= engine.max_model_len:
        return "prompt_too_long"
    return Request(token_ids, seed=int(digest([str(seed), prompt["prompt_id"]])[:12], 16))


def _row(sample: Sample) -> dict[str, Any]:
    """Write a sample as columns."""
    if sample.finish_reason not in ("stop", "length"):
        return {"reason": "unfinished"}
    return vars(sample)


def _keep(rows: pl.DataFrame, folder: Path) -> None:
    """Put a chunk's rows into the store, whole; what a kill left half written is overwritten."""
    folder.mkdir(parents=True, exist_ok=True)
    name = digest(rows["key"].unique(maintain_order=True))
    draft = folder / f"{name}.draft"
    rows.write_parquet(draft)
    draft.replace(folder / f"{name}.parquet")


def _stored(folder: Path) -> pl.DataFrame:
    """Read the rows that earlier chunks, of this run or another, have paid for."""
    kept = [pl.read_parquet(path) for path in sorted(folder.glob("*.parquet"))]
    rows = pl.concat(kept) if kept else pl.DataFrame(schema=STORED)
    return rows.unique(["key", "sample_index"], keep="first", maintain_order=True)


def _responses(asked: pl.DataFrame, stored: pl.DataFrame, generator: str) -> pl.DataFrame:
    """Make the table: the stored rows of the prompts that were asked."""
    rows = asked.select("prompt_id", "key").join(stored, on="key")
    return (
        rows.with_columns(
            response_id=response_ids(pl.col("prompt_id"), pl.col("text")),
            generator=pl.lit(generator),
            source=pl.lit(None, pl.String),
            source_line=pl.lit(None, pl.Int64),
        )
        .select(Responses.column_names())
        .sort("prompt_id", "generator", "sample_index")
    )
