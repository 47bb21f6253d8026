"""Train a round's model on its pairs."""

from rather.ledger import Ledger
from rather.run import Run
from rather.runners.shared.rounds import FIRST, round_run
from rather.runners.shared.train_model import settings, train_model
from rather.stages.models.pointer import weights


def run(run: Run, name: str) -> None:
    """Train a round's model on its pairs, against the first model or the one it started from."""
    from rather.trainer.compute.objective import objective
    from rather.trainer.reference.reference import write_reference

    entry, policy = run.params.rounds[name], run.params.trained[name]
    keeps = entry.reference == "keep"
    if keeps:  # an online reference is the starting model
        policy = policy.model_copy(update={"reference": "cached"})
    loss = policy.loss or entry.policy or next(iter(run.params.train))
    data = round_run(run, name).data / "convert" / policy.data
    config = settings(run, loss, policy)
    reference, model = None, FIRST if keeps else entry.from_
    if config.reference == "cached" and objective(config).loss.needs_reference:
        reference = run.work("reference") / f"{name}.parquet"
        write_reference(weights(run.model(model)), data, reference, config)
    apart, ledger = model != entry.from_, Ledger(f"train/{name}")
    train_model(run, ledger, entry.from_, data, loss, policy, reference, separate_reference=apart)
