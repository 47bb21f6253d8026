"""Compute the reference's log-probabilities for a training set."""

import json
from typing import TYPE_CHECKING

from rather.run import Run
from rather.stages.models.pointer import weights
from rather.tables.atomic_files import write_text

if TYPE_CHECKING:
    pass
from rather.runners.shared.train_model import settings


def run(run: Run, name: str) -> None:
    """Compute the reference's log-probs for a data set, once."""
    from rather.trainer.reference.reference import write_reference

    policy = run.params.train[name]
    tokens = write_reference(
        model=weights(run.model("sft")),
        data=run.data / "convert" / policy.data,
        out=run.data / "reference" / f"{name}.parquet",
        config=settings(run, policy.loss or name, policy),
    )
    write_text(
        run.data / "metrics" / "reference" / f"{name}.json", json.dumps(tokens, indent=2) + "\n"
    )
