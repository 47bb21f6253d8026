"""The catalogue of losses: the project's own, those of installed packages, and the user's.

Importing it needs no torch, so that commands check params.yaml where torch is not installed.
"""

import inspect
import sys
from importlib import import_module
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

from rather.trainer.config import Kind
from rather.trainer.errors import TrainerError
from rather.trainer.losses import (
    absolute,
    completion_losses,
    margin,
    penalised,
    reference_free,
    reward_losses,
)
from rather.trainer.losses.loss import SUPPLIED, Loss

# Entry points of this group are losses that installed packages add: a name, `package.module:loss`.
GROUP = "rather.losses"

LOSSES: dict[str, Loss] = {
    **reward_losses.LOSSES,
    **margin.LOSSES,
    **penalised.LOSSES,
    **absolute.LOSSES,
    **reference_free.LOSSES,
    **completion_losses.LOSSES,
}


def loss_names() -> list[str]:
    """Return the names of the project's losses, then of those that installed packages add."""
    return [*LOSSES, *(name for name in _declared() if name not in LOSSES)]


def find_loss(name: str) -> Loss | None:
    """Return a loss, None for a name of none.

    Args:
        name: a loss of the project, an entry point of the group `rather.losses`, or a reference
            `package.module:name` to a function or a `Loss`.

    Raises:
        TrainerError: The loss cannot be imported, or takes what no training supplies.
    """
    if name in LOSSES:
        return LOSSES[name]
    reference = name if ":" in name else _declared().get(name)
    return None if reference is None else own_loss(reference)


def own_loss(reference: str) -> Loss:
    """Import a loss of the user's own, from the working folder too.

    A function becomes a loss by its arguments: of labels where it takes `labels`, of demonstrations
    where it takes `logps`, else of pairs. The default of its beta is its usual beta.

    Raises:
        TrainerError: It cannot be imported, or takes what no training supplies.
    """
    thing = _import(reference)
    if not (isinstance(thing, Loss) or callable(thing)):
        raise TrainerError(
            f"loss: expected {reference} to be a function or a Loss, found "
            f"{type(thing).__name__}; correct the name in the training settings"
        )
    loss = thing if isinstance(thing, Loss) else _of_function(thing, reference)
    options = loss.options
    unknown = [name for name in loss.arguments if name not in {*SUPPLIED[loss.eats], *options}]
    if unknown:
        raise TrainerError(
            f"loss: expected {reference}, a loss of {loss.eats}, to take some of "
            f"{', '.join(SUPPLIED[loss.eats])}, and options that have a default; found "
            f"{', '.join(unknown)}; rename the argument or give it a default"
        )
    return loss


def _of_function(function: Any, reference: str) -> Loss:
    """Return the loss of a plain function."""
    try:
        parameters = dict(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        parameters = {}
    data: Kind = "demonstrations" if "logps" in parameters else "pairs"
    data = "labels" if "labels" in parameters else data
    if not parameters.keys() & {*SUPPLIED[data]} - {"beta"}:
        raise TrainerError(
            f"loss: expected {reference} to take some of {', '.join(SUPPLIED[data])}, found "
            f"{', '.join(parameters) or 'no arguments'}; name its arguments after them"
        )
    if "beta" not in parameters:
        return Loss(function, data)
    usual = parameters["beta"].default
    if not isinstance(usual, int | float) or usual <= 0:
        raise TrainerError(
            f"loss: expected the beta of {reference} to have a default above 0, its usual value, "
            "found none; give it one"
        )
    return Loss(function, data, float(usual))


def _import(reference: str) -> Any:
    """Import `package.module:name`."""
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.append(here)
    module, _, attribute = reference.partition(":")
    try:
        return getattr(import_module(module), attribute)
    except Exception as error:  # importing runs the user's program, which may raise anything
        raise TrainerError(
            f"loss: expected {reference}, found {type(error).__name__}: {error}; correct the name "
            "in the training settings, or the module, which is also looked for in this folder"
        ) from None


def _declared() -> dict[str, str]:
    """Return the references of installed packages' losses, by name."""
    return {entry.name: entry.value for entry in entry_points(group=GROUP)}
