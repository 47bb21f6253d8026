"""What training came to, as the audit tells it."""

import json
from pathlib import Path
from typing import Any

import pytest

from rather.auditing.training_results import training_figures
from rather.params.params import make_params
from rather.run import Run

WARNING = {"name": "few_rows", "level": "warning", "step": 0, "saw": "300 rows"}
WARNING |= {"why": "Few rows teach little.", "try": "more"}
TOKENS = {"rows_in": 310, "kept": 300, "dropped": {"too_long": 10}, "truncated": 4, "eos_lost": 1}
TRAINED = {"trained": True, "num_steps": 20, "train_loss": 0.41, "tokens": {"train": TOKENS}}
EVALUATED = {
    "gold_accuracy": {"sft": 0.4, "dpo": 0.5},
    "gold_accuracy_interval": {"sft": [0.3, 0.5], "dpo": [0.42, 0.58]},
    "samples": {"sft": 10, "dpo": 10},
    "win_rate": {"sft": None, "dpo": None},
    "warnings": {"dpo": [WARNING]},
}


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run that is to train two policies."""
    return Run(
        tmp_path,
        make_params({"train": {"dpo": {"data": "dpo"}, "ipo": {"data": "dpo"}}}, (), "here"),
    )


def write(run: Run, name: str, content: dict[str, Any] | str) -> None:
    """Write what a stage leaves."""
    path = run.data / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))


def test_without_training_there_is_nothing(run: Run) -> None:
    """Nor where a policy's stage trained nothing."""
    assert training_figures(run) is None
    write(run, "metrics/train/dpo.json", {"trained": False})
    assert training_figures(run) is None


def test_a_policy_is_told_with_its_ledger_and_warnings(run: Run) -> None:
    """What was dropped by reason, a warning that two stages gave once, in sentences."""
    write(run, "metrics/train/dpo.json", TRAINED | {"warnings": [WARNING]})
    write(run, "metrics/evaluate.json", EVALUATED)
    told = training_figures(run)
    assert told is not None
    assert list(told) == ["dpo"]
    assert told["dpo"]["ledger"]["dropped: too_long"] == 10
    assert told["dpo"]["ledger"]["train_loss"] == 0.41
    (warning,) = told["dpo"]["warnings"]
    assert warning["sentence"] == "300 rows. Few rows teach little. Try: more."


def test_figures_stand_beside_the_first_models(run: Run) -> None:
    """With their intervals; those that nobody could take are left out."""
    write(run, "metrics/train/dpo.json", TRAINED)
    write(run, "metrics/evaluate.json", EVALUATED)
    told = training_figures(run)
    assert told is not None
    evaluation = told["dpo"]["evaluation"]
    assert evaluation["gold_accuracy"] == {"value": 0.5, "low": 0.42, "high": 0.58, "before": 0.4}
    assert "win_rate" not in evaluation


def test_a_curve_is_thinned(run: Run) -> None:
    """Of a thousand steps two hundred; a loss without margins has none."""
    write(run, "metrics/train/dpo.json", TRAINED)
    steps = "".join(f"{step},{1 / step}\n" for step in range(1, 1001))
    write(run, "plots/train/dpo.csv", f"step,loss\n{steps}")
    told = training_figures(run)
    assert told is not None
    curve = told["dpo"]["curve"]
    assert len(curve) == 200
    assert curve[0] == {"step": 1, "loss": 1.0}
