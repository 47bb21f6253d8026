"""`rather audit`: one file becomes a page, its figures, its flagged rows and a data card."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.params.params import read_params
from tests.pipeline.ratings import GOOD, OLD, lines

Rather = Callable[..., Any]
Audited = tuple[Path, Any]

FILES = {
    "index.html",
    "audit.json",
    "card.md",
    "flagged.parquet",
    "pairs.parquet",
    "worst.parquet",
    "params.yaml",
    "docs",
    "data",
}


@pytest.fixture(scope="module")
def audit(tmp_path_factory: pytest.TempPathFactory, rather: Rather) -> Callable[..., Audited]:
    """Audit rows, each distinct way once; give the audit's folder and what was said."""
    made: dict[tuple[str, ...], Audited] = {}

    def run(rows: list[dict[str, Any]], *more: Any) -> Audited:
        key = (lines(rows), *map(str, more))
        if key not in made:
            folder = tmp_path_factory.mktemp("audited")
            (folder / "ratings.jsonl").write_text(lines(rows))
            out = folder / "audit"
            made[key] = out, rather("audit", folder / "ratings.jsonl", "--out", out, *more)
        return made[key]

    return run


def figures(out: Path) -> dict[str, Any]:
    """Read an audit's figures."""
    found: dict[str, Any] = json.loads((out / "audit.json").read_text())
    return found


# What it leaves


def test_everything_lies_in_one_folder(audit: Callable[..., Audited]) -> None:
    """Page, figures, tables, docs, card, and the tables that `rather why` reads; nothing beside."""
    out, done = audit(GOOD)
    assert done.code == 0, done.stderr
    assert {path.name for path in out.iterdir()} == FILES
    assert [path.name for path in out.parent.iterdir() if path.name.startswith(".")] == []
    assert {name: (out / link).is_file() for name, link in figures(out)["links"].items()} == {
        "docs": True,
        "card": True,
        "tables": True,
        "json": True,
    }


def test_the_verdict_is_said(audit: Callable[..., Audited]) -> None:
    """On the terminal as on the page: the sentence, the problems, five figures and where."""
    out, done = audit(GOOD)
    verdict = figures(out)["verdict"]
    assert done.stdout.splitlines()[0] == verdict["sentence"]
    assert "Pairs kept: 33.3%" in done.stdout
    assert done.stdout.rstrip().endswith(str(out / "index.html"))
    assert verdict["problems"][0]["sentence"] in (out / "index.html").read_text()


def test_what_is_left_out_is_said(audit: Callable[..., Audited]) -> None:
    """A score that nobody can read is counted on the terminal, with the stage and the reason."""
    _, done = audit([*GOOD, {"prompt": "q9", "response": "a", "score": "?", "rater": "ann"}])
    assert "Left out: 1 rating by calibrate: unparsable_score;" in done.stdout


def test_flagged_rows_have_every_rule_that_they_fail(audit: Callable[..., Audited]) -> None:
    """At 2 deviations ten of twelve pairs fail the margin; each has its lines in the file."""
    out, _ = audit(GOOD, "--set", "winnow.margin.at_least=2")
    flagged = pl.read_parquet(out / "flagged.parquet").filter(unit="pairs")
    assert flagged["failed"].to_list() == [["margin"]] * 10
    assert flagged["source_lines"].list.len().min() == 4
    fates = pl.read_parquet(out / "pairs.parquet")
    assert fates.height == 12 and fates["reason"].null_count() == 2


def test_two_audits_are_equal(audit: Callable[..., Audited], rather: Rather) -> None:
    """Figures, card and tables repeat to the byte; only the Data Docs tell the time."""
    out, _ = audit(GOOD)
    names = [*(FILES - {"docs", "data", "params.yaml"})]
    before = {name: (out / name).read_bytes() for name in names}
    assert rather("audit", out.parent / "ratings.jsonl", "--out", out).code == 0
    assert {name: (out / name).read_bytes() for name in names} == before


def test_the_parameters_are_kept(audit: Callable[..., Audited]) -> None:
    """The folder is a run of its own: its params.yaml has what was asked."""
    out, _ = audit(GOOD, "--set", "winnow.margin.at_least=2")
    assert read_params(out / "params.yaml").winnow.rules["margin"] == {"at_least": 2}


def test_why_tells_a_row_of_an_audited_file(audit: Callable[..., Audited], rather: Rather) -> None:
    """By the command that the page names."""
    out, _ = audit(GOOD)
    pair = pl.read_parquet(out / "pairs.parquet").filter(pl.col("reason").is_null())["pair_id"][0]
    assert figures(out)["why"] == f"rather why PAIR_ID --in {out}"
    done = rather("why", pair, "--in", out)
    assert done.code == 0 and "choose: kept" in done.stdout


def test_no_draft_is_named(audit: Callable[..., Audited]) -> None:
    """Nothing but the Data Docs says where the audit was made before it was moved."""
    out, _ = audit(GOOD)
    texts = [out / name for name in ("index.html", "audit.json", "card.md", "params.yaml")]
    assert not any(".audit." in path.read_text() for path in texts)


# Gates and differences


def test_a_missed_gate_exits_with_1_and_writes_all_the_same(
    audit: Callable[..., Audited],
) -> None:
    """Four pairs are no training set: the verdict is not yes."""
    out, done = audit(GOOD, "--fail-under", "yes", "--fail-under", "pairs_kept=0.9")
    assert (done.code, len(done.errors)) == (1, 1)
    assert "expected the verdict yes" in done.errors[0]
    assert "expected pairs_kept at least 0.9, found 0.333333" in done.errors[0]
    assert {path.name for path in out.iterdir()} == FILES


