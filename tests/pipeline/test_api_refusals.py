"""The Python API on bad input: the commands' sentences as exceptions, and no bare error."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import rather
from tests.pipeline.ratings import GOOD, lines

FRAME = pl.DataFrame(GOOD)
COLUMNS = FRAME.columns

FRAMES: dict[str, tuple[Any, str]] = {
    "a list": ([1, 2], "the frame: expected a path, or a frame: polars DataFrame"),
    "None": (None, "found NoneType"),
    "a number": (3, "found int"),
    "no columns": (pl.DataFrame(), "the frame: expected columns, found none"),
    "no rows": (FRAME.clear(), "the frame: expected rows, found none"),
    "other columns": (pl.DataFrame({"a": [1]}), "the frame: no known format has the columns a"),
    "prompts alone": (FRAME.select("prompt"), "the frame: expected rated responses, found prompts"),
    "null columns": (FRAME.with_columns(pl.lit(None).alias(c) for c in COLUMNS), "none of 24 rows"),
    "numbers for texts": (FRAME.with_columns(prompt=1), "none of 24 rows can be read as ratings"),
    "lists for texts": (FRAME.with_columns(response=pl.lit([1, 2])), "none of 24 rows"),
    "texts for scores": (FRAME.with_columns(score=pl.lit("x")), "found none among 24 judgements"),
    "structs for scores": (FRAME.with_columns(score=pl.struct("rater")), "found none among 24"),
    "objects": (
        FRAME.with_columns(pl.Series("x", [object()] * 24, pl.Object)),
        "found Object in the column 'x'",
    ),
    "a lazy frame that fails": (FRAME.lazy().select("nope"), "the frame: expected values of one"),
    "numbers as pandas names": (
        pd.DataFrame([["q", "a"]], columns=pd.Index([0, 1])),
        "expected texts as column names, found 0 (int)",
    ),
    "a pandas name twice": (
        pd.DataFrame([["q", "a"]], columns=["prompt", "prompt"]),
        "expected each column name once, found 'prompt' 2 times",
    ),
    "mixed pandas cells": (
        pd.DataFrame({"prompt": ["q", 1]}),
        "the frame: the column 'prompt': expected values of one kind",
    ),
    "an Arrow name twice": (
        pa.table([["q"], ["a"]], names=["prompt", "prompt"]),
        "expected each column name once",
    ),
}
CALLS: dict[str, Callable[[Any], Any]] = {
    "audit": rather.audit,
    "convert": rather.convert,
    "read": lambda data: rather.agreement(rather.read(data)),
}


@pytest.mark.parametrize("call", ["audit", "convert"])
@pytest.mark.parametrize("case", FRAMES)
def test_a_frame_that_cannot_be_right(case: str, call: str) -> None:
    """Wrong types, no columns, empty, nulls, lists, names twice or no texts; no file is named."""
    data, sentence = FRAMES[case]
    with pytest.raises(rather.UserError) as error:
        CALLS[call](data)
    assert sentence in str(error.value)
    assert "rather-" not in str(error.value) and "frame.parquet" not in str(error.value)


def test_a_split_of_several_is_asked_for() -> None:
    """A DatasetDict is no frame; its splits are named."""
    datasets = pytest.importorskip("datasets")
    data = datasets.DatasetDict({"train": datasets.Dataset.from_list(GOOD)})
    with pytest.raises(rather.UserError, match="choose one of its splits, 'train'"):
        rather.read(data)


OPTIONS: list[tuple[dict[str, Any], str]] = [
    ({"format": "nope"}, "unknown format 'nope'"),
    ({"format": "demo"}, "expected auto or a name that `rather sources` lists"),
    ({"format": 3}, "format: expected a format's name, found int"),
    ({"mapping": "/no/such/map.yaml"}, "expected a mapping file (YAML), found"),
    ({"mapping": ["prompt"]}, "mapping: expected lines such as"),
    ({"mapping": {"nope": "x"}}, "nope"),
    ({"mapping": {"scores": "stars"}}, "needs column 'stars'"),
    ({"set": {"nope": 1}}, "parameters: nope: no such parameter"),
    ({"set": {"source.path": "x"}}, "expected no source.path"),
    ({"set": {"raters.x.kind": "verifier"}}, "raters: expected none"),
    ({"set": {"winnow.margin.at_least": -1}}, "winnow.rules.margin.at_least: input should be"),
    ({"set": ["nonsense"]}, "--set nonsense: expected NAME=VALUE"),
    ({"nope": {}}, "parameters: nope: no such parameter"),
    ({"winnow": 3}, "winnow: "),
    ({"source": 3}, "parameters: source: expected names and values, found int"),
    ({"winnow": {"rules": {"nope": {}}}}, "winnow.rules.nope: no such rule"),
    ({"winnow": {"rules": {"margin": {"at_least": "x"}}}}, "winnow.rules.margin.at_least: input"),
    ({"validate": {"agreement_floor": 70}}, "found 70"),
]


@pytest.mark.parametrize("call", ["audit", "convert"])
@pytest.mark.parametrize(("options", "sentence"), OPTIONS)
def test_an_option_that_cannot_be_right(options: dict[str, Any], sentence: str, call: str) -> None:
    """The sentence of the command."""
    function = rather.audit if call == "audit" else rather.convert
    with pytest.raises(rather.UserError) as error:
        function(FRAME, **options)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"to": "ppo"}, "to: expected dpo or kto, found 'ppo'"),
        ({"rows": "nope"}, "--format nope: expected one of trl, trl-standard"),
        ({"convert": {"to": ["kto"]}}, "expected no convert.to, which --to says"),
    ],
)
def test_a_conversion_that_cannot_be_right(options: dict[str, Any], sentence: str) -> None:
    """The kind and the format of the training set."""
    with pytest.raises(rather.UserError) as error:
        rather.convert(FRAME, **options)
    assert sentence in str(error.value)


def test_pairs_below_the_declared_quality_keep_their_ledger() -> None:
    """As the command prints it before its error."""
    with pytest.raises(rather.QualityError, match="below their declared quality") as error:
        rather.convert(FRAME, validate={"min_pairs": 5})
    assert error.value.ledger["choose"]["pairs"]["dropped"] == {"not_best": 8}


def test_no_row_left_is_not_written(tmp_path: Path) -> None:
    """Equal scores make no labels; the object is empty and saves nothing."""
    converted = rather.convert(FRAME.with_columns(score=0.1), to="kto")
    assert converted.rows.height == 0
    with pytest.raises(rather.QualityError, match="not one row was left"):
        converted.save(tmp_path / "labels.jsonl")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written(tmp_path: Path) -> None:
    """No folder, a wrong ending, the input itself, or another's folder."""
    source = tmp_path / "r.jsonl"
    source.write_text(lines(GOOD))
    converted = rather.convert(source)
    for name, sentence in (
        ("none/a.jsonl", "expected an existing folder"),
        ("a.csv", "expected a name ending in"),
        ("r.jsonl", "is the input itself"),
    ):
        with pytest.raises(rather.UserError, match=sentence):
            converted.save(tmp_path / name)
    with pytest.raises(rather.UserError, match="expected a new or empty folder"):
        rather.audit(source).save(tmp_path)


