"""`rather why`, called as a person does."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rather.run import Run
from tests.pipeline.curated import ALL, curated
from tests.pipeline.ratings import GOOD

Rather = Callable[..., Any]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run on GOOD, in a folder with a params file."""
    made = curated(tmp_path_factory.mktemp("why") / "run", {"r.jsonl": GOOD}, ALL)
    (made.root / "params.yaml").write_text("source: {path: source, format: auto}\n")
    return made


@pytest.fixture
def why(run: Run, rather: Rather, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Ask in the run's own folder."""
    monkeypatch.chdir(run.root)
    return lambda name: rather("why", name)


def test_a_chosen_pair_is_told_to_the_end(run: Run, why: Callable[[str], Any]) -> None:
    """Source lines, four ratings, evidence, and the file that it went to."""
    pair = run.read("convert/dpo/train")["pair_id"][0]
    done = why(pair)
    assert (done.code, done.stderr) == (0, "")
    assert done.stdout.startswith(f"pair {pair}\nprompt ")
    assert done.stdout.count("  rated ") == 4
    assert "r.jsonl line" in done.stdout
    assert done.stdout.rstrip().endswith("convert: in convert/dpo/train")


def test_a_pair_that_was_not_chosen_says_why(run: Run, why: Callable[[str], Any]) -> None:
    """The strategy took another one of its prompt."""
    done = why(run.read("choose/dropped")["pair_id"][0])
    assert "choose: dropped, not_best" in done.stdout


def test_an_answer_between_good_and_bad_says_why(run: Run, why: Callable[[str], Any]) -> None:
    """It has no label."""
    done = why(run.read("convert/dropped")["response_id"][0])
    assert done.stdout.rstrip().endswith("convert: no label, undecided")


def test_every_id_of_the_run_has_a_story(run: Run, why: Callable[[str], Any]) -> None:
    """All 4 prompts and all 12 pairs, told from what the stages really wrote."""
    pairs = run.read("pair/pairs")
    for name in [*pairs["pair_id"], *run.read("load/prompts")["prompt_id"]]:
        assert why(name).code == 0


def test_an_unknown_id_exits_with_2(why: Callable[[str], Any]) -> None:
    """One line that says what ids look like."""
    done = why("0123456789abcdef0")
    assert (done.code, len(done.errors), done.stdout) == (2, 1, "")
    assert "expected a pair_id, prompt_id or response_id" in done.errors[0]


def test_outside_a_repository_it_says_where_to_run(
    tmp_path: Path, rather: Rather, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No params file, no run."""
    monkeypatch.chdir(tmp_path)
    done = rather("why", "0123")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "run from the repository's root" in done.errors[0]
