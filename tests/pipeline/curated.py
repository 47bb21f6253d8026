"""A run of curation stages on rows given by a test, under its own folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rather.params.params import make_params
from rather.registry import runner
from rather.run import Run
from tests.pipeline.ratings import lines

EVIDENCE = ("load", "measure", "calibrate")
PAIRS = (*EVIDENCE, "pair", "winnow", "choose")
ALL = (*PAIRS, "validate", "convert")


def curated(
    folder: Path, rows: dict[str, Sequence[dict[str, Any]]], stages: Sequence[str], *changes: str
) -> Run:
    """Write rows to files under folder/source, and run stages on all of them, nothing held out."""
    source = folder / "source"
    source.mkdir(parents=True)
    for name, content in rows.items():
        (source / name).write_text(lines(content))
    values = {"source": {"path": str(source), "format": "auto"}, "test_fraction": 0}
    run = Run(folder, make_params(values, changes, "here"))
    for stage in stages:
        runner(stage)(run)
    return run
