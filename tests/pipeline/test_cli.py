"""The `rather` command: its exit codes and its errors."""

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from rather.commands import convert as convert_command
from rather.schemas.base import BalanceError, QualityError, UserError
from rather.trainer.errors import TrainerError
from tests.pipeline.ratings import GOOD, lines

Rather = Callable[..., Any]
ARGUMENTS = "convert", "in.jsonl", "--to", "dpo", "--out", "out.parquet"


def raising(error: Exception) -> Callable[..., None]:
    """Make a stand-in for the work that raises."""

    def work(*_: object) -> None:
        raise error

    return work


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UserError("mend it"), 2),
        (TrainerError("mend it"), 2),
        (QualityError("mend it"), 1),
        (BalanceError("mend it"), 1),
    ],
)
def test_what_is_stopped_on_purpose_is_one_line(
    error: Exception, code: int, rather: Rather, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its text, without a traceback, and 2 for what the user can mend."""
    monkeypatch.setattr(convert_command, "convert_file", raising(error))
    done = rather(*ARGUMENTS)
    assert (done.code, done.stderr, done.stdout) == (code, "error: mend it\n", "")


def test_a_name_that_is_no_text_is_refused(rather: Rather) -> None:
    """Bytes that are not UTF-8 arrive as surrogates, which nothing can write."""
    done = rather("audit", "caf\udce9.jsonl", "--out", "audit")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "expected a name in UTF-8" in done.errors[0]


def test_a_defect_keeps_its_traceback(rather: Rather, monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody foresaw is not dressed up as a mistake of the user's."""
    monkeypatch.setattr(convert_command, "convert_file", raising(RuntimeError("defect")))
    with pytest.raises(RuntimeError, match="defect"):
        rather(*ARGUMENTS)


def test_help_shows_how_to_convert(rather: Rather) -> None:
    """With an example to copy."""
    done = rather("convert", "--help")
    assert done.code == 0
    assert "rather convert ratings.jsonl --to dpo --out pairs.parquet" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [("convert",), ("nope",), (*ARGUMENTS, "--nope"), (*ARGUMENTS[:3], "ppo", *ARGUMENTS[4:])],
)
def test_wrong_usage_exits_with_2(arguments: tuple[str, ...], rather: Rather) -> None:
    """A missing argument, an unknown command, option or choice."""
    done = rather(*arguments)
    assert done.code == 2
    assert "Usage" in done.stderr


def test_an_unknown_stage_is_named(rather: Rather) -> None:
    """With those there are."""
    done = rather("run", "nope")
    assert done.code == 2
    assert done.errors == [done.stderr.strip()]
    assert "nope: no such stage; expected one of calibrate, choose, conclude," in done.stderr


def test_a_stage_without_members_takes_no_name(rather: Rather, tmp_path: Path) -> None:
    """`rather run winnow dpo` is refused."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        Path("params.yaml").write_text("")
        done = rather("run", "winnow", "dpo")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "winnow: expected no name after it, found 'dpo'" in done.stderr


def test_outside_a_repository_it_says_where_to_run(rather: Rather, tmp_path: Path) -> None:
    """The params file is what is missing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        done = rather("run", "winnow")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "run from the repository's root" in done.stderr


def test_a_stage_before_its_tables_names_the_stage_to_run(rather: Rather, tmp_path: Path) -> None:
    """winnow reads what pair writes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path)
        Path("params.yaml").write_text("")
        done = rather("run", "winnow")
    assert (done.code, len(done.errors)) == (2, 1)
    assert "run the stage pair first" in done.stderr


def test_the_script_itself(tmp_path: Path) -> None:
    """The installed `rather` exits with 2 and one line, as its main does."""
    script = Path(sys.executable).with_name("rather")
    command = [script, "convert", "none.jsonl", "--to", "dpo", "--out", "out.parquet"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    errors = [line for line in done.stderr.splitlines() if line.strip()]
    assert errors == ["error: none.jsonl: expected a file, found nothing there; check the path"]
    assert list(tmp_path.iterdir()) == []


def test_a_missing_extra_is_named(rather: Rather, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without torch the error says which extra brings it; another missing module is a defect."""
    absent = ModuleNotFoundError("No module named 'torch'", name="torch")
    monkeypatch.setattr(convert_command, "convert_file", raising(absent))
    done = rather(*ARGUMENTS)
    assert (done.code, len(done.errors)) == (2, 1)
    assert "rather[train]" in done.stderr
    other = ModuleNotFoundError("No module named 'odd'", name="odd")
    monkeypatch.setattr(convert_command, "convert_file", raising(other))
    with pytest.raises(ModuleNotFoundError):
        rather(*ARGUMENTS)


def test_the_version_is_printed(rather: Rather) -> None:
    """Without a command, and nothing else."""
    done = rather("--version")
    assert (done.code, done.stdout.split()[0]) == (0, "rather")


@pytest.mark.parametrize(
    ("arguments", "suggestion"),
    [
        (("run", "winow"), "winnow"),
        ((*ARGUMENTS, "--set", "winnow.margn.at_least=1"), "margin"),
        ((*ARGUMENTS, "--set", "winnow.margin.at_lest=1"), "at_least"),
        ((*ARGUMENTS, "--set", "chose.balance=none"), "choose"),
        ((*ARGUMENTS, "--from", "alpaca_evl"), "alpaca_eval"),
    ],
)
def test_the_nearest_name_is_suggested(
    arguments: tuple[str, ...],
    suggestion: str,
    rather: Rather,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For stages, rules, options, groups and formats; the exit code is the user's mistake."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text("seed: 0\n")
    (tmp_path / "in.jsonl").write_text('{"prompt": "a", "response": "b", "score": 1}\n')
    done = rather(*arguments)
    assert done.code == 2
    assert f"(did you mean '{suggestion}'?)" in done.stderr


def test_quiet_prints_nothing_but_errors(rather: Rather, tmp_path: Path) -> None:
    """No ledger, no remark and no recipe; the file is written."""
    rows = "".join(lines(GOOD))
    (tmp_path / "in.jsonl").write_text(rows)
    out = tmp_path / "out.parquet"
    done = rather("convert", tmp_path / "in.jsonl", "--to", "dpo", "--out", out, "--quiet")
    assert (done.code, done.stderr, done.stdout) == (0, "", "")
    assert out.is_file()
