"""README and docs: examples, commands, counts and links are held to the code."""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import click
import pytest
import typer
import yaml

from rather.cli import app
from rather.params import reference_pages
from rather.params.overrides import change
from rather.params.params import make_params
from rather.params.rater_kinds import BASES, kinds
from rather.stages.convert.formats.formats import FORMATS
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.presets import presets
from rather.stages.winnow.winnow import RULES
from tests.paths import ROOT

README = ROOT / "README.md"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
WRITTEN_BY_HAND = [page for page in PAGES if page.name not in reference_pages.PAGES]
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
HEREDOC = re.compile(r"<<'?(\w+)'?.*?^\1$", re.DOTALL | re.MULTILINE)
COMMANDS = ("rather", "dvc", "make", "python", "uv", "tail", "source", "cat")


def blocks(page: Path, language: str) -> list[str]:
    """Return the code blocks of a page in one language, `` for none."""
    return [text for lang, text in FENCE.findall(page.read_text()) if lang == language]


def command_lines(page: Path) -> Iterator[str]:
    """Visit the shell commands of a page: lines of blocks without a language."""
    for block in blocks(page, ""):
        for line in HEREDOC.sub("", block).splitlines():
            if line.split(" ", 1)[0] in COMMANDS:
                yield line


def every(kind: str) -> list[tuple[str, str]]:
    """Return each page's name with each of its YAML blocks or commands."""
    return [
        (page.name, text)
        for page in WRITTEN_BY_HAND
        if page.name != "CONTRIBUTING.md"  # test_recipes.py runs its blocks
        for text in (blocks(page, "yaml") if kind == "yaml" else command_lines(page))
    ]


@pytest.mark.parametrize(("page", "example"), every("yaml"))
def test_a_yaml_example_is_accepted(page: str, example: str) -> None:
    """A mapping is a mapping, and groups of params.yaml fit beside the other groups."""
    values = yaml.safe_load(example)
    if {"shape", "extends"} & values.keys():
        Mapping(**{name: value for name, value in values.items() if name != "extends"})
        return
    others = yaml.safe_load((ROOT / "params.yaml").read_text())
    make_params(others | values, (), page)


@pytest.mark.parametrize(("page", "line"), every("commands"))
def test_a_command_is_accepted(page: str, line: str) -> None:
    """A shell line names a command, options, parameters, targets and files that exist."""
    line = re.sub(r"\$\(.*?\)", "SUBSTITUTED", line)
    words = shlex.split(line.split(" | ")[0].split(" && ")[0].split(" > ")[0], comments=True)
    program, *arguments = words
    if program == "rather":
        check_rather(arguments)
    elif program == "dvc":
        check_dvc(arguments)
    elif program == "make":
        targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE)
        assert set(arguments) <= set(targets), line
    elif program == "python":
        check_python(arguments)


def check_rather(arguments: list[str]) -> None:
    """Parse a line of the `rather` command, its --set changes included, without running it."""
    command = typer.main.get_command(app)
    with click.Context(command) as root:
        name, found, rest = command.resolve_command(root, arguments)  # type: ignore[attr-defined]
        assert found is not None, name
        values = found.make_context(name, rest).params
    changes = values.get("changes") or ()
    make_params({}, changes, " ".join(arguments))


def check_dvc(arguments: list[str]) -> None:
    """Parse a line of `dvc`, its --set-param changes included."""
    from dvc.cli import parse_args

    parse_args(arguments)
    params = yaml.safe_load((ROOT / "params.yaml").read_text())
    for flag, setting in pairwise(arguments):
        if flag in ("-S", "--set-param"):
            name, _, text = setting.partition("=")
            change(params, f"{name}={text.split(',')[0]}")
    make_params(params, (), "params.yaml")


def check_python(arguments: list[str]) -> None:
    """Check that a script, a module or a test file exists."""
    from importlib.util import find_spec

    if arguments[0] == "-m":
        assert find_spec(arguments[1]) is not None, arguments[1]
        arguments = arguments[2:]
    for path in arguments:
        if path.startswith("tests/"):
            assert (ROOT / path).exists(), path


