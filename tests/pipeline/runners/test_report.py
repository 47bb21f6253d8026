"""The stages that people read: report, describe and conclude."""

import json
from pathlib import Path

import pytest
import yaml

from rather.auditing.card_facts import read_json
from rather.registry import runner
from rather.run import Run
from rather.stages.sources.source_files import sha256
from tests.pipeline.curated import ALL, curated
from tests.pipeline.ratings import GOOD


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A whole run on GOOD, to its end."""
    folder = tmp_path_factory.mktemp("presented") / "run"
    made = curated(folder, {"r.jsonl": GOOD}, ALL, "source.licence=CC-BY-4.0")
    for stage in ("report", "describe", "conclude"):
        runner(stage)(made)
    return made


def test_metrics_have_the_headline_under_short_names(run: Run) -> None:
    """What `dvc metrics diff` compares is what the page says first."""
    figures = {each["name"]: each["value"] for each in audited(run, "report")["headline"]}
    metrics = run.figures("report")
    assert metrics["keep_rate"] == figures["pairs_kept"] == pytest.approx(4 / 12, abs=1e-6)
    assert metrics["agreement"] == figures["agreement"] == 1
    assert {"p_correct", "length_effect", "duplicates_and_leaks", "num_problems"} <= metrics.keys()


def test_the_report_links_what_lies_around_it(run: Run) -> None:
    """Data Docs of validate, its own card, figures and tables."""
    for stage in ("report", "conclude"):
        for name, link in audited(run, stage)["links"].items():
            assert (run.data / stage / link).is_file(), (stage, name)


def test_the_report_says_nothing_of_training(run: Run) -> None:
    """It depends on the tables up to validate alone; without a policy, neither does the last."""
    assert audited(run, "report")["training"] is None
    assert audited(run, "conclude")["training"] is None


def test_the_report_repeats_to_the_byte(run: Run) -> None:
    """So DVC's run-cache works."""
    files = sorted((run.data / "report").iterdir())
    before = [path.read_bytes() for path in files]
    runner("report")(run)
    assert [path.read_bytes() for path in files] == before


def test_the_card_lies_beside_the_training_sets(run: Run) -> None:
    """It names their files, so that the folder loads by its name, and hashes what was read."""
    folder = run.data / "convert"
    text = (folder / "README.md").read_text()
    front = yaml.safe_load(text.split("---\n")[1])
    assert front["license"] == "CC-BY-4.0"
    for config in front["configs"]:
        assert all((folder / split["path"]).is_file() for split in config["data_files"])
    assert f"| `dpo/train.parquet` | {size(folder / 'dpo' / 'train.parquet')} |" in text
    assert sha256(folder / "dpo" / "train.parquet") in text
    (read,) = read_json(run.data / "load" / "files.json")
    assert read["sha256"] == sha256(run.root / "source" / "r.jsonl") and read["sha256"] in text
    assert "| winnow | pairs | margin | at_least 0.5 | 0 |" in text


def test_the_card_names_no_place(run: Run) -> None:
    """A source is named by its own name, wherever it lay."""
    assert str(run.root) not in (run.data / "convert" / "README.md").read_text()
    assert str(run.root) not in json.dumps(audited(run, "report")["card"])


def audited(run: Run, stage: str) -> dict[str, object]:
    """Read the figures of a stage's page."""
    found: dict[str, object] = read_json(run.data / stage / "audit.json")
    return found


def size(path: Path) -> str:
    """Write a file's size as the card does."""
    return f"{path.stat().st_size:,}"
