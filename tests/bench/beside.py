"""What do the costlier statistics add to curation?   python tests/bench/beside.py [PROMPTS ...]

Curates the file of tests/bench/curate.py (200,000 prompts by default), and times on its tables what
that leaves out, each in a process of its own, whose peak memory is told. One line of JSON each;
`peer_s` is the same stage without it:

near_equality:      pair with the similarity of texts of nearly one length
bootstrap:          the summary of agreement, a bootstrap of alpha at four levels in it, alone
great_expectations: validate, its imports and Data Docs included, alone
decontamination:    measure, the source's own first 1,000 prompts as an evaluation set
dawid_skene:        calibrate by that method, of scores as labels, beside bradley_terry
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from rather.params.params import make_params  # noqa: E402
from rather.registry import runner  # noqa: E402
from rather.run import Run  # noqa: E402
from rather.runners.calibrate import Sheets, tallies  # noqa: E402
from rather.stages.agreement.agreement_summary import summarise  # noqa: E402
from tests.bench.curate import curate, make_input  # noqa: E402

NUM_EVALUATIONS = 1000
CHEAP = {"pair": {"similarity": False}}


def stage(name: str, run: Run) -> None:
    """Run a stage on the tables that lie there."""
    runner(name)(run)


def decontaminate(run: Run) -> None:
    """Measure, once `load` has read the evaluation set."""
    prompts = run.read("load/prompts", columns=["messages"]).head(NUM_EVALUATIONS)
    asked = prompts.select(prompt=pl.col("messages").list.last().struct.field("content"))
    texts = asked.with_row_index("source_line", 1).select(
        pl.col("source_line").cast(pl.Int64), name=pl.lit("bench"), text="prompt"
    )
    run.write("load/evaluations", texts.select("name", "source_line", "text"))
    stage("measure", run)


def bootstrap(run: Run) -> None:
    """Summarise agreement."""
    for kind, tallied in tallies(run, run.read("calibrate/raters"), Sheets(run).met).items():
        summarise(tallied, kind)


Work = Callable[[Run], None]
# A later cost stands on what the earlier leave behind, so those that change scores come last.
COSTS: dict[str, tuple[Work, dict[str, Any], Work | None]] = {
    "near_equality": (
        partial(stage, "pair"),
        {"pair": {"similarity": True}},
        partial(stage, "pair"),
    ),
    "bootstrap": (bootstrap, {}, None),
    "great_expectations": (partial(stage, "validate"), {}, None),
    "decontamination": (decontaminate, {}, partial(stage, "measure")),
    "dawid_skene": (
        partial(stage, "calibrate"),
        {"calibrate": {"method": "dawid_skene"}},
        partial(stage, "calibrate"),
    ),
}


def timed(work: Work, folder: Path, params: dict[str, Any]) -> tuple[float, float]:
    """Give seconds and peak memory in GB of work on a run's tables."""
    run = Run(folder, make_params({"test_fraction": 0, **CHEAP, **params}, (), "bench"))
    started = time.monotonic()
    work(run)
    seconds = time.monotonic() - started
    return round(seconds, 2), round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)


def in_a_process(side: str, name: str, folder: Path) -> tuple[float, float]:
    """Time one side of a cost in a new process."""
    command = [sys.executable, __file__, side, name, str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def main(num_prompts: int) -> None:
    """Curate one file, and print one line of JSON for each cost."""
    with tempfile.TemporaryDirectory() as folder:
        source, root = Path(folder) / "ratings.parquet", Path(folder) / "run"
        make_input(source, num_prompts)
        curate(source, root)
        for name, (_, _, peer) in COSTS.items():
            peer_s = in_a_process("peer", name, root)[0] if peer else None
            seconds, peak = in_a_process("ours", name, root)
            line = {"prompts": num_prompts, "cost": name, "ours_s": seconds, "peer_s": peer_s}
            print(json.dumps({**line, "peak_gb": peak}), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] in (["ours"], ["peer"]):
        ours, params, peer = COSTS[sys.argv[2]]
        if sys.argv[1] == "ours" or peer is None:
            print(json.dumps(timed(ours, Path(sys.argv[3]), params)))
        else:
            print(json.dumps(timed(peer, Path(sys.argv[3]), {})))
    else:
        for number in sys.argv[1:] or ["200000"]:
            main(int(number))
