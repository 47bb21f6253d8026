"""The house itself: which way imports run, what stages rest on, what the light core needs."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from rather.params.params import MODEL_KINDS, PROGRAMS
from tests.imports import PACKAGES, READ, beside, files_below, imported, package_of, stage_files
from tests.paths import ROOT

MAY_IMPORT = {
    "schemas": {"schemas"},
    "trainer": {"trainer"},
    "stages": {"stages", "schemas", "trainer"},
    "pipeline": set(PACKAGES),
}
TRAINER_MAY_IMPORT = {"torch", "transformers", "accelerate", "peft", "pyarrow", "numpy"}
RATERS = {"rate": PROGRAMS, "rate_by_model": MODEL_KINDS}
EVERY_KIND = (*PROGRAMS, *MODEL_KINDS)
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


def stages() -> dict[str, dict[str, object]]:
    """Read the stages of dvc.yaml; of a stage with members, the one they share."""
    entries = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: entry.get("do", entry) for name, entry in entries.items()}


@pytest.mark.parametrize("stage", [name for name in stages() if name not in RATERS])
def test_code_deps_are_the_imports(stage: str) -> None:
    """A stage's code deps in dvc.yaml are its transitive imports, no fewer and no more."""
    listed = {dep for dep in stages()[stage]["deps"] if dep.endswith((".py", *READ))}  # type: ignore[attr-defined]
    for runner in sources("pipeline"):
        if f"def run_{stage}(" in (ROOT / runner).read_text():
            code = stage_files(runner, f"run_{stage}")
    if stage == "round_rate":  # every rater, whichever kinds there are
        code |= set().union(*(files_below(f"stages/raters/{kind}.py") for kind in EVERY_KIND))
    assert listed == code | beside(code)


@pytest.mark.parametrize("stage", RATERS)
def test_code_deps_of_raters(stage: str) -> None:
    """A rater's code deps are its own kind's file and what the kinds beside it import."""
    listed = {dep for dep in stages()[stage]["deps"] if dep.endswith(".py")}  # type: ignore[attr-defined]
    kinds = {f"stages/raters/{kind}.py" for kind in RATERS[stage]}
    below = set().union(*(files_below(kind) for kind in kinds)) - kinds
    below |= stage_files("pipeline/runners/asking.py", f"run_{stage}")
    assert listed == below | {"stages/raters/${item.kind}.py"}


def test_every_kind_of_rater_is_known() -> None:
    """There is a file for each kind that params.yaml may name, and no other."""
    kinds = {
        path.stem
        for path in (ROOT / "stages" / "raters").glob("*.py")
        if "\ndef rate(" in path.read_text()
    }
    assert kinds == set(PROGRAMS) | set(MODEL_KINDS)


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
