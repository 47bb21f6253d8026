"""Several processes: the training of one, divided."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from rather.trainer.config import Lora, TrainConfig
from rather.trainer.reference.reference import write_reference
from rather.trainer.train import train
from tests.paths import ROOT

# Ten rows in batches of three: the last of an epoch is one row, for two processes.
SHARED: dict[str, Any] = {
    "epochs": 2,
    "learning_rate": 2e-3,
    "batch_size": 3,
    "max_length": 64,
    "logging_steps": 1,
}


def torchrun(folder: Path, config: TrainConfig, *given: str) -> subprocess.CompletedProcess[str]:
    """Train with two processes on one machine."""
    (folder / "config.json").write_text(json.dumps(asdict(config)))
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--standalone", "-m", "rather.trainer", "train", *given]
    command += ["--config", str(folder / "config.json"), "--metrics", str(folder / "metrics.json")]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def records(metrics: dict[str, Any], name: str) -> list[float]:
    """Give one metric of every record of the history that has it."""
    return [record[name] for record in metrics["history"] if name in record]


@pytest.mark.slow
@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "dpo", "gradient_accumulation_steps": 2},
        {"loss": "kto"},
        {"loss": "bco_unpaired"},
        {"loss": "dpo", "sharded": True},
        {"loss": "dpo", "sharded": True, "lora": Lora(r=4), "reference": "online"},
    ],
    ids=["dpo", "kto", "bco", "sharded", "sharded-lora-online"],
)
def test_two_processes_take_the_steps_of_one(
    settings: dict[str, Any],
    model: Path,
    pairs: Path,
    labels: Path,
    tmp_path: Path,
) -> None:
    """At equal settings each step's loss, metrics and gradient agree to 1e-4, and the weights."""
    config = TrainConfig(**{**SHARED, **settings})
    data = pairs if config.loss == "dpo" else labels
    (data / "test.parquet").write_bytes((data / "train.parquet").read_bytes())
    reference = None
    given = ["--model", str(model), "--data", str(data), "--out", str(tmp_path / "two")]
    if config.reference == "cached":
        reference = tmp_path / "reference.parquet"
        write_reference(model, data, reference, config)
        given += ["--reference", str(reference)]
    one = train(model, data, tmp_path / "one", config, reference)
    done = torchrun(tmp_path, config, *given)
    assert done.returncode == 0, done.stderr
    two = json.loads((tmp_path / "metrics.json").read_text())
    for name in ("loss", "grad_norm", "rewards/margins", "rewards/accuracies", "num_tokens"):
        assert records(two, name) == pytest.approx(records(one, name), abs=1e-4, rel=1e-4), name
    assert two["eval_loss"] == pytest.approx(one["eval_loss"], abs=1e-4)
    mine, theirs = (load_file(tmp_path / name / "model.safetensors") for name in ("one", "two"))
    assert mine.keys() == theirs.keys()
    assert all((mine[name] - theirs[name]).abs().max() < 1e-4 for name in mine)


@pytest.mark.slow
def test_fewer_rows_than_processes_are_refused(
    model: Path, write_split: Callable[..., Path], tmp_path: Path
) -> None:
    """One row cannot be divided over two processes: a line says so, and nothing is published."""
    row = {
        "prompt": [{"role": "user", "content": "hi"}],
        "completion": [{"role": "assistant", "content": "yo"}],
    }
    given = ["--model", str(model), "--data", str(write_split([row], list(row)))]
    done = torchrun(tmp_path, TrainConfig("sft"), *given, "--out", str(tmp_path / "out"))
    assert done.returncode != 0
    assert "expected at least one row for each of 2 processes, found 1 rows" in done.stderr
    assert not (tmp_path / "out").exists()
