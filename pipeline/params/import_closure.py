"""The files of this package that a module imports, at any depth, read from import statements."""

import ast
from collections.abc import Container, Iterator
from functools import cache
from importlib.util import find_spec
from pathlib import Path

PACKAGE = "rather"


def import_closure(module: str, leave_out: Container[Path] = ()) -> dict[str, Path]:
    """Return a module and all modules of this package that it imports, at any depth.

    Imports inside functions count. A package counts where its `__init__` holds code.

    Args:
        module: its dotted name.
        leave_out: files that are neither listed nor searched.

    Returns:
        Each module's file, by its dotted name.
    """
    closure: dict[str, Path] = {}
    waiting, seen = [module], set[str]()
    while waiting:
        name = waiting.pop()
        path = module_file(name)
        if name in seen or path is None or path in leave_out:
            continue
        seen.add(name)
        waiting += _imports(name)
        if not _is_empty(name):
            closure[name] = path
    return closure


@cache
def module_file(module: str) -> Path | None:
    """Return a module's file, links resolved; None where there is no such module."""
    try:
        spec = find_spec(module)
    except (ImportError, ValueError):
        return None
    origin = None if spec is None else spec.origin
    return Path(origin).resolve() if origin is not None and origin.endswith(".py") else None


@cache
def _tree(module: str) -> ast.Module:
    """Parse a module's file."""
    path = module_file(module)
    return ast.parse("" if path is None else path.read_text(encoding="utf-8"))


def _is_empty(module: str) -> bool:
    """Check whether a module holds nothing but a docstring."""
    return len(_tree(module).body) <= 1 and str(module_file(module)).endswith("__init__.py")


def _imports(module: str) -> Iterator[str]:
    """Yield the modules of this package that a module's import statements name."""
    for node in ast.walk(_tree(module)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if _is_ours(alias.name))
        elif isinstance(node, ast.ImportFrom) and node.module and _is_ours(node.module):
            yield node.module
            names = (f"{node.module}.{alias.name}" for alias in node.names)
            yield from (name for name in names if module_file(name))


def _is_ours(module: str) -> bool:
    """Check whether a module belongs to this package."""
    return module.split(".")[0] == PACKAGE
