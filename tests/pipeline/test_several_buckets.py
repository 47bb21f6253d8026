"""A run in many buckets gives the tables of a run in one."""

import json
from random import Random
from typing import Any

import polars as pl
import pytest

from rather.run import Run
from rather.tables.contracts import SCHEMAS
from tests.pipeline.curated import ALL, curated

CHANGES = ("test_fraction=0.3", "validate.agreement_floor=0", "convert.kto.by=auto")
JSON = (
    "calibrate/evidence.json",
    "calibrate/agreement.json",
    "validate/quality.json",
    *(f"metrics/{stage}.json" for stage in ALL),
)


def ratings(rng: Random) -> list[dict[str, Any]]:
    """Three raters' scores of three answers each to 40 prompts: one careful, one not, one odd."""
    rows = []
    for prompt in range(40):
        for answer in range(3):
            worth = rng.gauss(0, 1.2)
            text = " ".join(
                rng.choice(("red", "blue", "tree", "stone", "river")) for _ in "12345678"
            )
            for rater, noise in (("ann", 0.2), ("bob", 0.5), ("cat", 1.5)):
                score = min(5, max(1, round(3 + worth + rng.gauss(0, noise))))
                asked = {"prompt": f"question {prompt}", "response": f"{answer} {text}"}
                rows.append(asked | {"score": score, "rater": rater})
    alone = {"prompt": "alone", "response": "only one", "score": 3, "rater": "ann"}
    return [*rows, alone, rows[0] | {"score": "N/A", "rater": "dan"}, rows[1]]


def comparisons(rng: Random) -> list[dict[str, Any]]:
    """Two raters' votes on 20 prompts, one of which the other file has too."""
    return [
        {
            "prompt": f"question {prompt}",
            "response_a": f"a{prompt} " + "long " * (prompt % 4),
            "response_b": f"b{prompt}",
            "preference": rng.choice((1, 1, 0, -1)),
            "rater": rater,
        }
        for prompt in range(39, 59)
        for rater in ("ann", "eve")
    ]


@pytest.fixture(scope="module")
def runs(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Run]:
    """The same files in one bucket, and in buckets of about eight responses."""
    made = []
    for name, rows in (("one", 1_000_000), ("many", 8)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("rather.tables.buckets.ROWS", rows)
            patch.setattr("rather.tables.external_sort.HELD", rows)
            patch.setattr("rather.runners.calibrate.PACKED", rows)
            files = {"r.jsonl": ratings(Random(0)), "c.jsonl": comparisons(Random(1))}
            run = curated(tmp_path_factory.mktemp(name) / "run", files, ALL, *CHANGES)
            assert len(run.buckets) == (1 if name == "one" else 32)
            made.append(run)
    return made[0], made[1]


@pytest.mark.parametrize("table", [name for name in SCHEMAS if not name.startswith("generate")])
def test_every_table_holds_the_same_rows(table: str, runs: tuple[Run, Run]) -> None:
    """To the last bit of every number, and in the same order."""
    one, many = (pl.read_parquet(run.tables.path(table)) for run in runs)
    assert one.equals(many)
    assert one.columns == many.columns


@pytest.mark.parametrize("name", JSON)
def test_every_figure_is_the_same(name: str, runs: tuple[Run, Run]) -> None:
    """Ledgers, agreement, and what was learnt of the raters."""
    one, many = (json.loads((run.data / name).read_text()) for run in runs)
    assert one == many


def test_the_runs_are_no_empty_ones(runs: tuple[Run, Run]) -> None:
    """Both kinds of judgement, both sides of the split, and dropped rows of each stage."""
    one, _ = runs
    for table in SCHEMAS:
        if table not in ("load/evaluations", "measure/contamination"):
            assert one.tables.height(table), table
