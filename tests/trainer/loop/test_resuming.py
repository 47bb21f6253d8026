"""Going on after an interruption, to the very weights of a training that had none."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest

from rather.trainer.config import Lora, TrainConfig
from rather.trainer.loop.loop import PreferenceTrainer
from rather.trainer.reference.reference import write_reference
from rather.trainer.train import train
from tests.paths import ROOT

SFT = TrainConfig(
    "sft", epochs=30, learning_rate=1e-2, batch_size=2, max_length=64, logging_steps=1, save_steps=7
)
DROPOUT = Lora(r=4, dropout=0.3)
ONLINE = {"reference": "online", "refresh_steps": 2}


def weights(model: Path) -> bytes:
    """Read a published model's weights."""
    return (model / "model.safetensors").read_bytes()


def interrupted(at: int, monkeypatch: pytest.MonkeyPatch, run: Callable[[], object]) -> None:
    """Run a training that is interrupted before a step's record is written."""
    log = PreferenceTrainer.log

    def stop(self: PreferenceTrainer, logs: dict[str, float], start: float | None = None) -> None:
        if self.state.global_step >= at:
            raise KeyboardInterrupt
        log(self, logs, start)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(PreferenceTrainer, "log", stop)
        run()


@pytest.mark.slow
def test_a_killed_training_ends_as_one_that_was_not(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """A process killed at a random step, started again: equal weights and history, bit by bit."""
    settings = {name: value for name, value in asdict(SFT).items() if value is not None}
    (tmp_path / "config.json").write_text(json.dumps(settings))
    step = random.randrange(8, 100)

    def start(name: str) -> subprocess.Popen[bytes]:
        out, folder = str(tmp_path / name), str(tmp_path / f"{name}-checkpoints")
        command = [
            sys.executable,
            "-m",
            "rather.trainer",
            "train",
            "--model",
            str(model),
            "--out",
            out,
        ]
        command += ["--data", str(demonstrations), "--config", str(tmp_path / "config.json")]
        command += ["--checkpoints", folder, "--log", f"{out}.jsonl", "--metrics", f"{out}.json"]
        environment = os.environ | {"OMP_NUM_THREADS": "1"}
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)

    assert start("whole").wait() == 0
    killed = start("killed")
    while not lines(tmp_path / "killed.jsonl") >= step:
        assert killed.poll() is None, f"ended before step {step}"
        time.sleep(0.001)
    killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert start("killed").wait() == 0
    whole, again = (json.loads((tmp_path / f"{n}.json").read_text()) for n in ("whole", "killed"))
    assert again["checkpoints"][-1].startswith("training went on from step-"), step
    assert again["history"] == whole["history"], step
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole"), step
    assert lines(tmp_path / "killed.jsonl") == 150


def lines(path: Path) -> int:
    """Count the lines written to a file so far."""
    return path.read_text().count("\n") if path.exists() else 0


@pytest.mark.parametrize(
    "settings",
    [
        {"loss": "dpo", "lora": DROPOUT, "logging_steps": 4},
        {"loss": "dpo", "gradient_accumulation_steps": 2, "batch_size": 1, **ONLINE},
        {"loss": "kto", "logging_steps": 3},
        {"loss": "bco_unpaired"},
    ],
    ids=["dropout", "refreshed", "kto", "running-mean"],
)
def test_all_that_matters_is_kept(
    settings: dict[str, Any],
    model: Path,
    pairs: Path,
    labels: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Random states, running means, a moved reference and a loss's own mean all go on."""
    shared = {"epochs": 3, "learning_rate": 2e-3, "batch_size": 3, "max_length": 64}
    config = TrainConfig(**{**shared, "save_steps": 5, **settings})
    data = pairs if config.loss == "dpo" else labels
    reference = None
    if config.reference == "cached":
        reference = tmp_path / "reference.parquet"
        write_reference(model, data, reference, config)

    def run(name: str) -> dict[str, Any]:
        return train(model, data, tmp_path / name, config, reference, tmp_path / "kept")

    whole = run("whole")
    interrupted(7, monkeypatch, lambda: run("again"))
    again = run("again")
    assert again["history"] == whole["history"]
    assert weights(tmp_path / "again") == weights(tmp_path / "whole")
    assert again["loss_step0"] == whole["loss_step0"]
    assert again["step0_check"] == "skipped: training went on from step-00000005"
    assert not (tmp_path / "kept").exists()


@pytest.mark.parametrize("damage", ["cut", "no manifest"])
def test_a_damaged_checkpoint_gives_way_to_the_one_before(
    damage: str,
    model: Path,
    demonstrations: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One that was cut short is found out, and training goes on from the last whole one."""

    def run() -> dict[str, Any]:
        return train(model, demonstrations, tmp_path / "out", SFT, checkpoints=tmp_path / "kept")

    interrupted(24, monkeypatch, run)
    newest = tmp_path / "kept" / "step-00000021"
    if damage == "cut":
        os.truncate(newest / "training.pt", 1000)
    else:
        (newest / "manifest.json").unlink()
    said = run()["checkpoints"]
    assert said[0].startswith("step-00000021 is not used: expected")
    assert said[-1] == "training went on from step-00000014"


def test_another_trainings_checkpoint_is_not_used(
    model: Path, demonstrations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under another learning rate training starts over, and says why."""

    def run(config: TrainConfig) -> dict[str, Any]:
        return train(model, demonstrations, tmp_path / "out", config, checkpoints=tmp_path / "kept")

    interrupted(9, monkeypatch, lambda: run(SFT))
    said = run(replace(SFT, learning_rate=2e-2, save_steps=100))["checkpoints"]
    assert said == [
        "step-00000007 is not used: it belongs to a training with another learning_rate",
        "there is no checkpoint to go on from: training starts over",
    ]


FULL_DISK = """
import resource, sys
from pathlib import Path
from rather.trainer.__main__ import main
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
sys.exit(main(sys.argv[2:]))
"""


@pytest.mark.slow
def test_a_full_disk_leaves_the_last_good_checkpoint(
    model: Path, demonstrations: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A checkpoint that does not fit is told of in a line; the one before it is whole still."""

    def run() -> dict[str, Any]:
        return train(model, demonstrations, tmp_path / "out", SFT, checkpoints=tmp_path / "kept")

    interrupted(9, monkeypatch, run)
    (tmp_path / "config.json").write_text(json.dumps(asdict(SFT)))
    command = [sys.executable, "-c", FULL_DISK, "50000", "train", "--model", str(model)]
    command += ["--data", str(demonstrations), "--out", str(tmp_path / "out")]
    command += ["--config", str(tmp_path / "config.json"), "--checkpoints", str(tmp_path / "kept")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2, done.stderr
    assert "expected to write a checkpoint, found" in done.stderr
    assert "Traceback" not in done.stderr
    assert [path.name for path in (tmp_path / "kept").iterdir()] == ["step-00000007"]
    assert not (tmp_path / "out").exists()
    assert run()["checkpoints"] == ["training went on from step-00000007"]
