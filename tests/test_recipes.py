"""The recipes of CONTRIBUTING: each is applied to a copy of the tree and checked there."""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.paths import ROOT

CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
COPIED = ("pipeline", "stages", "schemas", "trainer", "params.yaml", "dvc.yaml", "tests")
FOLDERS = {"stages": "stages", "schemas": "schemas", "trainer": "trainer"}
STEP = re.compile(
    r"^(?P<new>New file )?`(?P<path>[\w./]+)`"
    r"(?:, (?:after|before) `(?P<anchor>[^`\n]+)`|, at the end)?:\n\n```\w*\n(?P<text>.*?)^```",
    re.DOTALL | re.MULTILINE,
)
CHECK = re.compile(r"^Check:\n\n```\n(.*?)^```", re.DOTALL | re.MULTILINE)
ROW = re.compile(r"^\| \[(.*?)\]\(.*?\) \| (\d+) \|", re.MULTILINE)


@dataclass(frozen=True)
class Recipe:
    """A recipe: the edits it asks for, and the commands that check them."""

    name: str
    text: str

    @property
    def files(self) -> set[str]:
        """The files that it touches."""
        return {step["path"] for step in STEP.finditer(self.text)}

    def apply(self, root: Path) -> None:
        """Make the recipe's edits in a copy of the tree."""
        for step in STEP.finditer(self.text):
            path = root / step["path"]
            if step["new"]:
                assert not path.exists(), f"{path} exists"
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(step["text"])
                continue
            path.write_text(edited(path.read_text(), step))

    @property
    def checks(self) -> str:
        """The commands that check it."""
        (commands,) = CHECK.findall(self.text)
        return str(commands)


def edited(text: str, step: re.Match[str]) -> str:
    """Return a file's text with a step's lines inserted at its anchor, or at the end."""
    if step["anchor"] is None:
        return f"{text.rstrip()}\n\n\n{step['text']}"
    lines = text.splitlines(keepends=True)
    (place,) = (i for i, line in enumerate(lines) if line.rstrip("\n") == step["anchor"])
    place += "after `" in step[0].split("\n")[0]
    return "".join([*lines[:place], step["text"], *lines[place:]])


def recipes() -> list[Recipe]:
    """Read the recipes: the sections of the third level."""
    parts = re.split(r"^### (.*)\n", CONTRIBUTING, flags=re.MULTILINE)[1:]
    return [Recipe(name, text) for name, text in zip(parts[::2], parts[1::2], strict=True)]


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Copy the tree, with a package `rather` and commands `rather` and `python` of its own."""
    for name in COPIED:
        source = ROOT / name
        copy = shutil.copytree if source.is_dir() else shutil.copyfile
        copy(source, tmp_path / name)
    package = tmp_path / ".lib" / "rather"
    package.mkdir(parents=True)
    for path in [*(tmp_path / "pipeline").iterdir(), *(tmp_path / name for name in FOLDERS)]:
        (package / path.name).symlink_to(path)
    programs = tmp_path / ".bin"
    programs.mkdir()
    call = "-c 'from rather.cli import main; main()'"
    for name, arguments in (("python", ""), ("rather", call)):
        (programs / name).write_text(f'#!/bin/sh\nexec {sys.executable} {arguments} "$@"\n')
        (programs / name).chmod(0o755)
    return tmp_path


@pytest.mark.long
@pytest.mark.parametrize("recipe", recipes(), ids=lambda recipe: recipe.name)
def test_a_recipe_works(recipe: Recipe, tree: Path) -> None:
    """After a recipe's edits its check succeeds; before them it fails."""
    path = f"{tree / '.bin'}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "PYTHONPATH": f"{tree / '.lib'}{os.pathsep}{tree}"}

    def check() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-euo", "pipefail", "-c", recipe.checks],
            cwd=tree,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    assert check().returncode != 0
    recipe.apply(tree)
    done = check()
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_table_counts_the_files_of_each_recipe() -> None:
    """The table of recipes names each recipe with the number of files that it touches."""
    counts = {name: int(count) for name, count in ROW.findall(CONTRIBUTING)}
    assert counts == {recipe.name: len(recipe.files) for recipe in recipes()}
