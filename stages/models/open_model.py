"""Open a model to ask: weights through vLLM, an endpoint over HTTP."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rather.stages.models.chat import Chatter
from rather.stages.models.pointer import address, fingerprint, weights


def open_model(
    folder: Path,
    dtype: str = "auto",
    max_model_len: int | None = None,
    template: Mapping[str, Any] | None = None,
) -> Chatter:
    """Give what answers for a model of data/models, not yet started.

    dtype, max_model_len: of weights;  template: options for the model's chat template
    """
    found = address(folder)
    if found is not None:
        from rather.stages.models.endpoint import Endpoint

        return Endpoint(found, template)
    from rather.stages.models.engine import Engine

    return Engine(weights(folder), dtype, max_model_len, template)


def revision(folder: Path) -> str:
    """Name a model and its state: the hash of its files, or an endpoint and what it serves."""
    found = address(folder)
    return fingerprint(weights(folder)) if found is None else f"{found.url} {found.model}"
