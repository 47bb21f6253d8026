"""Every real file of preferences gets an audit that adds up."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pipeline.conftest import call
from tests.stages.sources.real import DATA, DPO, JUDGED, KTO, PANDALM, needs_data

pytestmark = [needs_data, pytest.mark.long]


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Audit a file, each once."""
    made: dict[str, Path] = {}

    def run(name: str) -> Path:
        if name not in made:
            out = tmp_path_factory.mktemp("audited") / "audit"
            done = call("audit", DATA / name, "--out", out)
            assert done.code == 0, done.stderr
            made[name] = out
        return made[name]

    return run


def figures(out: Path) -> dict[str, Any]:
    """Read an audit's figures."""
    found: dict[str, Any] = json.loads((out / "audit.json").read_text())
    return found


@pytest.mark.parametrize("name", JUDGED)
def test_pairs_are_kept_or_flagged(name: str, audited: Callable[[str], Path]) -> None:
    """Each pair stands in pairs.parquet once; those with a reason stand in flagged.parquet too."""
    out = audited(name)
    fates = pl.read_parquet(out / "pairs.parquet")
    flagged = pl.read_parquet(out / "flagged.parquet").filter(unit="pairs")
    dropped = fates.filter(pl.col("reason").is_not_null())
    assert fates["pair_id"].is_unique().all()
    assert set(dropped["pair_id"]) == set(flagged["id"])
    totals = figures(out)["totals"]
    assert (totals["pairs"], totals["kept"]) == (fates.height, fates.height - dropped.height)


@pytest.mark.parametrize("name", JUDGED)
def test_the_page_is_small_and_the_tables_are_sound(
    name: str, audited: Callable[[str], Path]
) -> None:
    """Less than 5 MB, texts and all; no table breaks what its schema asks."""
    out = audited(name)
    assert (out / "index.html").stat().st_size < 5_000_000
    tables = {each["table"]: each for each in figures(out)["quality"]["tables"]}
    assert all(each["success"] for table, each in tables.items() if table != "chosen")


def test_known_figures_come_out(audited: Callable[[str], Path]) -> None:
    """PandaLM prefers the longer answer in 66.7% of unequal pairs; the KTO demo has labels."""
    pandalm, labels, pairs = (figures(audited(name)) for name in (PANDALM, KTO, DPO))
    assert pandalm["length"]["before"]["tokens"]["share_longer"] == pytest.approx(0.667, abs=5e-3)
    assert (labels["kind"], pairs["kind"]) == ("labels", "pairs")
    assert labels["kto"]["desirable"] + labels["kto"]["undesirable"] == 300
