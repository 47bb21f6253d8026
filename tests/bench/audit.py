"""What does `rather audit` cost?   python tests/bench/audit.py [PAIRS ...]

Makes a Parquet file of PAIRS prompts (100,000 and 1,000,000 by default) with two answers each and
three raters' scores of both, and audits it by the command, in a process of its own. Prints a line
of JSON for each: seconds by the clock and of both cores together, peak memory, and the sizes of the
page and of the whole folder.
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

from tests.bench.curate import NUM_RATERS, make_input  # noqa: E402

CODE = "import sys; from rather.cli import main; main(sys.argv[1:])"


def audit(source: Path, out: Path) -> dict[str, float]:
    """Audit a file, and say what it took."""
    scores = ", ".join(f"rater_{name}" for name in range(NUM_RATERS))
    options = ("--from", "ratings", "--set", f"source.mapping.scores=[{scores}]")
    options += ("--set", "source.mapping.generator=model")
    command = [sys.executable, "-c", CODE, "audit", str(source), "--out", str(out), *options]
    started = time.monotonic()
    subprocess.run(command, check=True, cwd=ROOT, stdout=sys.stderr)
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return {
        "wall_s": round(time.monotonic() - started, 1),
        "cpu_s": round(used.ru_utime + used.ru_stime, 1),
        "peak_gb": round(used.ru_maxrss / 1e6, 2),
    }


def size_mb(path: Path) -> float:
    """Give the size of a file, or of all files of a folder."""
    files = [path] if path.is_file() else [file for file in path.rglob("*") if file.is_file()]
    return round(sum(file.stat().st_size for file in files) / 1e6, 1)


def main(num_pairs: int) -> None:
    """Audit one file, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        source, out = Path(folder) / "ratings.parquet", Path(folder) / "audit"
        make_input(source, num_pairs, 2)
        took = audit(source, out)
        sizes = {"page_mb": size_mb(out / "index.html"), "folder_mb": size_mb(out)}
        line = {"pairs": num_pairs, "input_mb": size_mb(source), **took, **sizes}
    print(json.dumps(line), flush=True)


if __name__ == "__main__":
    for number in sys.argv[1:] or ["100000", "1000000"]:
        main(int(number))