def test_a_met_gate_exits_with_0(audit: Callable[..., Audited]) -> None:
    """A third of the pairs is kept, and the declared quality is met."""
    _, done = audit(GOOD, "--fail-under", "quality", "--fail-under", "pairs_kept=0.3")
    assert done.code == 0


def test_against_an_earlier_audit(audit: Callable[..., Audited]) -> None:
    """At 2 deviations the pairs of q2 and q3 are dropped; the page says so."""
    before, _ = audit(GOOD)
    out, done = audit(GOOD, "--set", "winnow.margin.at_least=2", "--against", before)
    assert done.code == 0, done.stderr
    found = figures(out)["against"]
    assert (found["added"], found["removed"], found["now_dropped"]) == (0, 0, 2)
    assert {"from": "kept", "to": "margin", "count": 2} in found["moved"]
    assert found["figures"][0]["before"] == pytest.approx(4 / 12, abs=1e-6)
    assert found["figures"][0]["after"] == pytest.approx(2 / 12, abs=1e-6)


@pytest.mark.parametrize("text", ["{}", "[1]", '{"headline": [], "verdict": {}}', "nothing"])
def test_against_something_else_is_refused(
    text: str, audit: Callable[..., Audited], tmp_path: Path
) -> None:
    """Nothing is written."""
    (tmp_path / "audit.json").write_text(text)
    out, done = audit(GOOD, "--against", tmp_path)
    assert (done.code, len(done.errors)) == (2, 1) and not out.exists()
    assert "--against" in done.errors[0]


# What it refuses


@pytest.mark.parametrize("rows", ["", '{"prompt": "q", "response": "a"', '{"prompt": "q"}\n'])
def test_a_hopeless_file_is_one_line_and_no_folder(
    rows: str, rather: Rather, tmp_path: Path
) -> None:
    """Empty, cut short, or prompts alone."""
    (tmp_path / "r.jsonl").write_text(rows)
    done = rather("audit", tmp_path / "r.jsonl", "--out", tmp_path / "audit")
    assert (done.code, len(done.errors)) == (2, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["r.jsonl"]


def test_a_folder_that_is_no_audit_is_left_alone(
    rather: Rather, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a folder with other files, nor the input's own, nor a file, nor where one stands."""
    (tmp_path / "r.jsonl").write_text(lines(GOOD))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_bytes(OLD)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    names = ("mine", "r.jsonl", ".", "no/audit", "here")
    for out in (tmp_path / name for name in names):
        done = rather("audit", tmp_path / "r.jsonl", "--out", out)
        assert (done.code, len(done.errors)) == (2, 1), out
        assert "--out" in done.errors[0]
    assert (tmp_path / "mine" / "thesis.txt").read_bytes() == OLD


def test_an_earlier_audit_stays_where_the_next_fails(
    audit: Callable[..., Audited], rather: Rather, tmp_path: Path
) -> None:
    """A file that cannot be read replaces nothing."""
    out, _ = audit(GOOD, "--set", "seed=7")
    before = (out / "index.html").read_bytes()
    (tmp_path / "bad.jsonl").write_text("nothing\n")
    assert rather("audit", tmp_path / "bad.jsonl", "--out", out).code == 2
    assert (out / "index.html").read_bytes() == before


# Data that is odd, and no mistake


def rating(prompt: str, answer: str, score: float, rater: str = "ann") -> dict[str, Any]:
    """One rating."""
    return {"prompt": prompt, "response": answer, "score": score, "rater": rater}


ODD = {
    "all scores equal": [rating(p, a, 3) for p in ("q0", "q1") for a in ("yes", "no")],
    "one rater": [rating(f"q{n}", a, s) for n in range(4) for a, s in (("yes", 5), ("no", 1))],
    "one answer a prompt": [rating(f"q{n}", "yes", n % 5 + 1) for n in range(6)],
    "a million characters": [rating("q", "x" * 1_000_000, 5), rating("q", "short", 1)],
    "markup": [rating("<script>alert(1)</script>", a, s) for a, s in (("<b>", 5), ("=1+1", 1))],
}


@pytest.mark.parametrize("name", ODD)
def test_odd_data_gets_a_page_and_a_verdict(name: str, audit: Callable[..., Audited]) -> None:
    """Never a crash; too few pairs to say yes."""
    out, done = audit(ODD[name])
    assert done.code == 0, done.stderr
    assert figures(out)["verdict"]["answer"] in ("no", "with_care")
    assert (out / "index.html").stat().st_size < 5_000_000


def test_labels_alone_get_a_page_about_labels(audit: Callable[..., Audited]) -> None:
    """Where no prompt has a good and a bad answer, there are no pairs, and labels are audited.

    What is declared of pairs is then not asked.
    """
    rows = [
        {"prompt": f"q{n}", "response": "fine" if n % 2 else "bad", "label": bool(n % 2)}
        for n in range(8)
    ]
    out, done = audit(rows, "--fail-under", "quality")
    assert done.code == 0, done.stderr
    found = figures(out)
    assert found["kind"] == "labels"
    assert (found["kto"]["desirable"], found["kto"]["undesirable"]) == (4, 4)
