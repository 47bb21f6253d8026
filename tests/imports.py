"""Which of our files a file or a stage rests on, read from import statements alone."""

import ast
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from rather.tables import contracts
from tests.paths import ROOT

SCHEMAS, FAMILIES = contracts.SCHEMAS, contracts.FAMILIES
READ = (".jinja", ".css", ".js")
PACKAGES = ("schemas", "trainer", "stages", "pipeline")


def imported(node: ast.AST) -> Iterator[str]:
    """Name what import statements anywhere below a node may mean: modules and their members."""
    for found in ast.walk(node):
        if isinstance(found, ast.Import):
            yield from (alias.name for alias in found.names)
        elif isinstance(found, ast.ImportFrom) and found.module:
            yield found.module
            yield from (f"{found.module}.{alias.name}" for alias in found.names)


def package_of(module: str) -> str | None:
    """Return the folder that one of our modules lies in, None for a module of others."""
    top, *below = module.split(".")
    if top != "rather":
        return None
    return below[0] if below and below[0] in PACKAGES[:3] else "pipeline"


def file_of(module: str) -> str | None:
    """Give the file of one of our modules; a package that holds no code counts as none."""
    package = package_of(module)
    if package is None:
        return None
    below = module.removeprefix("rather").lstrip(".").removeprefix(package).lstrip(".")
    path = ROOT / package / below.replace(".", "/")
    init, path = path / "__init__.py", path.with_suffix(".py")
    if init.is_file() and len(ast.parse(init.read_text()).body) > 1:
        path = init
    return str(path.relative_to(ROOT)) if path.is_file() else None


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


def table_schemas(function: ast.stmt) -> set[str]:
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


def beside(files: Iterable[str]) -> set[str]:
    """Give what code files read beside them, under their own name: templates, style, script."""
    found = {path for file in files for path in (ROOT / file).parent.glob(f"{Path(file).stem}.*")}
    return {str(path.relative_to(ROOT)) for path in found if path.suffix in READ}


def stage_files(runner: str, function: str) -> set[str]:
    """Give the files of stages/, schemas/ and trainer/ that one of pipeline's functions rests on.

    Counted are imports inside it, names it uses that its module imports from those folders, and
    the same for every function, class or constant of pipeline's that it names, in files that work
    on a run, and every method of `run`.
    """
    modules: set[str] = set()
    seen, todo = set(), [(runner, function)]
    while todo:
        here = todo.pop()
        if here not in seen:
            seen.add(here)
            found, named = _rests_on(*here)
            modules |= found
            todo += named
    files = {file for module in modules if (file := file_of(module))}
    below = set().union(*(files_below(file) for file in files if not file.startswith("pipeline/")))
    return {file for file in below if not file.startswith("pipeline/")}


def _rests_on(runner: str, name: str) -> tuple[set[str], list[tuple[str, str]]]:
    """Name the modules that one definition imports or uses, and pipeline's definitions it names."""
    tree = ast.parse((ROOT / runner).read_text())
    definitions = _definitions(tree)
    top = {
        alias.asname or alias.name: (node.module, alias.name)
        for node in tree.body
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    body = definitions[name]
    used = {node.id for node in ast.walk(body) if isinstance(node, ast.Name)}
    methods = {
        node.attr
        for node in ast.walk(body)
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name | ast.Attribute)
        and getattr(node.value, "id", getattr(node.value, "attr", "")) == "run"
    }
    modules = set(imported(body)) | {f"rather.schemas.{schema}" for schema in table_schemas(body)}
    named = [(runner, other) for other in used if other in definitions]
    named += [(RUN, method) for method in methods & METHODS_OF_RUN.keys()]
    for module, member in (top[other] for other in used & top.keys()):
        file = file_of(module)
        if file in RUNNERS:
            named.append((file, member))
        else:
            modules |= {module, f"{module}.{member}"}
    return modules, named


def _definitions(tree: ast.Module) -> dict[str, ast.stmt]:
    """Find a module's functions, classes and constants, and the methods of Run."""
    found: dict[str, ast.stmt] = {
        node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)
    }
    for node in tree.body:
        if isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = (name for target in targets for name in ast.walk(target))
            found |= {name.id: node for name in names if isinstance(name, ast.Name)}
    run = found.get("Run")
    methods = run.body if isinstance(run, ast.ClassDef) else []
    return found | {node.name: node for node in methods if isinstance(node, ast.FunctionDef)}


@cache
def _definitions_of(file: str) -> dict[str, ast.stmt]:
    """Find the definitions in one of our files."""
    return _definitions(ast.parse((ROOT / file).read_text()))


RUN = "pipeline/run.py"
RUNNERS = {
    str(path.relative_to(ROOT))
    for path in (ROOT / "pipeline").rglob("*.py")
    if "run: Run" in path.read_text()
}
METHODS_OF_RUN = {name: node for name, node in _definitions_of(RUN).items() if name != "Run"}
