"""The wheel: one top level, and the light core works from it without torch."""

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.paths import ROOT
from tests.story.repository import CODE

pytestmark = pytest.mark.long

BLOCKED = ("torch", "transformers", "vllm", "accelerate", "peft", "datasets", "krippendorff")
BLOCK = f"""
import importlib.abc, sys
class Block(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in {BLOCKED!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Block())
"""

AUDIT = """
import polars as pl
import rather

rows = [
    {"prompt": f"Question {n}", "chosen": f"right answer {n}", "rejected": f"wrong answer {n} {n}"}
    for n in range(20)
]
print(rather.__file__)
print(rather.audit(pl.DataFrame(rows)).figures["totals"]["pairs"])
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel, built from a copy of the repository."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in CODE:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    code = "from setuptools import build_meta; build_meta.build_wheel('dist')"
    subprocess.run([sys.executable, "-c", code], cwd=folder, check=True, capture_output=True)
    (built,) = (folder / "dist").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """An environment in which the wheel's files come before this checkout."""
    site = tmp_path_factory.mktemp("site")
    zipfile.ZipFile(wheel).extractall(site)
    (site / "sitecustomize.py").write_text(BLOCK)
    return os.environ | {"PYTHONPATH": str(site)}


def test_the_only_top_level_is_rather(wheel: Path) -> None:
    """Nothing of ours answers to `import trainer`, which is a package of others."""
    names = {name.split("/")[0] for name in zipfile.ZipFile(wheel).namelist()}
    assert {name for name in names if not name.endswith(".dist-info")} == {"rather"}


def test_every_file_of_code_is_in_the_wheel(wheel: Path) -> None:
    """Code, presets, the page's templates, and the marker that it is typed."""
    names = set(zipfile.ZipFile(wheel).namelist())
    expected = {
        path.relative_to(ROOT)
        for folder in CODE
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    inside = {
        Path("rather", *path.parts[1:]) if path.parts[0] == "pipeline" else Path("rather", path)
        for path in expected
    }
    assert {path.as_posix() for path in inside} - names == set()


def test_a_frame_is_audited_without_torch(installed: dict[str, str], tmp_path: Path) -> None:
    """Twenty comparisons in a polars frame, in an environment that has no heavy package."""
    done = subprocess.run(
        [sys.executable, "-c", AUDIT], cwd=tmp_path, env=installed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    where, num_pairs = done.stdout.split()
    assert Path(where).is_relative_to(installed["PYTHONPATH"])
    assert num_pairs == "20"


def test_a_file_is_converted_without_torch(installed: dict[str, str], tmp_path: Path) -> None:
    """The command, beside a package of others that is called `trainer`."""
    site = Path(installed["PYTHONPATH"])
    (site / "trainer").mkdir()
    (site / "trainer" / "__init__.py").write_text("raise ImportError('of others')\n")
    (tmp_path / "r.jsonl").write_text(
        '{"prompt": "2+2?", "response": "4", "score": 5}\n'
        '{"prompt": "2+2?", "response": "5", "score": 1}\n'
    )
    code = (
        "from rather.cli import main; main(['convert', 'r.jsonl', '--to', 'dpo', '--out', "
        "'p.parquet', '--set', 'choose.balance=none'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=installed, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "p.parquet").is_file()
