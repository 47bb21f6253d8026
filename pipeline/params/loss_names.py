"""The losses as params.yaml names them: the data set of each, and its options."""

from dataclasses import dataclass

from rather.trainer.errors import TrainerError
from rather.trainer.losses.catalogue import LOSSES, find_loss
from rather.trainer.losses.loss import Loss

# The data set of `convert` that a loss learns from, by its kind; demonstrations are in none.
DATA_SETS = {"pairs": "dpo", "labels": "kto"}


@dataclass(frozen=True)
class Known:
    """A loss: the data set that a policy is trained on with it, and the names of its options.

    data: None for a loss that trains no policy on preferences.
    """

    data: str | None
    options: tuple[str, ...]


def known_losses() -> dict[str, Known]:
    """Return the project's losses by name."""
    return {name: _known(loss) for name, loss in LOSSES.items()}


def known_loss(name: str) -> Known | None:
    """Return a loss of the project, of an installed package or the user's own, None if unknown.

    Raises:
        ValueError: The user's own loss cannot be imported, or takes what no training supplies.
    """
    try:
        loss = find_loss(name)
    except TrainerError as error:
        raise ValueError(str(error)) from None
    return None if loss is None else _known(loss)


def policy_losses() -> list[str]:
    """Return the names of the project's losses that train a policy on preferences."""
    return [name for name, loss in known_losses().items() if loss.data]


def _known(loss: Loss) -> Known:
    data = None if loss.needs_scores else DATA_SETS.get(loss.eats)
    return Known(data, tuple(loss.options))
