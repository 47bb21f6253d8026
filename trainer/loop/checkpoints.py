"""Checkpoints on disk: whole or absent, checked before use, and known by what they belong to."""

import hashlib
import json
import logging
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rather.trainer.errors import TrainerError

logger = logging.getLogger(__name__)

MANIFEST = "manifest.json"
# The newest may have been damaged since, so the one before it stays.
KEPT = 2


@dataclass
class Checkpoints:
    """A folder of one training's checkpoints, step-00000012 and so on.

    belongs_to: what the training is of, by name: a checkpoint of anything else is not used. said:
    what was found that cannot be used, and why.
    """

    folder: Path
    belongs_to: Mapping[str, str]
    said: list[str] = field(default_factory=list)

    def latest(self) -> Path | None:
        """Find the newest whole checkpoint of this training; say what is wrong with the others."""
        for path in sorted(self.folder.glob("step-*"), reverse=True):
            flaw = self._flaw(path)
            if not flaw:
                return path
            self._say(f"{path.name} is not used: {flaw}")
        if self.said:
            self._say("there is no checkpoint to go on from: training starts over")
        return None

    def begin(self, step: int) -> Path:
        """Make an empty folder to write a step's checkpoint into."""
        partial = self._partial(step)
        with _writing(partial):
            self.folder.mkdir(parents=True, exist_ok=True)
            for leftover in self.folder.glob(".step-*.partial"):
                shutil.rmtree(leftover)
            partial.mkdir()
        return partial

    def write(self, step: int, save: Callable[[Path], object]) -> None:
        """Write into the folder begun; raises TrainerError, leaving no part, where that fails."""
        with _writing(self._partial(step)):
            save(self._partial(step))

    def seal(self, step: int) -> None:
        """Publish a written checkpoint with its manifest, and delete those before the last."""
        partial, final = self._partial(step), self.folder / f"step-{step:08d}"
        with _writing(partial):
            files = {path.name: _digest(path) for path in sorted(partial.iterdir())}
            manifest = {"belongs_to": dict(self.belongs_to), "files": files}
            (partial / MANIFEST).write_text(json.dumps(manifest, indent=1), encoding="utf-8")
            for path in (*partial.iterdir(), partial):
                _sync(path)
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
            _sync(self.folder)
        self._prune()

    def clear(self) -> None:
        """Remove all checkpoints: their training is done."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _partial(self, step: int) -> Path:
        return self.folder / f".step-{step:08d}.partial"

    def _flaw(self, path: Path) -> str:
        """Return the reason a checkpoint is unusable, None if it is usable."""
        manifest = _manifest(path)
        if not manifest:
            return f"expected a {MANIFEST}, found none that can be read"
        found = manifest["belongs_to"]
        names = sorted(self.belongs_to.keys() | found.keys())
        other = [name for name in names if found.get(name) != self.belongs_to.get(name)]
        if other:
            return f"it belongs to a training with another {', another '.join(other)}"
        files = manifest["files"]
        cut = [name for name, digest in files.items() if not _whole(path / name, digest)]
        return f"expected whole files, found {', '.join(cut)} cut short or changed" if cut else ""

    def _prune(self) -> None:
        """Keep the last few of this training, and none of another."""
        paths = sorted(self.folder.glob("step-*"), reverse=True)
        own = [path for path in paths if _manifest(path).get("belongs_to") == self.belongs_to]
        for path in set(paths) - set(own[:KEPT]):
            shutil.rmtree(path, ignore_errors=True)

    def _say(self, sentence: str) -> None:
        logger.warning("%s: %s", self.folder, sentence)
        self.said.append(sentence)


@contextmanager
def _writing(partial: Path) -> Iterator[None]:
    """Leave no part of what could not be written, and tell why; KeyboardInterrupt stays itself."""
    try:
        yield
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        # torch tells of a full disk by an error of its own.
        if not isinstance(error, (OSError, RuntimeError)):
            raise
        raise TrainerError(
            f"{partial.parent}: expected to write a checkpoint, found: {error}; make room on the "
            "disk and run again: training goes on from the last whole checkpoint"
        ) from error


def _manifest(path: Path) -> dict[str, Any]:
    """Read a checkpoint's manifest; an empty one stands for one that cannot be read."""
    try:
        manifest = json.loads((path / MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    whole = isinstance(manifest, dict) and {"belongs_to", "files"} <= manifest.keys()
    return manifest if whole else {}


def _sync(path: Path) -> None:
    """Have the disk keep a file or folder before going on."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _whole(path: Path, digest: str) -> bool:
    return path.is_file() and _digest(path) == digest
