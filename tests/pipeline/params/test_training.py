"""Policies of `train`: each with the loss, the data and the reference that its entry asks for."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

PARAMS = """
max_length: 64
train:
  orpo: {data: dpo, batch_size: 4}
  rpo: {data: dpo, batch_size: 4, loss: {dpo: 1, rpo_nll: 0.5}, beta: 0.2}
  bco_unpaired: {data: kto, batch_size: 4}
  smooth: {data: dpo, loss: cdpo, options: {label_smoothing: 0.7}}
"""
MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))


def said(role: str, text: str) -> list[dict[str, str]]:
    """Make a conversation of one message."""
    return [{"role": role, "content": text}]


def write(path: Path, columns: dict[str, pa.DataType], rows: list[tuple[Any, ...]]) -> None:
    """Write a training set."""
    path.parent.mkdir(parents=True)
    table = pa.Table.from_pylist(
        [dict(zip(columns, row, strict=True)) for row in rows], schema=pa.schema(columns)
    )
    pq.write_table(table, path)


@pytest.fixture
def root(tiny_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which all that comes before `reference` is done."""
    (tmp_path / "params.yaml").write_text(PARAMS, encoding="utf-8")
    (tmp_path / "data" / "models").mkdir(parents=True)
    shutil.copytree(tiny_model, tmp_path / "data" / "models" / "sft")
    prompts = [said("user", word) for word in ("one", "two", "three", "four")]
    yes, no = said("assistant", "yes"), said("assistant", "no")
    write(
        tmp_path / "data" / "convert" / "dpo" / "train.parquet",
        {"prompt": MESSAGES, "chosen": MESSAGES, "rejected": MESSAGES},
        [(prompt, yes, no) for prompt in prompts],
    )
    write(
        tmp_path / "data" / "convert" / "kto" / "train.parquet",
        {"prompt": MESSAGES, "completion": MESSAGES, "label": pa.bool_()},
        [(prompt, yes if at % 2 else no, bool(at % 2)) for at, prompt in enumerate(prompts)],
    )
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", ["orpo", "rpo", "bco_unpaired"])
def test_a_policy_is_trained_as_its_entry_says(
    name: str, root: Path, rather: Callable[..., Any]
) -> None:
    """Its data are those its loss eats, and a loss without reference has an empty cache."""
    for stage in ("reference", "train"):
        done = rather("run", stage, name)
        assert done.code == 0, done.stderr
    cached = pq.read_table(root / "data" / "reference" / f"{name}.parquet")
    assert (len(cached) == 0) == (name == "orpo")
    assert (root / "data" / "models" / name / "config.json").is_file()
    metrics = json.loads((root / "data" / "metrics" / "train" / f"{name}.json").read_text())
    assert ("step0_check" in metrics) == (name != "orpo")
    assert (root / "data" / "plots" / "train" / f"{name}.csv").is_file()


def test_an_option_out_of_its_limits_is_one_sentence(
    root: Path, rather: Callable[..., Any]
) -> None:
    """A share of wrong labels above one half is refused before any model is loaded."""
    done = rather("run", "reference", "smooth")
    assert done.code == 2
    assert "options.label_smoothing: expected a number from 0 to 0.49, found 0.7" in done.stderr