@pytest.mark.parametrize(
    ("pairs", "rules", "sentence"),
    [
        (FRAME, None, "expected the column complete (Boolean), by which the rule complete judges"),
        (FRAME, {"margin": {}}, "expected the column margin (Float64)"),
        (FRAME.with_columns(margin=pl.lit("x")), {"margin": {}}, "found String"),
        (FRAME.with_columns(margin=pl.lit([1])), {"margin": {}}, "found List(Int64)"),
        (FRAME, {"nope": {}}, "winnow: rules.nope: no such rule"),
        (FRAME, {"margin": {"at_lest": 1}}, "at_lest"),
        (FRAME, ["margin"], "winnow: rules: input should be"),
        (3, {"margin": {}}, "the frame of pairs: expected a path, or a frame"),
        (pl.DataFrame(), {"margin": {}}, "the frame of pairs: expected columns, found none"),
    ],
)
def test_pairs_that_rules_cannot_judge(pairs: Any, rules: Any, sentence: str) -> None:
    """The column that is missing or of another kind, and the rule that needs it."""
    with pytest.raises(rather.UserError) as error:
        rather.winnow(pairs, rules)
    assert sentence in str(error.value)


def test_a_ranking_needs_models(tmp_path: Path) -> None:
    """Folders with a model, and a beta above 0."""
    with pytest.raises(rather.UserError, match=r"--policy .*: expected a model's folder"):
        rather.rank(FRAME, tmp_path, tmp_path)
