"""Do further rounds pay on the demo?   python tests/bench/rounds.py [SEED ...]

Runs the whole chain once per seed, each in a fresh copy of the repository, with two rounds after
it: DPO's model answers anew, its answers are rated, it learns from them and the pairs before; then
once more. Prints gold accuracy on held-out prompts after each, and the drift before each.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.story.repository import fresh

ROUNDS = {"r1": {"from": "dpo", "policy": "dpo"}, "r2": {"from": "r1", "policy": "dpo"}}


def run(seed: int, folder: Path) -> dict[str, Any]:
    """Run the chain with one seed; give accuracies and drifts."""
    repository = fresh(folder / f"seed{seed}")
    repository.set_params({"seed": seed, "rounds": ROUNDS})
    started = time.monotonic()
    repository.run("dvc", "repro", "evaluate")
    drifts = {
        name: repository.metrics(f"../rounds/{name}/metrics/generate")["drift"] for name in ROUNDS
    }
    accuracy = repository.metrics("evaluate")["gold_accuracy"]
    print(f"seed {seed}: {accuracy} in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return {"gold_accuracy": accuracy, "drift": drifts}


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        seeds = [int(seed) for seed in sys.argv[1:]] or [0]
        print(json.dumps({seed: run(seed, Path(folder)) for seed in seeds}))
