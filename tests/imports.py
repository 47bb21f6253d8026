"""Which of our files a file or a stage rests on, read from import statements alone."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from pipeline import tables

ROOT = Path(__file__).resolve().parent.parent
SCHEMAS, FAMILIES = tables.SCHEMAS, tables.FAMILIES
PACKAGES = ("schemas", "trainer", "stages", "pipeline")


def imported(node: ast.AST) -> Iterator[str]:
    """Name what import statements anywhere below a node may mean: modules and their members."""
    for found in ast.walk(node):
        if isinstance(found, ast.Import):
            yield from (alias.name for alias in found.names)
        elif isinstance(found, ast.ImportFrom) and found.module:
            yield found.module
            yield from (f"{found.module}.{alias.name}" for alias in found.names)


def file_of(module: str) -> str | None:
    """Give the file of one of our modules; packages hold no code and count as none."""
    path = ROOT / (module.replace(".", "/") + ".py")
    ours = module.split(".")[0] in PACKAGES
    return str(path.relative_to(ROOT)) if ours and path.is_file() else None


@cache
def files_below(path: str) -> frozenset[str]:
    """Give a file and all our files it imports, at any depth."""
    found, todo = set(), [path]
    while todo:
        here = todo.pop()
        if here not in found:
            found.add(here)
            tree = ast.parse((ROOT / here).read_text())
            todo += [file for module in imported(tree) if (file := file_of(module))]
    return frozenset(found)


def table_schemas(function: ast.FunctionDef) -> set[str]:
    """Name the schema modules of the tables a function names, whole or by how their names begin."""
    texts = {
        node.value.rstrip("/") + "/" if node.value in FAMILIES else node.value
        for node in ast.walk(function)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    every = SCHEMAS | {f"{family}/": schema for family, schema in FAMILIES.items()}
    stages = {table.split("/")[0] for table in every}
    named = {text for text in texts if "/" in text and text.split("/")[0] in stages}
    return {
        schema.split(".")[0]
        for table, schema in every.items()
        if any(table.startswith(text) or text.startswith(table) for text in named)
    }


def stage_files(runner: str, function: str) -> set[str]:
    """Give the files of stages/, schemas/ and trainer/ that one of pipeline's functions rests on.

    Counted are imports inside it, names it uses that its module imports from those folders, and
    the same for functions of its module that it names.
    """
    tree = ast.parse((ROOT / runner).read_text())
    functions = {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}
    top = {
        alias.asname or alias.name: (f"{node.module}.{alias.name}", node.module)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    modules: set[str] = set()
    seen, todo = set(), [function]
    while todo:
        name = todo.pop()
        if name in seen:
            continue
        seen.add(name)
        modules |= set(imported(functions[name]))
        used = {node.id for node in ast.walk(functions[name]) if isinstance(node, ast.Name)}
        todo += [other for other in used if other in functions]
        modules |= {module for name in used & top.keys() for module in top[name]}
        modules |= {f"schemas.{schema}" for schema in table_schemas(functions[name])}
    files = {file for module in modules if (file := file_of(module))}
    below = set().union(*(files_below(file) for file in files if not file.startswith("pipeline/")))
    return {file for file in below if not file.startswith("pipeline/")}
