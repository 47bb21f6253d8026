"""Kill a piece of work at random moments, again and again, and see what it leaves.

    python -m tests.kills MODULE:FUNCTION REPORT NUM_KILLS SEED [ARGUMENT ...]

The work runs in a process of its own, forked from one that has already imported what takes long;
FUNCTION gets the arguments as texts and writes a line to the file $PROGRESS as it goes.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from importlib import import_module
from pathlib import Path

from tests.paths import ROOT

PROGRESS = "PROGRESS"
LINES = 4  # a kill comes within the time that about so many lines take, or before the first


def killed(work: str, folder: Path, num_kills: int, *arguments: str, seed: int = 0) -> list[str]:
    """Kill a piece of work so many times, then let it end; give the lines that it wrote.

    work: module:function. Fails where a kill left a process behind, or the last run failed.
    """
    report = folder / "killed.json"
    command = [sys.executable, "-m", "tests.kills", work, str(report), str(num_kills), str(seed)]
    environment = os.environ | {PROGRESS: str(folder / "progress"), "OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(
        [*command, *arguments], cwd=ROOT, env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads(report.read_text())
    assert found == {"kills": num_kills, "left_behind": [], "last": 0}, done.stderr
    return _progress(folder / "progress")


def tell(line: str) -> None:
    """Write a line of progress; a kill right after does not take it back."""
    with Path(os.environ[PROGRESS]).open("a") as file:
        file.write(f"{line}\n")


def _progress(path: Path) -> list[str]:
    return path.read_text().splitlines() if path.exists() else []


def _start(work: Callable[..., None], arguments: list[str]) -> int:
    """Run the work in a process and session of its own."""
    child = os.fork()
    if child == 0:
        os.setsid()
        try:
            work(*arguments)
        except BaseException:  # whatever it is, it is the parent that has to know
            import traceback

            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return child


def _kill(child: int, moment: float, pace: float) -> bool:
    """Kill a child at a moment of its first few lines' time; false where it had ended before."""
    path, began = Path(os.environ[PROGRESS]), len(_progress(Path(os.environ[PROGRESS])))
    until = time.monotonic() + moment * LINES * pace
    while time.monotonic() < until or (moment > 0.2 and len(_progress(path)) == began):
        if os.waitpid(child, os.WNOHANG)[0]:
            return False
        time.sleep(0.01)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return True


def _session(leader: int) -> list[int]:
    """List the processes alive in a session."""
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, _, session = path.read_text().rpartition(")")[2].split()[:4]
        except OSError:
            continue
        if int(session) == leader and state != "Z":
            found.append(int(path.parent.name))
    return found


def main(work: str, report: str, num_kills: str, seed: str, *arguments: str) -> None:
    """Kill, look at what is left, and at last let the work end."""
    module, _, name = work.partition(":")
    function = getattr(import_module(module), name)
    chance = random.Random(int(seed))
    kills, left = 0, []
    for _ in range(int(num_kills)):
        child = _start(function, list(arguments))
        kills += _kill(child, chance.random(), pace=0.5)
        left += _session(child)
    last = os.waitstatus_to_exitcode(os.waitpid(_start(function, list(arguments)), 0)[1])
    found = {"kills": kills, "left_behind": left, "last": last}
    Path(report).write_text(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
