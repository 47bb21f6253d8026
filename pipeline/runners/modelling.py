"""The stages that make, ask or judge models."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.params.training import Training
from rather.run import Run
from rather.stages.models.pointer import weights
from rather.tables.atomic_files import replacing, write_text

if TYPE_CHECKING:
    from rather.trainer.config import TrainConfig


def run_model(run: Run) -> None:
    """Resolve the model that everything starts from."""
    from rather.stages.models.resolve import resolve

    model = run.params.model
    resolve(model.name, model.revision, run.model("base"), run.params.seed)


def run_models(run: Run, name: str) -> None:
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


def run_sft(run: Run) -> None:
    """Teach the base model the source's demonstrations."""
    from rather.stages.models.teach import demonstrations, undemonstrated

    prompts = run.read("load/prompts")
    rows = demonstrations(prompts)
    ledger = Ledger("train/sft")
    dropped = by_reason(prompts.select(reason=undemonstrated()))
    ledger.account("prompts", came=prompts.height, kept=rows.height, dropped=dropped)
    _teach(run, ledger, "base", rows, run.params.sft)


def run_reward(run: Run) -> None:
    """Train a reward model on the source's comparisons."""
    from rather.stages.models.teach import decide, reward_pairs

    comparisons = run.read("load/comparisons")
    if run.params.source.comparisons_for == "pairs":
        comparisons = comparisons.clear()
    decided = decide(run.read("load/prompts"), comparisons)
    rows = reward_pairs(decided, run.read("load/responses"))
    ledger = Ledger("train/reward")
    came, dropped = comparisons.height, by_reason(decided)
    ledger.account("comparisons", came=came, kept=rows.height, dropped=dropped)
    _teach(run, ledger, "sft", rows, run.params.reward)


def _teach(run: Run, ledger: Ledger, start: str, rows: pl.DataFrame, training: Training) -> None:
    """Train a stage's model on rows; without rows or epochs the model it starts from goes on."""
    name = ledger.stage.removeprefix("train/")
    if rows.is_empty() or training.epochs == 0:
        _pass_on(run, ledger, start, rows.height)
        return
    data = run.work(name)
    data.mkdir(parents=True, exist_ok=True)
    rows.write_parquet(data / "train.parquet")
    loss = {"sft": "sft", "reward": "bradley_terry"}[name]
    train_model(run, ledger, start, data, loss, training, None)


def _pass_on(run: Run, ledger: Ledger, start: str, num_rows: int) -> None:
    """Give a stage the model it would have started from; of one that lives elsewhere, the name."""
    out = run.model(ledger.stage.removeprefix("train/"))
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(run.model(start), out)
    unused = {"epochs_is_0": num_rows} if num_rows else {}
    ledger.account("rows", came=num_rows, kept=0, dropped=unused)
    ledger.note(trained=False)
    _close_training(run, ledger, [])


def run_reference(run: Run, name: str) -> None:
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


def run_train(run: Run, name: str) -> None:
    """Train a policy with a preference loss, against the reference where the loss has one."""
    from rather.trainer.compute.objective import objective

    policy = run.params.train[name]
    loss, data = policy.loss or name, run.data / "convert" / policy.data
    config = settings(run, loss, policy)
    cached = config.reference == "cached" and objective(config).loss.needs_reference
    reference = run.data / "reference" / f"{name}.parquet" if cached else None
    train_model(run, Ledger(f"train/{name}"), "sft", data, loss, policy, reference)


def train_model(
    run: Run,
    ledger: Ledger,
    start: str,
    data: Path,
    loss: str | dict[str, float],
    training: Training,
    reference: Path | None,
    **more: Any,
) -> None:
    """Call the trainer, and write its metrics and history; more: settings that no stage names."""
    from rather.trainer.train import train

    name = ledger.stage.removeprefix("train/")
    metrics = train(
        model=weights(run.model(start)),
        data=data,
        out=run.model(name),
        config=settings(run, loss, training, **more),
        reference=reference,
        checkpoints=run.work("checkpoints") / name,
        log=run.work("logs") / f"{name}.jsonl",
    )
    rows = metrics["tokens"]["train"]
    ledger.account("rows", came=rows["rows_in"], kept=rows["kept"], dropped=rows["dropped"])
    history = metrics.pop("history")
    ledger.note(trained=True, **metrics)
    _close_training(run, ledger, history)


def settings(
    run: Run, loss: str | dict[str, float], training: Training, **more: Any
) -> "TrainConfig":
    """Put a stage's parameters into the trainer's words."""
    from rather.trainer.config import TrainConfig

    given = training.model_dump(exclude={"data", "loss"}) | more
    return TrainConfig(loss=loss, max_length=run.params.max_length, seed=run.params.seed, **given)


def _close_training(run: Run, ledger: Ledger, history: list[dict[str, Any]]) -> None:
    """Write a training's account, and its history for `dvc plots`."""
    run.close(ledger)
    frame = pl.DataFrame(history, infer_schema_length=None) if history else NO_HISTORY
    with replacing(run.data / "plots" / f"{ledger.stage}.csv") as draft:
        frame.write_csv(draft)


NO_HISTORY = pl.DataFrame(schema={"step": pl.Int64, "loss": pl.Float64})


MODELLING: dict[str, Callable[[Run], None]] = {
    "model": run_model,
    "sft": run_sft,
    "reward": run_reward,
}
MODELLING_EACH: dict[str, Callable[[Run, str], None]] = {
    "models": run_models,
    "reference": run_reference,
    "train": run_train,
}
