"""What the losses are called, what they eat and which options they take, read from their source.

params.yaml is read by commands that answer in a moment, and where torch may not be installed; the
losses cannot be imported there.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from rather import trainer

FOLDER = Path(trainer.__path__[0]) / "losses"
# The data set of `convert` that holds what a loss eats; demonstrations are in none.
DATA_SETS = {"pairs": "dpo", "labels": "kto"}


@dataclass(frozen=True)
class Known:
    """A loss: the data set it trains on (None: no policy's), and the names of its options."""

    data: str | None
    options: tuple[str, ...]


@cache
def known_losses() -> dict[str, Known]:
    """Read the losses by name."""
    functions = {node.name: node for path in sorted(FOLDER.glob("*.py")) for node in _defined(path)}
    found = {}
    for name, entry in _table():
        function, kind = functions[ast.unparse(entry.args[0])], ast.literal_eval(entry.args[1])
        arguments = [argument.arg for argument in function.args.args]
        scores = any(argument.endswith("scores") for argument in arguments)
        options = arguments[len(arguments) - len(function.args.defaults) :]
        found[name] = Known(None if scores else DATA_SETS.get(kind), tuple(options))
    return found


def _defined(path: Path) -> Iterator[ast.FunctionDef]:
    """Visit a file's functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return (node for node in tree.body if isinstance(node, ast.FunctionDef))


def _table() -> Iterator[tuple[str, ast.Call]]:
    """Visit the entries of LOSSES: a name, and Loss(function, kind, ...)."""
    tree = ast.parse((FOLDER / "__init__.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.AnnAssign) and isinstance(node.value, ast.Dict):
            for key, entry in zip(node.value.keys, node.value.values, strict=True):
                if isinstance(entry, ast.Call) and key is not None:
                    yield ast.literal_eval(key), entry


def policy_losses() -> list[str]:
    """Name the losses that a policy can be trained with."""
    return [name for name, loss in known_losses().items() if loss.data]
