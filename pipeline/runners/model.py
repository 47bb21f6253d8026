"""Resolve the model that everything starts from."""

from typing import TYPE_CHECKING

from rather.run import Run

if TYPE_CHECKING:
    pass


def run(run: Run) -> None:
    """Resolve the model that everything starts from."""
    from rather.stages.models.resolve import resolve

    model = run.params.model
    resolve(model.name, model.revision, run.model("base"), run.params.seed)
