"""Resolve one further model: weights, or an endpoint."""

from pathlib import Path
from typing import TYPE_CHECKING

from rather.run import Run

if TYPE_CHECKING:
    pass


def run(run: Run, name: str) -> None:
    """Resolve one more model: weights, or an endpoint."""
    from rather.stages.models.pointer import Address
    from rather.stages.models.resolve import merge, point_at_endpoint, resolve

    model, out = run.params.models[name], run.model(name)
    if model.endpoint is not None:
        options = {"key", "concurrency", "retries", "logprobs"}
        given = model.model_dump(include=options)
        point_at_endpoint(Address(model.endpoint, model.name, **given), out)
        return
    adapted = model.adapter is not None
    found = run.work("models") / name if adapted else out
    resolve(model.name, model.revision, found, run.params.seed)
    if model.adapter is not None:
        merge(found, Path(model.adapter), out)
