"""What `dvc status` names after an edit: every stage that it may change, and nothing paid for."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from dvc.repo import Repo

from rather.registry import stages
from tests.imports import PACKAGES, PAID, PARAMS, PLUMBING, code_files, rater_files, reached
from tests.paths import ROOT
from tests.story.repository import Repository

pytestmark = pytest.mark.long

KINDS = {
    "rate": ("annotator", "verifier"),
    "rate_by_model": ("reward_model",),
    "evaluate": ("annotator", "verifier", "reward_model"),
}


@pytest.fixture(scope="module")
def repository(demo: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """A run of the whole chain, whose files may be edited."""
    return demo.copy(tmp_path_factory.mktemp("stale") / "edited")


def stale(repository: Repository) -> set[str]:
    """Return the stages that `dvc status` names, members by their stage."""
    with Repo(str(repository.root)) as repo:
        return {name.rpartition(":")[2].partition("@")[0] for name in repo.status()}


@contextmanager
def edited(path: Path, more: str = "\n# edited\n") -> Iterator[None]:
    """Append to a file, or make it, as long as the context lasts."""
    original = path.read_bytes() if path.exists() else None
    path.write_bytes((original or b"") + more.encode())
    yield
    if original is None:
        path.unlink()
    else:
        path.write_bytes(original)


def uses(stage: str, file: str) -> bool:
    """Check whether a stage of the demo rests on a file of code."""
    kinds = KINDS.get(stage, ())
    return file in reached(stage) or any(file in rater_files(kind) for kind in kinds)


def test_nothing_is_stale_before_an_edit(repository: Repository) -> None:
    """A copy of a finished run is up to date."""
    assert stale(repository) == set()


def test_an_edit_of_any_file_names_what_rests_on_it(repository: Repository) -> None:
    """File by file: every stage that reaches the file is named, no paid one that does not."""
    run = {stage for stage in stages() if not stage.startswith("round_") and stage != "models"}
    wrong: dict[str, tuple[set[str], set[str]]] = {}
    files = [file for file in code_files() if not file.endswith("__init__.py")]
    for file in files:
        with edited(repository.root / file):
            named = stale(repository)
        expected = {stage for stage in run if uses(stage, file)}
        paid = {stage for stage in named & set(PAID) if not uses(stage, file)}
        if not expected <= named or paid:
            wrong[file] = expected - named, paid
        if file.startswith(PLUMBING):
            assert named == set(), file
        if file.startswith(PARAMS):
            assert named == {"params"}, file
    print(f"{len(files)} files edited, one by one")
    assert wrong == {}


@pytest.mark.parametrize(
    "file",
    [
        "trainer/losses/cauchy.py",
        "stages/audit/more_figures.py",
        "stages/winnow/more_rules.py",
        "stages/raters/panel.py",
        "pipeline/commands/merge.py",
        "pipeline/runners/count.py",
    ],
)
def test_a_new_file_makes_nothing_paid_stale(repository: Repository, file: str) -> None:
    """A new loss, page section, rule, rater, command or stage reruns no generation or rating."""
    with edited(repository.root / file, '"""New."""\n'):
        assert stale(repository) & set(PAID) == set()


@pytest.mark.parametrize(
    ("parameter", "name", "expected"),
    [
        ("contamination.path", "evaluations.jsonl", "load"),
        ("evaluate.harmful", "harmful.jsonl", "evaluate"),
        ("evaluate.benign", "benign.jsonl", "evaluate"),
        ("evaluate.command", "score.py", "evaluate"),
        ("source.path", "prompts.jsonl", "load"),
        ("raters.verifier.function", "checks.py", "rate"),
    ],
)
def test_an_edit_of_a_named_file_is_seen(
    repository: Repository, parameter: str, name: str, expected: str, tmp_path: Path
) -> None:
    """The content of a file that params.yaml names is a dependency of the stage that reads it."""
    changed = repository.copy(tmp_path / "named")
    path = changed.root / name
    path.write_text('{"prompt": "What is 2 + 2?"}\n' if name.endswith("l") else "def f(): ...\n")
    value = {"score.py": "python score.py", "checks.py": "checks:f"}.get(name, name)
    changes = {parameter: value} | ({"source.format": "auto"} if name == "prompts.jsonl" else {})
    changed.set_params(changes)
    changed.run("dvc", "repro", "-q", "params")
    changed.run("dvc", "commit", "-q", "-f")  # as if all had run
    assert stale(changed) == set()
    with edited(path, "\n"):
        assert expected in stale(changed)


def test_links_to_named_files_stay_links(repository: Repository, tmp_path: Path) -> None:
    """An earlier params.yaml, a commit and a move of the repository leave links, not copies."""
    changed = repository.copy(tmp_path / "moved")
    changed.run("dvc", "commit", "-q", "-f")
    for path in ("stages/sources/demo.py", None, "stages/sources/demo.py"):
        changed.set_params({"contamination.path": path})
        changed.run("dvc", "repro", "-q", "params")
    named = changed.root / "data" / "params" / "named"
    links = [link for link in named.rglob("*") if link.is_symlink()]
    assert named / "contamination" in links
    assert named / "source" in links
    assert all(link.resolve().is_relative_to(changed.root) for link in links)


def test_a_group_that_is_left_out_takes_its_default(repository: Repository, tmp_path: Path) -> None:
    """Without the groups demo, rounds and models, DVC runs, and names no stage."""
    shorter = repository.copy(tmp_path / "shorter")
    path = shorter.root / "params.yaml"
    lines = path.read_text().split("\n")
    left = [line for line in lines if not line.startswith(("rounds:", "models:", "evaluate:"))]
    path.write_text("\n".join(line for line in left if line.strip() not in NULLS))
    shorter.run("dvc", "repro", "-q", "params")
    assert stale(shorter) == set()


NULLS = ("harmful: null", "benign: null", "command: null")


def test_the_packages_are_all_covered() -> None:
    """Every folder of code is looked through."""
    assert {file.split("/")[0] for file in code_files()} == set(PACKAGES)
    assert all((ROOT / file).is_file() for file in code_files())
