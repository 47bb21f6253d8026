"""Published and recomputed figures of real data; it lies beside the repository, never in it."""

import gzip
import json
from typing import Any

import polars as pl
import pytest

from rather.stages.agreement.alpha import alpha
from rather.stages.agreement.rater_pairs import rater_pairs
from rather.stages.agreement.reliability_data import of_comparisons, tally
from rather.stages.agreement.units import Units, units
from rather.stages.common.ids import digest
from tests.paths import SHARED_DATA

DATA = SHARED_DATA
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the real data at {DATA}, which is not part of the repository"
)


def judgements(given: list[tuple[Any, str, Any]]) -> pl.DataFrame:
    """Make judgements of items, raters and values."""
    table = pl.DataFrame(given, schema=["item", "rater", "value"], orient="row")
    return table.select(
        pl.col("item").cast(pl.String),
        "rater",
        pl.lit("overall").alias("aspect"),
        pl.lit("file").alias("source"),
        "value",
    )


def lines_of(name: str) -> list[Any]:
    """Read a file of JSON lines."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def units_of(judged: pl.DataFrame) -> Units:
    """Make units of judgements."""
    return units(tally(judged), "overall")


@pytest.fixture(scope="module")
def pandalm() -> list[Any]:
    """999 pairs, each labelled 0 (tie), 1 or 2 by three people."""
    return lines_of("pandalm/testset-v1.jsonl.gz")


def test_pandalm_as_labelled(pandalm: list[Any]) -> None:
    """Nominal alpha .8642206852; Cohen's kappa .8520, .8789 and .8617."""
    raters = ("annotator1", "annotator2", "annotator3")
    judged = judgements(
        [(row["idx"], rater, float(row[rater])) for row in pandalm for rater in raters]
    )
    assert alpha(units_of(judged), "nominal").value == pytest.approx(0.8642206852, abs=5e-11)
    pairs, _ = rater_pairs(tally(judged), "overall")
    assert pairs["kappa"].round(4).to_list() == [0.8520, 0.8789, 0.8617]


def test_pandalm_as_comparisons(pandalm: list[Any]) -> None:
    """The order in which the file shows two answers is kept, and with it the published alpha."""
    preference = {0: 0.0, 1: 1.0, 2: -1.0}
    compared = pl.DataFrame(
        [
            (
                *(digest([str(row["idx"]), side]) for side in "12"),
                rater,
                preference[row[rater]],
                line,
            )
            for line, row in enumerate(pandalm, 1)
            for rater in ("annotator1", "annotator2", "annotator3")
        ],
        schema=["first_id", "second_id", "rater", "preference", "source_line"],
        orient="row",
    ).with_columns(aspect=pl.lit("overall"), source=pl.lit("file"))
    found = alpha(units_of(of_comparisons(compared)), "nominal").value
    assert found == pytest.approx(0.8642206852, abs=5e-11)


def test_dices() -> None:
    """Nominal alpha .1608602156577 of three categories, .2008000787 without Unsure."""
    with gzip.open(DATA / "dices_350/dices_350_crowdsourced.json.gz", "rt") as file:
        items = json.load(file)["instances"]
    judged = judgements(
        [
            (item["id"], f"rater{number}", label)
            for item in items
            for number, label in enumerate(item["annotations"]["safety"]["individual_human_scores"])
        ]
    )
    sure = judged.filter(pl.col("value") != "Unsure")
    assert judged.height == 43050
    assert alpha(units_of(judged), "nominal").value == pytest.approx(0.1608602156577, abs=5e-14)
    assert alpha(units_of(sure), "nominal").value == pytest.approx(0.2008000787, abs=5e-11)


def test_prometheus() -> None:
    """Ordinal alpha .7234421508, interval .8075435594, of three scores of 320 responses."""
    rows = lines_of("prometheus_vicuna/vicuna_eval.jsonl.gz")
    judged = judgements(
        [
            (number, f"run{run}", float(score))
            for number, row in enumerate(rows)
            for run, score in enumerate(row["gpt4_score"])
        ]
    )
    assert alpha(units_of(judged), "ordinal").value == pytest.approx(0.7234421508, abs=5e-11)
    assert alpha(units_of(judged), "interval").value == pytest.approx(0.8075435594, abs=5e-11)
