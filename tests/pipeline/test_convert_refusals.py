"""`rather convert`: what it refuses, how it says so, and what it leaves as it was."""

import gzip
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pipeline.ratings import GOOD, OLD, lines

Rather = Callable[..., Any]
Refused = Callable[..., str]


@pytest.fixture
def refused(tmp_path: Path, rather: Rather) -> Refused:
    """Convert what must be refused; check the manner of it, and give the message."""

    def convert(
        content: str | bytes | None,
        *more: str,
        name: str = "ratings.jsonl",
        to: str = "dpo",
        code: int = 2,
    ) -> str:
        source, out = tmp_path / name, tmp_path / "out.parquet"
        beside = tmp_path / "out.dropped.parquet"
        if content is not None:
            source.write_bytes(content.encode() if isinstance(content, str) else content)
        for path in (out, beside):
            path.write_bytes(OLD)
        before = sorted(tmp_path.iterdir())
        done = rather("convert", source, "--to", to, "--out", out, *more)
        assert done.code == code
        assert len(done.errors) == 1
        assert "Traceback" not in done.stderr
        assert out.read_bytes() == beside.read_bytes() == OLD
        assert sorted(tmp_path.iterdir()) == before
        message: str = done.stderr[done.stderr.index("error: ") :]
        return message

    return convert


# What is refused: each with one error line and code 2, and files of an earlier run as they were


def test_a_missing_file(refused: Refused) -> None:
    """Nothing at that path."""
    assert "ratings.jsonl: expected a file, found nothing there" in refused(None)


def test_a_folder_without_a_file_of_a_known_kind(refused: Refused, tmp_path: Path) -> None:
    """A folder is read whole; this one is not called missing, and the kinds are named."""
    (tmp_path / "folder.jsonl").mkdir()
    (tmp_path / "folder.jsonl" / "notes.txt").write_text("not ratings")
    assert "expected files (csv, json" in refused(None, name="folder.jsonl")


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("ratings.jsonl", "", "found an empty file"),
        ("ratings.csv", "prompt,response,score\n", "found an empty file"),
        ("ratings.jsonl", "{\nnope\n", "none of 2 rows can be read"),
        ("ratings.jsonl.gz", gzip.compress(lines(GOOD).encode())[:-30], "a whole gzip file"),
        ("ratings.jsonl", '{"question": "q", "answer": "a"}\n', "no known format has the columns"),
        ("ratings.jsonl", '{"prompt": "q"}\n', "expected rated responses, found prompts alone"),
        ("ratings.csv", "prompt,response,stars\np,a,1\n", "expected rated responses"),
        ("ratings.txt", "x", "found .txt"),
        ("ratings.parquet", "x" * 100, "expected a Parquet file"),
    ],
)
def test_a_file_that_cannot_be_right(
    name: str, content: str | bytes, found: str, refused: Refused
) -> None:
    """Empty, broken, cut short, of an unknown kind or with other columns."""
    assert found in refused(content, name=name)


@pytest.mark.parametrize("to", ["dpo", "kto"])
@pytest.mark.parametrize(
    ("more", "found"),
    [
        (("--from", "nope"), "unknown format 'nope'; expected one of pandalm"),
        (("--from", "demo"), "--from demo: expected auto or a name that `rather sources` lists"),
        (("--set", "source.mapping.scores=[stars]"), "needs column 'stars'; found prompt, rater"),
        (("--set", "source.mapping.prompt=question"), "needs column 'question'"),
        (("--set", "source.mapping.nope=x"), "source.mapping.nope: no such parameter"),
        (("--set", "winnow.margin.at_least=-1"), "winnow.rules.margin.at_least: input should be"),
        (("--set", "validate.agreement_floor=70"), "found 70"),
        (("--set", "nope=1"), "nope: no such parameter"),
        (("--set", "winnow.nope.at_least=1"), "winnow.rules.nope: no such rule"),
        (("--set", "winnow.agreement=false"), "winnow.rules.agreement: input should be"),
        (("--set", "nonsense"), "--set nonsense: expected NAME=VALUE"),
        (("--set", "source.path=other.jsonl"), "expected no source.path"),
        (("--set", "source.format=ratings"), "expected no source.path or source.format"),
        (("--set", "convert.to=[dpo, kto]"), "expected no convert.to, which --to says"),
        (("--format", "nope"), "--format nope: expected one of trl, trl-standard"),
        (("--map", "/no/such/map.yaml"), "expected a mapping file (YAML), found"),
        (("--set", "raters.x.kind=verifier"), "--set raters: expected none"),
        (("--set", "source.mapping.scale=[7, 9]"), "expected scores (7 to 9) in score, found none"),
    ],
)
def test_an_option_that_cannot_be_right(
    more: tuple[str, ...], found: str, to: str, refused: Refused
) -> None:
    """An unknown name, a value out of range, a column that is not there."""
    assert found in refused(lines(GOOD), *more, to=to)


