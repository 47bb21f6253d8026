"""Plain English that can be held: how docstrings begin, and names of files."""

import ast
import re
from collections import defaultdict

from tests.paths import ROOT

PACKAGES = ("pipeline", "stages", "schemas", "trainer")
FILES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
OPENERS = re.compile(r"(?:Give|Tell|Say|Name|Let|Hold|Refuse|Put|Ask)s?\b")


def docstrings() -> list[str]:
    """Return every docstring of the package."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    return [
        text
        for path in FILES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, kinds) and (text := ast.get_docstring(node))
    ]


def test_docstrings_do_not_begin_with_speech() -> None:
    """No docstring begins with Give, Tell, Say or the like."""
    beginnings = [text.split("\n")[0] for text in docstrings() if OPENERS.match(text)]
    assert beginnings == []


def test_file_names_are_unique() -> None:
    """A name stands for one file; runners and commands are named after their stage or command."""
    places = defaultdict(list)
    for path in FILES:
        inside = path.relative_to(ROOT).parts
        named_after = inside[:2] in (("pipeline", "runners"), ("pipeline", "commands"))
        if path.stem != "__init__" and not (named_after and len(inside) == 3):
            places[path.stem].append("/".join(inside))
    assert {name: files for name, files in places.items() if len(files) > 1} == {}
