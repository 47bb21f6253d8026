"""Tables of a made-up source, held to hashes: refactoring changes no value, reason or order."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from rather.params.params import make_params
from rather.registry import runner
from rather.run import Run
from tests.golden import compared_rows, rated_rows, table_hashes, write_rows
from tests.paths import ROOT

STAGES = ("load", "measure", "calibrate", "pair", "winnow", "choose", "validate", "convert")
SOURCES: dict[str, tuple[Callable[[], Iterator[dict[str, Any]]], str]] = {
    "rated": (rated_rows, "optimal"),
    "compared": (compared_rows, "drop"),
}
HASHES = json.loads((ROOT / "tests" / "oracles" / "tables.json").read_text())


@pytest.mark.parametrize("name", SOURCES)
def test_every_table_is_what_it_was(name: str, tmp_path: Path) -> None:
    """Columns, types, rows and their order; after a change that is meant, write the hashes anew."""
    rows, balance = SOURCES[name]
    write_rows(tmp_path / "rows.jsonl", rows())
    values = {
        "source": {"path": str(tmp_path / "rows.jsonl"), "format": "auto"},
        "test_fraction": 0.2,
        "validate": {"agreement_floor": 0.0},
        "choose": {"balance": balance},
    }
    run = Run(tmp_path, make_params(values, (), "here"))
    for stage in STAGES:
        runner(stage)(run)
    assert table_hashes(tmp_path / "data") == HASHES[name]