@pytest.mark.parametrize(
    ("out", "found"),
    [
        ("pairs.csv", "expected a name ending in .parquet or .jsonl or .json"),
        ("pairs", "expected a name ending in .parquet or .jsonl or .json"),
        ("none/pairs.parquet", "expected an existing folder, found none"),
        ("ratings.jsonl/pairs.parquet", "expected an existing folder, found none"),
        ("/proc/pairs.parquet", "expected a folder to write to"),
        ("folder.parquet", "folder.parquet is a folder"),
        ("ratings.jsonl", "is the input itself"),
        ("./folder.parquet/../ratings.jsonl", "is the input itself"),
    ],
)
def test_an_output_that_cannot_be_written(
    out: str, found: str, refused: Refused, tmp_path: Path
) -> None:
    """Refused before any work is done, the input untouched; the last --out of a command counts."""
    (tmp_path / "folder.parquet").mkdir()
    content = lines(GOOD)
    assert found in refused(content, "--out", str(tmp_path / out))
    assert (tmp_path / "ratings.jsonl").read_text() == content


def test_dropped_rows_never_take_the_inputs_place(refused: Refused, tmp_path: Path) -> None:
    """Input a.dropped.parquet and --out a.parquet would write the dropped rows over the input."""
    pl.DataFrame(GOOD).write_parquet(tmp_path / "a.dropped.parquet")
    content = (tmp_path / "a.dropped.parquet").read_bytes()
    options = "--out", str(tmp_path / "a.parquet")
    assert "is the input itself" in refused(content, *options, name="a.dropped.parquet")
    assert (tmp_path / "a.dropped.parquet").read_bytes() == content


# What is below its declared quality: the same, with code 1 and the ledger


def test_scores_that_are_all_equal(refused: Refused) -> None:
    """No pair has a margin, so none is left; 0.1 is a number whose floats do not add up."""
    equal = lines([row | {"score": 0.1} for row in GOOD])
    message = refused(equal, code=1)
    assert "the number of chosen pairs is at least 1: found 0" in message


def test_scores_that_are_all_equal_make_no_labels(refused: Refused) -> None:
    """Every answer is in the middle."""
    equal = lines([row | {"score": 0.1} for row in GOOD])
    assert "not one row was left" in refused(equal, to="kto", code=1)


def test_one_response_per_prompt(refused: Refused) -> None:
    """There is nothing to pair."""
    single = lines([row for row in GOOD if row["response"].endswith("short")])
    assert "the number of chosen pairs is at least 1: found 0" in refused(single, code=1)


def test_agreement_below_the_floor(refused: Refused) -> None:
    """Ann is sure and bob sees no difference: agreement is 3/4 in both pairs, below 0.9."""
    rows = [
        {"prompt": prompt, "response": f"{prompt} {answer}", "score": score, "rater": rater}
        for prompt, answer, ann in (
            *(("q0", "a long answer", 5), ("q0", "short", 1)),
            *(("q1", "a long answer", 1), ("q1", "short", 5)),
        )
        for rater, score in (("ann", ann), ("bob", 3))
    ]
    message = refused(lines(rows), "--set", "validate.agreement_floor=0.9", code=1)
    assert "below their declared quality" in message
    assert "0.75" in message


def test_fewer_pairs_than_declared(refused: Refused, rather: Rather, tmp_path: Path) -> None:
    """The ledger that shows where they went is printed before the error."""
    refused(lines(GOOD), "--set", "validate.min_pairs=5", code=1)
    out = tmp_path / "out.parquet"
    source = tmp_path / "ratings.jsonl"
    more = "--set", "validate.min_pairs=5"
    done = rather("convert", source, "--to", "dpo", "--out", out, *more)
    assert done.stderr.index("not_best 8") < done.stderr.index("error: ")