@pytest.mark.slow
def test_readme_runs_as_written(tmp_path: Path) -> None:
    """The lines of README that call `rather` run one after the other in an empty folder."""
    script = "\n".join(
        block
        for block in blocks(README, "")
        if "rather convert" in block or "rather audit" in block
    )
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        ["bash", "-euc", script],
        cwd=tmp_path,
        env=os.environ | {"PATH": path},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    for name in ("audit/index.html", "pairs.parquet", "pairs.dropped.parquet", "labels.jsonl"):
        assert (tmp_path / name).exists(), name


@pytest.mark.slow
def test_python_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The blocks of python-api.md run one after the other in an empty folder."""
    monkeypatch.chdir(tmp_path)
    names: dict[str, object] = {}
    for block in blocks(ROOT / "docs" / "python-api.md", "python"):
        exec(block, names)
    assert (tmp_path / "pairs.parquet").exists()
    assert (tmp_path / "audit" / "index.html").exists()


def test_readme_is_one_screen() -> None:
    """README has at most 120 lines and 900 words."""
    text = README.read_text()
    assert len(text.splitlines()) <= 120
    assert len(text.split()) <= 900


def test_counts_in_readme_are_the_catalogues() -> None:
    """The counts of losses, formats, rules, raters and stages in README are the code's."""
    from rather.trainer.losses import LOSSES

    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    counts = {
        "losses": len(LOSSES),
        "recognised formats": len(presets()),
        "rules": len(RULES),
        "kinds of raters": sum(len(kinds(group)) for group in BASES),
        "output formats": len(FORMATS),
        "DVC stages": len(stages),
    }
    text = README.read_text()
    for noun, count in counts.items():
        assert re.findall(rf"(\d+) {noun}", text) == [str(count)], noun


def test_the_chain_in_readme_is_dvc_yaml() -> None:
    """The picture of the chain names every stage of dvc.yaml and no other."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    (picture,) = (block for block in blocks(README, "") if "winnow ─" in block)
    names = re.findall(r"[a-z_]{3,}", picture.replace("further rounds:", ""))
    assert sorted(names) == sorted(stages)


def test_each_figure_has_its_command_and_commit() -> None:
    """Each row of README's table of figures names a command that exists and a commit."""
    rows = re.findall(r"^\| (?!figure|---)(.*) \|$", README.read_text(), re.MULTILINE)
    assert rows
    for row in rows:
        _, command, commit = row.split(" | ")
        check_python(shlex.split(command.strip("`"))[1:])
        assert re.fullmatch(r"[0-9a-f]{7}", commit), row


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files(page: Path) -> None:
    """Each relative link of a page leads to a file, and its anchor to a heading."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        path, _, anchor = target.partition("#")
        file = (page.parent / path) if path else page
        assert file.exists(), target
        if anchor:
            heads = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", h.lower()).replace(" ", "-") for h in heads}


@pytest.mark.parametrize("page", WRITTEN_BY_HAND, ids=lambda page: page.name)
def test_files_that_are_named_exist(page: Path) -> None:
    """Each path of the tree that a page names exists; capitals stand for a free name."""
    text = re.sub(r"^New file .*", "", page.read_text(), flags=re.MULTILINE)
    named = re.findall(r"`((?:pipeline|stages|schemas|trainer|tests)/[\w./]+)`", text)
    assert [path for path in named if not (ROOT / path).exists() and path == path.lower()] == []


@pytest.mark.parametrize("name", reference_pages.PAGES)
def test_generated_pages_are_current(name: str) -> None:
    """A generated page equals what the code generates; `make docs` writes it anew."""
    assert (ROOT / "docs" / name).read_text() == reference_pages.PAGES[name]()


@pytest.mark.parametrize("page", sorted((ROOT / "docs").glob("*.md")), ids=lambda page: page.name)
def test_the_index_names_each_page(page: Path) -> None:
    """docs/README.md links to each page of docs."""
    index = (ROOT / "docs" / "README.md").read_text()
    assert page.name == "README.md" or f"({page.name})" in index
