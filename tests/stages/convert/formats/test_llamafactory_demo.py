"""LLaMA-Factory's own demonstration files: read, and written back as they were."""

import gzip
import json
from typing import Any

import polars as pl
import pytest

from rather.schemas.base import MESSAGES_DTYPE
from rather.stages.convert.formats.formats import form
from tests.paths import SHARED_DATA

DATA = SHARED_DATA / "llamafactory_demo"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the real data at {DATA}, which is not part of the repository"
)
ROLES = {"system": "system", "human": "user", "gpt": "assistant"}


def read(name: str) -> list[dict[str, Any]]:
    """Read a file of JSON lines."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def written(rows: pl.DataFrame) -> list[dict[str, Any]]:
    """Write JSON lines and read them back."""
    return [json.loads(line) for line in rows.write_ndjson().splitlines()]


def message(turn: dict[str, str]) -> dict[str, str]:
    """Make a turn of sharegpt a message."""
    return {"role": ROLES[turn["from"]], "content": turn["value"]}


def test_pairs_are_written_back_unchanged() -> None:
    """300 rows of up to 13 turns, 80 of them with a system message."""
    original = read("dpo_en_demo.jsonl.gz")
    rows = [
        {
            "prompt": [message(turn) for turn in row["conversations"]],
            "chosen": [message(row["chosen"])],
            "rejected": [message(row["rejected"])],
        }
        for row in original
    ]
    nested = pl.DataFrame(rows, schema=dict.fromkeys(rows[0], MESSAGES_DTYPE))
    kept, dropped = form("llamafactory", "dpo").reshape(nested)
    assert (len(original), dropped.height) == (300, 0)
    assert written(kept) == original


def test_labels_are_written_back_unchanged() -> None:
    """300 rows, half of them desirable."""
    original = read("kto_en_demo.jsonl.gz")
    rows = [
        {"prompt": row["messages"][:-1], "completion": row["messages"][-1:], "label": row["label"]}
        for row in original
    ]
    schema = {"prompt": MESSAGES_DTYPE, "completion": MESSAGES_DTYPE, "label": pl.Boolean()}
    kept, dropped = form("llamafactory", "kto").reshape(pl.DataFrame(rows, schema=schema))
    assert (len(original), dropped.height) == (300, 0)
    assert written(kept) == original
