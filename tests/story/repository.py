"""A copy of this repository in a folder of its own, and the commands a person types there."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.paths import ROOT

CODE = ("pipeline", "stages", "schemas", "trainer")
FILES = ("dvc.yaml", "params.yaml", ".dvcignore")
BIN = Path(sys.executable).parent


@dataclass(frozen=True)
class Repository:
    """A repository on disk, its commands and what they wrote."""

    root: Path

    def run(self, *command: str) -> str:
        """Run a command in it and give its output; fail the test where it fails."""
        done = self.try_run(*command)
        assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
        return done.stdout

    def try_run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in it, whatever comes of it."""
        return subprocess.run(
            command,
            cwd=self.root,
            env=self._environment(),
            capture_output=True,
            text=True,
            check=False,
        )

    def start(self, *command: str) -> "subprocess.Popen[bytes]":
        """Start a command in it, in a session of its own, its output thrown away."""
        return subprocess.Popen(
            command,
            cwd=self.root,
            env=self._environment(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )

    def _environment(self) -> dict[str, str]:
        """Give the environment in which its own code runs."""
        return os.environ | {
            "PATH": f"{BIN}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(self.root / ".lib"),
        }

    def set_params(self, changes: Mapping[str, Any]) -> None:
        """Change params.yaml, names dotted."""
        path = self.root / "params.yaml"
        values = yaml.safe_load(path.read_text())
        for name, value in changes.items():
            *groups, last = name.split(".")
            inner = values
            for group in groups:
                inner = inner[group]
            inner[last] = value
        path.write_text(yaml.safe_dump(values, sort_keys=False))

    def metrics(self, name: str) -> dict[str, Any]:
        """Read a stage's metrics."""
        found: dict[str, Any] = json.loads(
            (self.root / "data" / "metrics" / f"{name}.json").read_text()
        )
        return found

    def hashes(self, pattern: str) -> dict[str, str]:
        """Hash the files that a pattern under data/ matches."""
        data = self.root / "data"
        return {
            str(path.relative_to(data)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(data.glob(pattern))
        }

    def changed(self) -> set[str]:
        """Name the stages that `dvc status` names, members as stage@member."""
        return set(json.loads(self.run("dvc", "status", "--json")))

    def copy(self, root: Path) -> "Repository":
        """Make a copy of it as it stands, tables, models and DVC's cache included."""
        shutil.copytree(self.root, root, symlinks=True)
        return Repository(root)


def fresh(root: Path) -> Repository:
    """Copy the code and the parameters into a new repository."""
    root.mkdir(parents=True)
    for name in CODE:
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in FILES:
        shutil.copy(ROOT / name, root / name)
    shutil.copytree(ROOT / ".dvc", root / ".dvc", ignore=shutil.ignore_patterns("cache", "tmp"))
    _as_package(root)
    repository = Repository(root)
    repository.run("git", "init", "-q")
    return repository


def _as_package(root: Path) -> None:
    """Lay the folders out as the one package that an installation makes of them."""
    package = root / ".lib" / "rather"
    package.mkdir(parents=True)
    for path in [*(root / "pipeline").iterdir(), *(root / name for name in CODE[1:])]:
        (package / path.name).symlink_to(Path("..", "..", path.relative_to(root)))
