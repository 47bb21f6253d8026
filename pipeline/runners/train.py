"""Train a policy with a preference loss."""

from typing import TYPE_CHECKING

from rather.ledger import Ledger
from rather.run import Run

if TYPE_CHECKING:
    pass
from rather.runners.shared.train_model import settings, train_model


def run(run: Run, name: str) -> None:
    """Train a policy with a preference loss, against the reference where the loss has one."""
    from rather.trainer.compute.objective import objective

    policy = run.params.train[name]
    loss, data = policy.loss or name, run.data / "convert" / policy.data
    config = settings(run, loss, policy)
    cached = config.reference == "cached" and objective(config).loss.needs_reference
    reference = run.data / "reference" / f"{name}.parquet" if cached else None
    train_model(run, Ledger(f"train/{name}"), "sft", data, loss, policy, reference)
