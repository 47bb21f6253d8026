"""What does curation cost beside moving the bytes?   python tests/bench/curate.py [PROMPTS ...]

Makes a Parquet file of PROMPTS prompts (200,000 by default), 4 responses each, 3 scores each, and
times load, measure, calibrate, pair, winnow, choose and convert (to DPO, with exact keys, margin,
agreement and the balanced choice) on it against a plain copy of the same file: read all, write all.
Each side runs in a process of its own, whose peak memory is told.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from rather.cli import prepare  # noqa: E402

prepare()  # as the command does, for both sides

import numpy as np  # noqa: E402
import polars as pl  # noqa: E402
import pyarrow.parquet as pq  # noqa: E402

from rather.params.params import make_params  # noqa: E402
from rather.registry import runner  # noqa: E402
from rather.run import Run  # noqa: E402
from rather.tables.atomic_files import write_text  # noqa: E402

STAGES = ("load", "measure", "calibrate", "pair", "winnow", "choose", "convert")
NUM_RESPONSES, NUM_RATERS, NUM_WORDS = 4, 3, 5000
BATCH = 20_000  # prompts made at a time


def make_input(path: Path, num_prompts: int, num_responses: int = NUM_RESPONSES) -> None:
    """Write the source: texts of random words, whole scores from 1 to 5 around a true quality."""
    random = np.random.default_rng(0)
    letters = random.integers(97, 123, (NUM_WORDS, 8), dtype=np.uint8)
    words = [bytes(row[: random.integers(3, 9)]).decode() for row in letters]
    writer = None
    for start in range(0, num_prompts, BATCH):
        num = min(BATCH, num_prompts - start)
        made = _batch(random, words, start, num, num_responses)
        rows = made.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or pq.ParquetWriter(path, rows.schema, compression="zstd")
        writer.write_table(rows)
    if writer:
        writer.close()


def _batch(
    random: np.random.Generator, words: list[str], start: int, num_prompts: int, num_responses: int
) -> pl.DataFrame:
    """Make some prompts with their responses and scores."""
    num_rows = num_prompts * num_responses
    pool = np.array(words, dtype=object)
    texts = [
        " ".join(pool[random.integers(0, NUM_WORDS, n)]) for n in random.integers(10, 130, num_rows)
    ]
    asked = [
        f"{number} {' '.join(pool[random.integers(0, NUM_WORDS, 15)])}"
        for number in range(start, start + num_prompts)
    ]
    quality = random.normal(size=num_rows)
    scores = {
        f"rater_{name}": np.clip(
            np.rint(3 + quality + random.normal(scale=0.5, size=num_rows)), 1, 5
        )
        for name in range(NUM_RATERS)
    }
    prompts = pl.Series("prompt", asked).gather(np.repeat(np.arange(num_prompts), num_responses))
    models = [f"model_{index}" for index in range(num_responses)] * num_prompts
    return pl.DataFrame({"prompt": prompts, "response": texts, "model": models, **scores})


def curate(source: Path, folder: Path) -> dict[str, float]:
    """Run the stages on the source, and give each one's seconds."""
    values = {
        "source": {
            "path": str(source),
            "format": "ratings",
            "mapping": {
                "scores": [f"rater_{name}" for name in range(NUM_RATERS)],
                "generator": "model",
            },
        },
        "test_fraction": 0,
        "pair": {"similarity": False},
        "convert": {"to": ["dpo"]},
    }
    run = Run(folder, make_params(values, (), "bench"))
    write_text(
        run.data / "validate" / "quality.json", json.dumps({"success": True, "failures": []})
    )
    seconds = {}
    for stage in STAGES:
        started = time.monotonic()
        runner(stage)(run)
        seconds[stage] = round(time.monotonic() - started, 2)
        print(f"{stage}: {seconds[stage]} s, peak so far {peak_gb()} GB", file=sys.stderr)
    return seconds


def peak_gb() -> float:
    """Give this process's peak memory so far."""
    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2)


def copy(source: Path, folder: Path) -> dict[str, float]:
    """Read all and write all, nothing more."""
    started = time.monotonic()
    pl.read_parquet(source).write_parquet(folder / "copy.parquet")
    return {"copy": round(time.monotonic() - started, 2)}


def in_a_process(side: str, source: Path) -> tuple[dict[str, float], float]:
    """Run one side in a new process; give its seconds and its peak memory in GB."""
    with tempfile.TemporaryDirectory(dir=source.parent) as folder:
        command = [sys.executable, __file__, side, str(source), folder]
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    seconds, peak = json.loads(done.stdout.splitlines()[-1])
    return seconds, peak


def main(num_prompts: int) -> None:
    """Time both sides on one file, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "ratings.parquet"
        make_input(source, num_prompts)
        peer, _ = in_a_process("copy", source)
        stages, peak = in_a_process("curate", source)
        ours, theirs = sum(stages.values()), sum(peer.values())
        line = {
            "prompts": num_prompts,
            "input_mb": round(source.stat().st_size / 1e6),
            "ours_s": round(ours, 2),
            "peer_s": theirs,
            "ratio": round(ours / theirs, 2),
            "peer": "Parquet copy",
            "peak_gb": peak,
            "stages": stages,
        }
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    if sys.argv[1:2] in (["copy"], ["curate"]):
        side = {"copy": copy, "curate": curate}[sys.argv[1]]
        took = side(Path(sys.argv[2]), Path(sys.argv[3]))
        print(json.dumps([took, peak_gb()]))
    else:
        for number in sys.argv[1:] or ["200000"]:
            main(int(number))
