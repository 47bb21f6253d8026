"""Presets' files: each shows a row of its format, and the tables' content that it becomes."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.stages.sources.load import Demo, Loaded, Source, load
from rather.stages.sources.mapping import read_fields
from rather.stages.sources.presets import FOLDER

FILES = sorted(FOLDER.glob("*.yaml"))


def becomes(loaded: Loaded) -> dict[str, Any]:
    """Return a loaded source in the form of a preset file's `becomes`, without empty parts."""
    texts = loaded.responses.select("response_id", "text").unique()
    prompts = loaded.prompts.sort("source_line", "prompt_id")
    parts = {
        "prompts": [
            [f"{turn['role']}: {turn['content']}" for turn in turns]
            for turns in prompts["messages"]
        ],
        "later_turns": [list(turns) for turns in prompts["later_turns"].drop_nulls()],
        **{
            name: prompts[name].drop_nulls().to_list()
            for name in ("category", "demonstration", "answer")
        },
        "ratings": _rows(
            loaded.ratings.join(texts, on="response_id"), "text", "rater", "aspect", "score"
        ),
        "comparisons": _comparisons(loaded.comparisons, texts),
        "generators": _rows(
            loaded.responses.filter(pl.col("generator") != "source"), "text", "generator"
        ),
    }
    return {name: part for name, part in parts.items() if part}


def _comparisons(rows: pl.DataFrame, texts: pl.DataFrame) -> list[list[Any]]:
    """Return the better text, the worse, rater, aspect and strength; a tie in order of texts."""
    for side in ("first", "second"):
        named = texts.rename({"response_id": f"{side}_id", "text": side})
        rows = rows.join(named, on=f"{side}_id")
    lost, tied = pl.col("preference") < 0, pl.col("preference") == 0
    turned = lost | (tied & (pl.col("first") > pl.col("second")))
    rows = rows.with_columns(
        better=pl.when(turned).then("second").otherwise("first"),
        worse=pl.when(turned).then("first").otherwise("second"),
        strength=pl.col("preference").abs().round(6),
    )
    return _rows(rows, "better", "worse", "rater", "aspect", "strength")


def _rows(frame: pl.DataFrame, *columns: str) -> list[list[Any]]:
    """Return a frame's rows as lists, in order."""
    return [list(row) for row in frame.select(columns).sort(columns).iter_rows()]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_an_example_row_becomes_what_its_preset_says(file: Path, tmp_path: Path) -> None:
    """The row is recognised by its columns, and read into the tables that the file shows."""
    preset = read_fields(file)
    assert preset["example"], "a preset shows at least one row of its format, under `example`"
    path = tmp_path / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in preset["example"]))
    loaded = load(Source(path=str(path), format="auto"), Demo(), 0.0, 0)
    assert loaded.format == file.stem
    assert loaded.set_aside.is_empty()
    assert becomes(loaded) == preset["becomes"]
