"""What the stages share that train a model."""

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from rather.ledger import Ledger
from rather.params.training import Training
from rather.run import Run
from rather.stages.models.pointer import weights
from rather.tables.atomic_files import atomic_path

if TYPE_CHECKING:
    from rather.trainer.config import TrainConfig

NO_HISTORY = pl.DataFrame(schema={"step": pl.Int64, "loss": pl.Float64})


def teach(run: Run, ledger: Ledger, start: str, rows: pl.DataFrame, training: Training) -> None:
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
    """Copy the starting model, or its pointer, unchanged."""
    out = run.model(ledger.stage.removeprefix("train/"))
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(run.model(start), out)
    unused = {"epochs_is_0": num_rows} if num_rows else {}
    ledger.account("rows", came=num_rows, kept=0, dropped=unused)
    ledger.note(trained=False)
    close_training(run, ledger, [])


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
    close_training(run, ledger, history)


def settings(
    run: Run, loss: str | dict[str, float], training: Training, **more: Any
) -> "TrainConfig":
    """Return the trainer's configuration of a stage."""
    from rather.trainer.config import TrainConfig

    given = training.model_dump(exclude={"data", "loss"}) | more
    return TrainConfig(loss=loss, max_length=run.params.max_length, seed=run.params.seed, **given)


def close_training(run: Run, ledger: Ledger, history: list[dict[str, Any]]) -> None:
    """Write a training's account, and its history for `dvc plots`."""
    run.close(ledger)
    frame = pl.DataFrame(history, infer_schema_length=None) if history else NO_HISTORY
    with atomic_path(run.data / "plots" / f"{ledger.stage}.csv") as draft:
        frame.write_csv(draft)
