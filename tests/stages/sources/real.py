"""Real preference data, read for tests; it lies beside the repository, never in it."""

import gzip
import json
from collections import Counter
from functools import cache
from typing import Any

import polars as pl
import pytest

from rather.stages.sources.chunks import Chunk
from rather.stages.sources.load import Demo, Loaded, Source, load
from rather.stages.sources.load import read as read_chunks
from tests.paths import SHARED_DATA

DATA = SHARED_DATA
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the real data at {DATA}, which is not part of the repository"
)
PANDALM = "pandalm/testset-v1.jsonl.gz"
DICES = "dices_350/dices_350_crowdsourced.json.gz"
FINEGRAINED = "finegrained_qa_feedback/dev_feedback.jsonl.gz"
HH = "hh_rlhf_harmless_test/test.jsonl.gz"
PROMETHEUS = "prometheus_vicuna/vicuna_eval.jsonl.gz"
DPO = "llamafactory_demo/dpo_en_demo.jsonl.gz"
KTO = "llamafactory_demo/kto_en_demo.jsonl.gz"
ULTRAFEEDBACK = [f"ultrafeedback_sample/{name}_clean.jsonl.gz" for name in ("train", "eval")]
JUDGED = [PANDALM, DICES, FINEGRAINED, HH, PROMETHEUS, DPO, KTO, *ULTRAFEEDBACK]


@cache
def read(name: str) -> Loaded:
    """Load a file as it is recognised, nothing held out."""
    return load(Source(path=str(DATA / name), format="auto"), Demo(), 0.0, 0)


@cache
def met(name: str) -> Chunk:
    """Give all that is met in a file of few rows, repeated judgements too."""
    (chunk,) = read_chunks(Source(path=str(DATA / name), format="auto"))
    return chunk


def rows_of(name: str) -> list[dict[str, Any]]:
    """Read a file's rows by other means."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def compared(chunk: Chunk | Loaded) -> pl.DataFrame:
    """Give comparisons with the two texts, `first` and `second`."""
    texts = chunk.responses.select("response_id", "text").unique()
    rows = chunk.comparisons
    for side in ("first", "second"):
        named = texts.rename({"response_id": f"{side}_id", "text": side})
        rows = rows.join(named, on=f"{side}_id")
    return rows


def preferred(chunk: Chunk | Loaded) -> pl.DataFrame:
    """Give comparisons, none of them a tie, with the texts `chosen` and `rejected`."""
    rows = compared(chunk)
    first_won = pl.col("preference") > 0
    return rows.with_columns(
        chosen=pl.when(first_won).then("first").otherwise("second"),
        rejected=pl.when(first_won).then("second").otherwise("first"),
    )


def set_aside(loaded: Loaded) -> dict[tuple[str, str], int]:
    """Count what was set aside, by unit and reason."""
    return dict(Counter(loaded.set_aside.select("unit", "reason").iter_rows()))


def is_blank(column: str) -> pl.Expr:
    """Tell whether an answer shows nothing."""
    return pl.col(column).str.strip_chars() == ""
