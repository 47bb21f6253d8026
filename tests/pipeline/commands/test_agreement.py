"""`rather agreement` and `rather sources`."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.paths import SHARED_DATA
from tests.pipeline.ratings import GOOD, lines

Rather = Callable[..., Any]
DATA = SHARED_DATA
needs_data = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the real data at {DATA}, which is not part of the repository"
)


def told(rather: Rather, *arguments: Any) -> dict[str, Any]:
    """Give what `rather agreement --json` prints: JSON without NaN, and nothing else."""

    def refuse(name: str) -> None:
        raise ValueError(name)

    done = rather("agreement", *arguments, "--json")
    assert (done.code, done.stderr) == (0, "")
    found: dict[str, Any] = json.loads(done.stdout, parse_constant=refuse)
    return found


@needs_data
def test_pandalm(rather: Rather) -> None:
    """Nominal alpha .8642206852; Cohen's kappa .8520, .8789 and .8617; 999 pairs by three."""
    found = told(rather, DATA / "pandalm" / "testset-v1.jsonl.gz")
    assert found.keys() == {"compare"}
    compare = found["compare"]
    assert (compare["level"], compare["num_items"]) == ("nominal", 999)
    assert compare["alpha"]["nominal"]["alpha"] == pytest.approx(0.8642206852, abs=5e-11)
    kappas = [round(pair["kappa"], 4) for pair in compare["rater_pairs"]["pairs"]]
    assert kappas == [0.8520, 0.8789, 0.8617]


@needs_data
def test_dices(rather: Rather) -> None:
    """Nominal alpha .2008000787 without Unsure, .1608602156577 with it as a third category."""
    found = told(rather, DATA / "dices_350" / "dices_350_crowdsourced.json.gz")
    assert found.keys() == {"score", "with_undecided"}
    alphas = {name: one["alpha"]["nominal"]["alpha"] for name, one in found.items()}
    assert alphas["score"] == pytest.approx(0.2008000787, abs=5e-11)
    assert alphas["with_undecided"] == pytest.approx(0.1608602156577, abs=5e-14)


def test_raters_who_always_agree(tmp_path: Path, rather: Rather) -> None:
    """Alpha is 1 at every level: no item has two values."""
    (tmp_path / "ratings.jsonl").write_text(lines(GOOD))
    score = told(rather, tmp_path / "ratings.jsonl")["score"]
    assert {one["alpha"] for one in score["alpha"].values()} == {1.0}
    assert (score["num_raters"], score["num_items"]) == (2, 12)


def test_a_repeated_rating_counts_once(tmp_path: Path, rather: Rather) -> None:
    """The last one of each rater, so that ann who changed her mind does not contradict herself."""
    (tmp_path / "ratings.jsonl").write_text(lines([GOOD[0] | {"score": 1}, *GOOD]))
    score = told(rather, tmp_path / "ratings.jsonl")["score"]
    assert score["num_judgements"] == 24
    assert score["alpha"]["ordinal"]["alpha"] == 1.0


def test_one_rater_alone_has_no_alpha(tmp_path: Path, rather: Rather) -> None:
    """Null with a reason, as JSON and in words."""
    (tmp_path / "ratings.jsonl").write_text(lines([r for r in GOOD if r["rater"] == "ann"]))
    score = told(rather, tmp_path / "ratings.jsonl")["score"]
    assert (score["may_gate"], score["band"]) == (None, "unknown")
    assert score["alpha"]["ordinal"]["alpha"] is None
    done = rather("agreement", tmp_path / "ratings.jsonl")
    assert done.code == 0
    assert score["alpha"]["ordinal"]["reason"] in done.stdout


def test_plain_text_begins_with_what_was_judged(tmp_path: Path, rather: Rather) -> None:
    """For a person: counts, alpha and its level, intervals, raters; nothing on stderr."""
    (tmp_path / "ratings.jsonl").write_text(lines(GOOD))
    done = rather("agreement", tmp_path / "ratings.jsonl")
    assert (done.code, done.stderr) == (0, "")
    first, second, *rest = done.stdout.splitlines()
    assert first.startswith("24 judgements of 12 responses by 2 raters, overall")
    assert second.startswith("alpha 1.0000, reliable (Krippendorff, ordinal")
    assert any("bootstrap 95%" in line for line in rest)
    assert any(line.split()[:2] == ["ann", "bob"] for line in rest)


def test_ratings_and_comparisons_are_told_apart(tmp_path: Path, rather: Rather) -> None:
    """Pairs with scores beside them hold both kinds; each has its own summary."""
    rows = [
        {"prompt": f"q{n}", "chosen": f"a{n}", "rejected": f"b{n}", "up": 4, "down": 2}
        for n in range(3)
    ]
    (tmp_path / "pairs.jsonl").write_text(lines(rows))
    scores = "--set", "source.mapping.scores=[up, down]"
    found = told(rather, tmp_path / "pairs.jsonl", *scores)
    assert {kind: one["num_judgements"] for kind, one in found.items()} == {
        "score": 6,
        "compare": 3,
    }


def test_prompts_alone_are_refused(tmp_path: Path, rather: Rather) -> None:
    """Nobody judged anything: exit code 2, one line, and how to name the columns."""
    (tmp_path / "prompts.jsonl").write_text('{"prompt": "q"}\n')
    done = rather("agreement", tmp_path / "prompts.jsonl")
    assert (done.code, len(done.errors), done.stdout) == (2, 1, "")
    assert "expected ratings or comparisons, found none" in done.errors[0]
    assert "--map" in done.errors[0]


def test_sources_lists_every_format(rather: Rather) -> None:
    """By name, with its shape and the columns that give it away; demo is none of them."""
    from rather.stages.sources.presets import presets

    done = rather("sources")
    assert (done.code, done.stderr) == (0, "")
    names = {
        cells[1].strip() for line in done.stdout.splitlines() if len(cells := line.split("│")) > 2
    }
    whole = {name for name in presets() if len(name) <= 12}
    assert whole <= names
    assert "chosen, prompt" in done.stdout
    assert "demo" not in names
