"""What training came to: each policy's tokens, warnings, curve and evaluation, for the audit."""

import json
from pathlib import Path
from typing import Any

import polars as pl

from rather.ledger import plain
from rather.run import Run

Figures = dict[str, Any]

LEDGER = ("rows_in", "kept", "truncated", "eos_lost", "boundary_mismatch")
TOLD = ("num_steps", "train_loss", "eval_loss", "eval_rewards/accuracies", "tokens_per_second")
CURVE = {"loss": "loss", "margin": "rewards/margins", "accuracy": "rewards/accuracies"}
POINTS = 200
SUFFIX = "_interval"


def training_figures(run: Run) -> Figures | None:
    """Return the figures of each trained policy, in the order of params.yaml; None without any.

    ledger: rows and tokens of its training set, as the trainer met them;  warnings: what it saw
    curve: loss, margin and accuracy by step;  evaluation: figures on held-out prompts, and those
    of the model it started from beside them
    """
    evaluated = _read(run.data / "metrics" / "evaluate.json")
    found = {
        name: _policy(run, name, metrics, evaluated)
        for name in run.params.trained
        if (metrics := _read(run.data / "metrics" / "train" / f"{name}.json")).get("trained")
    }
    told: Figures = plain(found)
    return told or None


def _read(path: Path) -> Figures:
    """Read a stage's metrics; of one that has not run there are none."""
    found: Figures = json.loads(path.read_text()) if path.is_file() else {}
    return found


def _policy(run: Run, name: str, metrics: Figures, evaluated: Figures) -> Figures:
    """Return the figures of one policy."""
    tokens = metrics["tokens"]["train"]
    warned = [*metrics.get("warnings", []), *evaluated.get("warnings", {}).get(name, [])]
    unique = {each["name"]: each for each in warned}
    return {
        "ledger": {part: tokens[part] for part in LEDGER if part in tokens}
        | {f"dropped: {reason}": count for reason, count in tokens["dropped"].items()}
        | {part: metrics[part] for part in TOLD if metrics.get(part) is not None},
        "warnings": [_warning(each) for each in unique.values()],
        "evaluation": _evaluation(evaluated, name),
        "curve": _curve(run.data / "plots" / "train" / f"{name}.csv"),
    }


def _warning(found: Figures) -> Figures:
    """Return a warning as sentences."""
    sentence = f"{found['saw']}. {found['why']} Try: {found['try']}."
    return {"name": found["name"], "level": found["level"], "sentence": sentence}


def _evaluation(evaluated: Figures, name: str) -> Figures:
    """Return each figure of a policy with its interval, after the first model's."""
    first = next(iter(evaluated.get("samples", {})), None)
    return {
        figure: _estimate(evaluated, figure, name, first)
        for figure, values in evaluated.items()
        if isinstance(values, dict) and isinstance(values.get(name), (int, float))
    }


def _estimate(evaluated: Figures, figure: str, name: str, first: str | None) -> Figures:
    low, high = evaluated.get(figure + SUFFIX, {}).get(name) or (None, None)
    values = evaluated[figure]
    return {"value": values[name], "low": low, "high": high, "before": values.get(first)}


def _curve(path: Path) -> list[Figures]:
    """Return at most 200 steps of a training."""
    if not path.is_file():
        return []
    rows = pl.read_csv(path)
    named = {name: column for name, column in CURVE.items() if column in rows.columns}
    thinned = rows.gather_every(max(1, -(-rows.height // POINTS)))
    return thinned.select("step", **{name: pl.col(of) for name, of in named.items()}).to_dicts()
