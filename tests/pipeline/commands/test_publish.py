"""What `rather convert` leaves: the training set in its format, and what must lie beside it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pipeline.ratings import GOOD, OLD, lines

Rather = Callable[..., Any]
SIDE_FILE = "dataset_info.json"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A file of ratings that make four pairs, and eight labels."""
    path = tmp_path / "ratings.jsonl"
    path.write_text(lines(GOOD))
    return path


@pytest.mark.parametrize(
    ("to", "name", "columns"),
    [
        ("dpo", "trl", {"prompt", "chosen", "rejected"}),
        ("dpo", "trl-standard", {"prompt", "chosen", "rejected"}),
        ("dpo", "llamafactory", {"conversations", "chosen", "rejected"}),
        ("dpo", "open-instruct", {"chosen", "rejected"}),
        ("kto", "trl", {"prompt", "completion", "label"}),
        ("kto", "trl-standard", {"prompt", "completion", "label"}),
        ("kto", "llamafactory", {"messages", "label"}),
    ],
)
def test_a_format_has_its_trainers_columns(
    to: str, name: str, columns: set[str], source: Path, rather: Rather
) -> None:
    """And beside them ids, raters and weight; all four pairs or eight labels are there."""
    out = source.with_name("out.parquet")
    done = rather("convert", source, "--to", to, "--out", out, "--format", name)
    assert done.code == 0, done.stderr
    rows = pl.read_parquet(out)
    assert rows.height == {"dpo": 4, "kto": 8}[to]
    assert columns | {"prompt_id", "raters", "num_raters", "weight"} <= set(rows.columns)
    assert rows["raters"].to_list() == [["ann", "bob"]] * rows.height


def test_a_json_array_holds_the_rows(source: Path, rather: Rather) -> None:
    """The same rows as in Parquet, in the same order."""
    found = []
    for name in ("pairs.json", "pairs.parquet"):
        out = source.with_name(name)
        assert rather("convert", source, "--to", "dpo", "--out", out).code == 0
        found.append(json.loads(out.read_text()) if name.endswith("json") else pl.read_parquet(out))
    assert found[0] == found[1].to_dicts()
    assert (source.parent / "pairs.dropped.parquet").is_file()


def test_the_side_file_names_what_was_written(source: Path, rather: Rather) -> None:
    """LLaMA-Factory finds a data set by its entry in dataset_info.json; other entries stay."""
    side = source.with_name(SIDE_FILE)
    side.write_text(json.dumps({"mine": {"file_name": "mine.json"}, "pairs": {"old": True}}))
    out = source.with_name("pairs.json")
    done = rather("convert", source, "--to", "dpo", "--out", out, "--format", "llamafactory")
    assert done.code == 0, done.stderr
    entries = json.loads(side.read_text())
    assert entries.keys() == {"mine", "pairs"}
    assert entries["mine"] == {"file_name": "mine.json"}
    assert entries["pairs"]["file_name"] == "pairs.json"
    assert "old" not in entries["pairs"]
    assert 'dataset: "pairs"' in done.stderr


def test_two_sets_share_a_side_file(source: Path, rather: Rather) -> None:
    """Pairs and labels in one folder are two entries."""
    for to in ("dpo", "kto"):
        out = source.with_name(f"{to}.json")
        done = rather("convert", source, "--to", to, "--out", out, "--format", "llamafactory")
        assert done.code == 0, done.stderr
    assert json.loads(source.with_name(SIDE_FILE).read_text()).keys() == {"dpo", "kto"}


@pytest.mark.parametrize(
    ("content", "found"),
    [("{broken", "expected a JSON object to add to"), ("[]", "found list")],
)
def test_a_side_file_that_takes_no_entry_is_refused_first(
    content: str, found: str, source: Path, rather: Rather
) -> None:
    """Before any work: neither it nor an older training set is touched."""
    side, out = source.with_name(SIDE_FILE), source.with_name("pairs.json")
    side.write_text(content)
    out.write_bytes(OLD)
    done = rather("convert", source, "--to", "dpo", "--out", out, "--format", "llamafactory")
    assert (done.code, len(done.errors)) == (2, 1)
    assert f"{SIDE_FILE}: " in done.errors[0] and found in done.errors[0]
    assert (side.read_text(), out.read_bytes()) == (content, OLD)


