"""The files behind results that dvc.yaml cannot name."""

from pathlib import Path

import pytest

from rather.params.named_files import file_groups, single_files
from rather.params.params import make_params
from rather.schemas.base import UserError


def files_of(root: Path, **values: object) -> dict[str, Path | None]:
    """Return the single files of parameters."""
    return single_files(make_params({"source": {"path": "r.jsonl"}} | values, (), "here"), root)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder with a source, and a folder of evaluation sets."""
    (tmp_path / "r.jsonl").touch()
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "a.jsonl").touch()
    return tmp_path


def test_a_file_stands_for_itself(root: Path) -> None:
    """Parameters that are null name no file."""
    assert files_of(root) == {
        "source": root / "r.jsonl",
        "contamination": None,
        "harmful": None,
        "benign": None,
    }


@pytest.mark.parametrize("path", ["sets", "sets/*.jsonl", "sets/[ab].jsonl"])
def test_a_pattern_stands_for_the_folder_that_it_searches(root: Path, path: str) -> None:
    """So that a new file of the pattern counts too."""
    assert files_of(root, contamination={"path": path})["contamination"] == root / "sets"


def test_a_data_set_of_the_hub_is_no_file(root: Path) -> None:
    """Its revision is the source's matter."""
    assert files_of(root, source={"path": "hub:owner/name"})["source"] is None


def test_a_file_that_is_not_there_is_named(root: Path) -> None:
    """With its parameter, before any stage runs."""
    with pytest.raises(UserError, match=r"evaluate\.benign: expected .* none at no\.jsonl"):
        files_of(root, evaluate={"benign": "no.jsonl"})


def test_the_scripts_of_a_command_are_its_words_that_are_files(root: Path) -> None:
    """Options and programs that lie elsewhere are none."""
    (root / "score.py").touch()
    params = make_params({"evaluate": {"command": "python score.py --fast"}}, (), "here")
    assert file_groups(params, root)["command"] == {root / "score.py"}


def test_a_rater_rests_on_its_own_kind_alone(root: Path) -> None:
    """A verifier's code is no annotator's, whose ratings stay when it changes."""
    raters = {"exact": {"kind": "verifier"}, "ann": {"kind": "annotator"}}
    groups = file_groups(make_params({"raters": raters}, (), "here"), root)
    names = {name: {path.name for path in groups[f"raters/{name}"]} for name in raters}
    assert {"verifier.py", "verifier_checks.py"} <= names["exact"]
    assert "annotator.py" in names["ann"] and "verifier.py" not in names["ann"]


def test_a_verifiers_own_function_counts(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its module's file is one of the rater's."""
    (root / "my_checks.py").write_text("def good(messages, text, answer): return 1.0\n")
    monkeypatch.chdir(root)
    raters = {"own": {"kind": "verifier", "function": "my_checks:good"}}
    groups = file_groups(make_params({"raters": raters}, (), "here"), root)
    assert root / "my_checks.py" in groups["raters/own"]


def test_a_preset_file_and_its_function_count(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """source.format may be the path of a preset file, and name a function of the user's own."""
    monkeypatch.chdir(root)
    (root / "own_unwrap.py").write_text("def rows(row):\n    return row\n")
    (root / "own.yaml").write_text("unwrap: own_unwrap:rows\ncolumns: [a]\n")
    params = make_params({"source": {"path": "r.jsonl", "format": "own.yaml"}}, (), "here")
    assert file_groups(params, root)["reader"] == {root / "own.yaml", root / "own_unwrap.py"}
