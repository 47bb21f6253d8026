"""The house itself: which way imports run, what stages rest on, what the light core needs."""

import ast
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from rather.params.rater_kinds import BASES, kinds
from rather.registry import stages
from tests.imports import (
    PACKAGES,
    PAID,
    code_deps,
    code_files,
    covers,
    dvc_stages,
    imported,
    package_of,
    rater_files,
    reached,
)
from tests.paths import ROOT

MAY_IMPORT = {
    "schemas": {"schemas"},
    "trainer": {"trainer"},
    "stages": {"stages", "schemas", "trainer"},
    "pipeline": set(PACKAGES),
}
TRAINER_MAY_IMPORT = {"torch", "transformers", "accelerate", "peft", "pyarrow", "numpy"}
HEAVY = {"torch", "transformers", "vllm", "great_expectations", "polars", "altair", "ray"}

BLOCK_HEAVY = """
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {"torch", "transformers", "vllm", "accelerate", "peft"}:
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Block())
"""


def sources(package: str) -> list[str]:
    """List a package's files."""
    return sorted(str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package: str) -> None:
    """Imports run one way: schemas, trainer <- stages <- pipeline."""
    for path in sources(package):
        names = imported(ast.parse((ROOT / path).read_text()))
        packages = {found for name in names if name != "rather" and (found := package_of(name))}
        assert packages <= MAY_IMPORT[package], path


def test_trainer_stands_alone() -> None:
    """The trainer runs anywhere: it imports few packages, and none of ours but itself."""
    for path in sources("trainer"):
        tops = {name.split(".")[0] for name in imported(ast.parse((ROOT / path).read_text()))}
        assert tops - set(sys.stdlib_module_names) <= {*TRAINER_MAY_IMPORT, "rather"}, path


@pytest.mark.parametrize("stage", dvc_stages())
def test_what_a_runner_reaches_is_a_dependency(stage: str) -> None:
    """Every file that a stage's runner imports, at any depth, lies under a dependency of it."""
    deps = code_deps(dvc_stages()[stage]["deps"])
    assert {file for file in reached(stage) if not any(covers(dep, file) for dep in deps)} == set()


@pytest.mark.parametrize("stage", dvc_stages())
def test_a_dependency_covers_what_a_runner_reaches(stage: str) -> None:
    """No dependency on code is idle: each holds a file that the stage's runner imports."""
    deps = code_deps(dvc_stages()[stage]["deps"])
    assert {dep for dep in deps if not any(covers(dep, file) for file in reached(stage))} == set()


@pytest.mark.parametrize("stage", PAID)
def test_what_is_paid_for_depends_on_no_other_code(stage: str) -> None:
    """No file under a dependency of a paid stage is one that the stage does not use."""
    deps = code_deps(dvc_stages()[stage]["deps"])
    held = {file for file in code_files() if any(covers(dep, file) for dep in deps)}
    modules = {file for file in held if not file.endswith("__init__.py")}
    assert modules - reached(stage) == set()


@pytest.mark.parametrize("kind", [kind for group in BASES for kind in kinds(group)])
def test_a_rater_rests_on_no_loss(kind: str) -> None:
    """Nor on the training loop, the audit or a command: adding one makes no rating stale."""
    others = ("trainer/losses/", "trainer/loop/", "trainer/watch/", "stages/audit/", "pipeline/")
    assert {file for file in rater_files(kind) if file.startswith(others)} == set()


def test_every_folder_of_code_is_packaged() -> None:
    """pyproject.toml lists each folder with an `__init__`, under the package's name."""
    listed = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["packages"]
    folders = {Path(file).parent for file in code_files() if file.endswith("__init__.py")}
    inside = {
        folder.parts[1:] if folder.parts[0] == "pipeline" else folder.parts for folder in folders
    }
    assert sorted(listed) == sorted(".".join(("rather", *part)) for part in inside)


def test_dvc_yaml_can_be_read() -> None:
    """The table of contents has at most 500 lines."""
    assert len((ROOT / "dvc.yaml").read_text().splitlines()) <= 500


def test_every_stage_has_its_runner() -> None:
    """Each stage of dvc.yaml is a file of runners/, and each such file a stage."""
    assert set(stages()) == set(dvc_stages())


def test_every_kind_of_rater_is_known() -> None:
    """There is a file for each kind that params.yaml may name, and no other."""
    files = {
        path.stem
        for path in (ROOT / "stages" / "raters").glob("*.py")
        if "\ndef rate(" in path.read_text()
    }
    assert files == {*kinds("raters"), *kinds("model_raters")}


def test_help_imports_nothing_heavy() -> None:
    """`rather --help` answers without importing a heavy package."""
    code = (
        "import sys; from rather.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        f"print('HEAVY', sorted({HEAVY!r} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "HEAVY []" in done.stdout


def test_light_core_needs_no_torch(tmp_path: Path) -> None:
    """A ratings file becomes pairs where torch, transformers and vllm cannot be imported."""
    ratings = tmp_path / "ratings.jsonl"
    ratings.write_text(
        '{"prompt": "2+2?", "response": "4", "score": 5}\n'
        '{"prompt": "2+2?", "response": "5", "score": 1}\n'
    )
    code = BLOCK_HEAVY + (
        "from rather.cli import main\n"
        f"main(['convert', {str(ratings)!r}, '--to', 'dpo', '--out', "
        f"{str(tmp_path / 'pairs.parquet')!r}, '--set', 'choose.balance=none'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pairs.parquet").is_file()
