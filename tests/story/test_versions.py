"""Two versions of a data set, each a commit: DVC tells what is different."""

import json
from pathlib import Path

import pytest

from tests.pipeline.ratings import GOOD, lines
from tests.story.repository import Repository, fresh

pytestmark = pytest.mark.long

STAGES = ("report", "describe")
ALONE = {"generators": {}, "raters": {}, "model_raters": {}, "train": {}, "test_fraction": 0}


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """Ratings of two people without a model; the second commit asks for a margin of 2."""
    made = fresh(tmp_path_factory.mktemp("versions") / "repository")
    (made.root / "ratings.jsonl").write_text(lines(GOOD))
    made.set_params(ALONE | {"source": {"path": "ratings.jsonl", "format": "auto"}})
    for margin in (0.5, 2.0):
        made.set_params({"winnow.rules.margin.at_least": margin})
        made.run("dvc", "repro", "-q", *STAGES)
        made.run("git", "add", "-A")
        who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
        made.run("git", *who, "commit", "-qm", f"margin {margin}")
    return made


def test_metrics_diff_shows_what_changed(repository: Repository) -> None:
    """The keep rate falls from 4 of 12 pairs to 2; agreement stays, so it is not told."""
    told = json.loads(repository.run("dvc", "metrics", "diff", "HEAD~1", "HEAD", "--json"))
    report = told[str(Path("data") / "metrics" / "report.json")]
    assert report["keep_rate"]["old"] == pytest.approx(4 / 12, abs=1e-6)
    assert report["keep_rate"]["new"] == pytest.approx(2 / 12, abs=1e-6)
    assert "agreement" not in report


def test_plots_diff_draws_both(repository: Repository, tmp_path: Path) -> None:
    """Margins and lengths of both commits, on one page."""
    repository.run("dvc", "plots", "diff", "HEAD~1", "HEAD", "--out", str(tmp_path))
    page = (tmp_path / "index.html").read_text()
    assert "HEAD~1" in page and "data/plots/margin.csv" in page


def test_a_second_run_does_nothing(repository: Repository) -> None:
    """What was audited is not audited again."""
    assert repository.run("dvc", "status", *STAGES).startswith("Data and pipelines are up to date")
