"""Does curation and preference training pay on the demo?   python tests/bench/seeds.py [SEED ...]

Runs the whole chain once per seed, each in a fresh copy of the repository, and prints the gold
accuracy on held-out prompts of every policy: its mean over seeds, each seed's, and what DPO and
KTO gain over the SFT model they start from, which is the peer.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from statistics import mean

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.story.repository import fresh


def run(seed: int, folder: Path) -> dict[str, float]:
    """Run the chain with one seed; give each policy's gold accuracy."""
    repository = fresh(folder / f"seed{seed}")
    repository.set_params({"seed": seed})
    started = time.monotonic()
    repository.run("dvc", "repro")
    found: dict[str, float] = repository.metrics("evaluate")["gold_accuracy"]
    print(f"seed {seed}: {found} in {time.monotonic() - started:.0f} s", file=sys.stderr)
    return found


def main(seeds: list[int]) -> None:
    """Run every seed and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        runs = {seed: run(seed, Path(folder)) for seed in seeds}
    means = {
        policy: round(mean(found[policy] for found in runs.values()), 4)
        for policy in ("sft", "dpo", "kto")
    }
    gains = {f"{policy}_gain": round(means[policy] - means["sft"], 4) for policy in ("dpo", "kto")}
    line = {
        "ours": means["dpo"],
        "peer": means["sft"],
        "ratio": round(means["dpo"] / means["sft"], 3),
    }
    print(json.dumps({**line, "gold_accuracy": means, **gains, "seeds": runs}))


if __name__ == "__main__":
    main([int(seed) for seed in sys.argv[1:]] or [0, 1, 2])
