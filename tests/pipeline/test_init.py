"""`rather init`: a params.yaml and a mapping for a file that it has never seen."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rather.params.params import read_params
from tests.paths import ROOT
from tests.pipeline.ratings import GOOD, OLD, lines

Rather = Callable[..., Any]

VOTES = """ask,model a,model b,ann,bob
q0,a long answer,short,1,1
q1,a long answer,short,2,2
"""


@pytest.fixture
def start(tmp_path: Path, rather: Rather) -> Callable[..., Any]:
    """Describe a file of these contents."""

    def run(name: str, content: str, *more: str) -> Any:
        (tmp_path / name).write_text(content)
        return rather("init", tmp_path / name, "--out", tmp_path / "params.yaml", *more)

    return run


def test_a_guessed_file_converts_by_its_mapping(
    start: Callable[..., Any], rather: Rather, tmp_path: Path
) -> None:
    """1 and 2 were guessed to be the first and the second answer; each prompt gives its pair."""
    done = start("votes.csv", VOTES)
    assert done.code == 0, done.stderr
    out = tmp_path / "pairs.parquet"
    options = ("--map", tmp_path / "mapping.yaml", "--to", "dpo", "--out", out)
    assert rather("convert", tmp_path / "votes.csv", *options).code == 0
    said = pl.col("chosen").list.first().struct.field("content")
    assert set(pl.read_parquet(out).select(said).to_series()) == {"a long answer", "short"}


def test_each_field_says_how_sure_it_is(start: Callable[..., Any], tmp_path: Path) -> None:
    """In the mapping, in the params and on the terminal."""
    done = start("votes.csv", VOTES)
    for text in (
        done.stdout,
        *((tmp_path / f).read_text() for f in ("mapping.yaml", "params.yaml")),
    ):
        (votes,) = (line for line in text.splitlines() if line.strip().startswith("values:"))
        assert "# a guess: 1 the first answer, -1 the second, 0 a tie" in votes
        assert "look at: which number means which answer" in text


def test_the_params_are_whole(start: Callable[..., Any], tmp_path: Path) -> None:
    """They are read as they stand, and have every name that dvc.yaml asks for."""
    start("votes.csv", VOTES)
    params = read_params(tmp_path / "params.yaml")
    assert params.source.mapping.preference == ("ann", "bob")
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"].values()
    files = [file for entry in stages for file in entry.get("do", entry).get("params", [])]
    asked = {name for file in files for names in file.values() for name in names or ()}
    assert asked
    written = yaml.safe_load((tmp_path / "params.yaml").read_text())
    assert {name.split(".")[0] for name in asked} <= written.keys()


def test_a_known_format_is_named(start: Callable[..., Any], tmp_path: Path) -> None:
    """Its mapping extends it, and the trial tells raters and scale."""
    done = start("ratings.jsonl", lines(GOOD))
    assert "recognised as ratings" in done.stdout
    assert "raters: 2 (ann, bob)" in done.stdout
    assert "scores go from 1 to 5: taken as 1 to 5" in done.stdout
    assert yaml.safe_load((tmp_path / "mapping.yaml").read_text()) == {"extends": "ratings"}
    assert read_params(tmp_path / "params.yaml").source.format == "ratings"


@pytest.mark.parametrize("name", ["params.yaml", "mapping.yaml"])
def test_nothing_is_overwritten_unasked(
    name: str, start: Callable[..., Any], tmp_path: Path
) -> None:
    """Neither file; with --force both are written anew."""
    (tmp_path / name).write_bytes(OLD)
    done = start("votes.csv", VOTES)
    assert (done.code, len(done.errors)) == (2, 1) and "--force" in done.errors[0]
    assert (tmp_path / name).read_bytes() == OLD
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([name, "votes.csv"])
    assert start("votes.csv", VOTES, "--force").code == 0


def test_what_cannot_be_guessed_writes_nothing(start: Callable[..., Any], tmp_path: Path) -> None:
    """One line that names the columns."""
    done = start("odd.csv", "a,b\n1,2\n3,4\n")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "found a, b" in done.errors[0]
    assert [path.name for path in tmp_path.iterdir()] == ["odd.csv"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("lists.jsonl", "[1, 2]\n[3, 4]\n"),
        ("pairs.jsonl", '{"prompt": "q\\ud800", "chosen": "a", "rejected": "b"}\n'),
        ("empty.csv", ""),
    ],
)
def test_what_cannot_be_read_writes_nothing(
    name: str, content: str, start: Callable[..., Any], tmp_path: Path
) -> None:
    """No row, rows that are none, and rows of a known format that cannot be used."""
    done = start(name, content)
    assert (done.code, len(done.errors)) == (2, 1), done.stderr
    assert "rows" in done.errors[0]
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("out", ["votes.csv", "mapping.yaml", "no/params.yaml", "folder"])
def test_neither_the_source_nor_the_mapping_is_written_over(
    out: str, start: Callable[..., Any], rather: Rather, tmp_path: Path
) -> None:
    """Not by force either; nor is anything written where nothing can be."""
    start("votes.csv", VOTES)
    (tmp_path / "folder").mkdir()
    before = {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()}
    done = rather("init", tmp_path / "votes.csv", "--out", tmp_path / out, "--force")
    assert (done.code, len(done.errors)) == (2, 1) and "--out" in done.errors[0]
    assert {path: path.read_bytes() for path in tmp_path.iterdir() if path.is_file()} == before


def test_answers_are_counted_once(start: Callable[..., Any]) -> None:
    """Two raters of one answer are two ratings."""
    assert "prompts 4, answers 12, ratings 24," in start("ratings.jsonl", lines(GOOD)).stdout


def test_foreign_names_stay_in_comments(start: Callable[..., Any], tmp_path: Path) -> None:
    """A rater's name that ends a line sets no parameter, and none commands the terminal."""
    rows = [row | {"rater": "ann\nseed: 7\x1b[31m"} for row in GOOD if row["rater"] == "ann"]
    done = start("ratings.jsonl", lines(rows))
    assert done.code == 0, done.stderr
    assert "raters: 1 (ann seed: 7[U+001B][31m)" in done.stdout
    assert read_params(tmp_path / "params.yaml").seed == 0
