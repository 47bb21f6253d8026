"""Which of our files a stage rests on, and which dependencies of dvc.yaml cover them."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from rather.params.import_closure import import_closure
from rather.tables import contracts
from tests.paths import ROOT

PACKAGES = ("schemas", "trainer", "stages", "pipeline")
# What tables are read and written with, and what finds a stage: no value depends on it, and golden
# outputs guard that (tests/story/test_golden.py).
PLUMBING = (
    "pipeline/tables/",
    "pipeline/run.py",
    "pipeline/ledger.py",
    "pipeline/registry.py",
)
# Read by the stage `params`, whose tables hold what the others take from it.
PARAMS = "pipeline/params/"
# Their rows cost money or hours: no edit of a file that they do not use may make them stale.
PAID = ("generate", "rate", "rate_by_model", "round_generate", "round_rate", "sample")


def dvc_stages() -> dict[str, dict[str, Any]]:
    """Return the stages of dvc.yaml; of a stage with members, the entry they share."""
    entries = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    return {name: entry.get("do", entry) for name, entry in entries.items()}


@cache
def code_files() -> tuple[str, ...]:
    """Return every file of the four folders, paths from the root; caches left out."""
    return tuple(
        sorted(
            str(path.relative_to(ROOT))
            for package in PACKAGES
            for path in (ROOT / package).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        )
    )


@cache
def reached(stage: str) -> frozenset[str]:
    """Return the files that a stage's runner imports, at any depth, but plumbing and parameters."""
    others = PLUMBING if stage == "params" else (*PLUMBING, PARAMS)
    leave_out = {ROOT / file for file in code_files() if file.startswith(others)}
    imports = import_closure(f"rather.runners.{stage}", leave_out).values()
    return _names(imports) | {f"schemas/{schema}.py" for schema in _table_schemas(stage)}


def _table_schemas(stage: str) -> set[str]:
    """Return the schema modules of the tables that a stage reads and writes."""
    entry = dvc_stages()[stage]
    paths = [path for path in [*entry["deps"], *entry.get("outs", [])] if isinstance(path, str)]
    tables = {path.removeprefix("data/").removesuffix(".parquet") for path in paths}
    known = contracts.SCHEMAS | {f"{name}/": schema for name, schema in contracts.FAMILIES.items()}
    return {
        schema.split(".")[0]
        for name, schema in known.items()
        if any(covers(table, name) or table.startswith(name) for table in tables)
        or any(f"rounds/${{key}}/{name}".startswith(table) for table in tables)
    }


@cache
def rater_files(kind: str) -> frozenset[str]:
    """Return the files that a kind of rater rests on, at any depth."""
    return _names(import_closure(f"rather.stages.raters.{kind}").values())


def _names(paths: Iterable[Path]) -> frozenset[str]:
    """Return paths from the root."""
    return frozenset(str(path.relative_to(ROOT)) for path in paths)


def code_deps(deps: Iterable[str]) -> set[str]:
    """Return the dependencies that are code: files and folders of the four packages."""
    return {dep for dep in deps if dep.split("/")[0] in PACKAGES}


def covers(dep: str, file: str) -> bool:
    """Check whether a dependency is a file, or a folder that the file lies in."""
    return file == dep or file.startswith(f"{dep}/")


def package_of(module: str) -> str | None:
    """Return the folder that one of our modules lies in, None for a module of others."""
    top, *below = module.split(".")
    if top != "rather":
        return None
    return below[0] if below and below[0] in PACKAGES[:3] else "pipeline"


def imported(node: ast.AST) -> Iterator[str]:
    """Yield what import statements anywhere below a node may mean: modules and their members."""
    for statement in ast.walk(node):
        if isinstance(statement, ast.Import):
            yield from (alias.name for alias in statement.names)
        elif isinstance(statement, ast.ImportFrom) and statement.module:
            yield statement.module
            yield from (f"{statement.module}.{alias.name}" for alias in statement.names)