def test_rows_do_not_take_the_side_files_place(source: Path, rather: Rather) -> None:
    """--out dataset_info.json would be overwritten by what lies beside it."""
    out = source.with_name(SIDE_FILE)
    done = rather("convert", source, "--to", "dpo", "--out", out, "--format", "llamafactory")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "is written beside the rows; choose another name" in done.errors[0]
    assert not out.exists()


@pytest.mark.parametrize("given", ["", "*.jsonl"])
def test_a_folder_is_not_read_again_with_its_own_output(
    given: str, source: Path, rather: Rather
) -> None:
    """Where --out lies among the inputs, the second run would take the first one's pairs for data.

    The first run is fine, for the file is not there yet.
    """
    out, asked = source.with_name("pairs.jsonl"), f"{source.parent}/{given}"
    assert rather("convert", asked, "--to", "dpo", "--out", out).code == 0
    before = out.read_bytes()
    done = rather("convert", asked, "--to", "dpo", "--out", out)
    assert done.code == 2
    assert "pairs.jsonl is the input itself" in done.errors[0]
    assert out.read_bytes() == before


@pytest.mark.parametrize(("to", "lost"), [("dpo", [[1, 2, 5, 6]]), ("kto", [[1, 2], [5, 6]])])
def test_a_row_that_the_format_cannot_hold_is_dropped_with_its_lines(
    to: str, lost: list[list[int]], source: Path, rather: Rather
) -> None:
    """Bare text has no place for a system message, so q0's pair and labels are not written."""
    rows = [row | {"system": "be brief"} if row["prompt"] == "q0" else row for row in GOOD]
    source.write_text(lines(rows))
    out = source.with_name("rows.parquet")
    done = rather("convert", source, "--to", to, "--out", out, "--format", "trl-standard")
    assert done.code == 0, done.stderr
    assert pl.read_parquet(out).height == {"dpo": 3, "kto": 6}[to]
    dropped = pl.read_parquet(source.with_name("rows.dropped.parquet"))
    unfit = dropped.filter(pl.col("stage") == "format")
    assert set(unfit.select("unit", "reason", "source").rows()) == {
        ("rows", "not_one_question", "ratings.jsonl")
    }
    assert sorted(unfit["source_lines"].to_list()) == lost


def test_where_the_format_can_hold_no_row_nothing_is_written(source: Path, rather: Rather) -> None:
    """Every prompt has a system message: an older file stays, and the exit code says quality."""
    source.write_text(lines([row | {"system": "be brief"} for row in GOOD]))
    out = source.with_name("rows.parquet")
    out.write_bytes(OLD)
    done = rather("convert", source, "--to", "dpo", "--out", out, "--format", "trl-standard")
    assert (done.code, len(done.errors)) == (1, 1)
    assert "not written: not one row was left" in done.errors[0]
    assert out.read_bytes() == OLD
    assert not source.with_name("rows.dropped.parquet").exists()


def test_labels_from_pairs_only_when_asked(source: Path, rather: Rather) -> None:
    """Four pairs make four good and four bad answers; the terminal says that they are relative."""
    out = source.with_name("labels.parquet")
    done = rather("convert", source, "--to", "kto", "--out", out, "--set", "convert.kto.by=pairs")
    assert done.code == 0, done.stderr
    assert "a relative judgement made absolute" in done.stderr
    assert sorted(pl.read_parquet(out)["label"].to_list()) == [False] * 4 + [True] * 4


def test_weights_balance_the_labels(source: Path, rather: Rather) -> None:
    """From 5 on an answer is good: q0's first and q1's last, against ten.

    Good times its weight over bad times its own is to lie from 1 to 4/3: 2 x 5 = 10 x 1.
    """
    out = source.with_name("labels.parquet")
    rule = "convert.kto={by: threshold, at_least: 5}"
    done = rather("convert", source, "--to", "kto", "--out", out, "--set", rule)
    assert done.code == 0, done.stderr
    rows = pl.read_parquet(out)
    found = rows.group_by("label").agg(pl.len(), pl.col("weight").unique()).sort("label")
    assert found["len"].to_list() == [10, 2]
    bad, good = (weights[0] for weights in found["weight"].to_list())
    assert (bad, good) == (1.0, 5.0)
    assert "desirable_weight=5, undesirable_weight=1" in done.stderr
