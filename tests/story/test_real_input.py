"""The chain on real data: ratings that people already have, prompts that people ask."""

from pathlib import Path

import polars as pl
import pytest

from tests.paths import SHARED_DATA
from tests.story.repository import Repository

RATINGS = SHARED_DATA / "prometheus_vicuna" / "vicuna_eval.jsonl.gz"
PROMPTS = SHARED_DATA / "prompts_only" / "arena_hard_v0.1_question.jsonl.gz"
needs_data = pytest.mark.skipif(
    not SHARED_DATA.is_dir(), reason="the shared example data is absent"
)
pytestmark = [pytest.mark.long, needs_data]


@pytest.fixture(scope="module")
def rated(demo: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The whole chain with a file of real ratings as its source."""
    repository = demo.copy(tmp_path_factory.mktemp("rated") / "vicuna")
    repository.set_params({"source.path": str(RATINGS), "source.format": "auto"})
    repository.run("dvc", "repro")
    return repository


def test_ratings_source_generates_nothing(rated: Repository) -> None:
    """Where the source has ratings, generate and the raters account for zero rows."""
    assert rated.metrics("load")["ratings"] == {"in": 960, "kept": 960, "dropped": {}}
    assert rated.metrics("generate/sft")["responses"] == {"in": 0, "kept": 0, "dropped": {}}
    assert rated.metrics("rate/verifier")["responses"] == {"in": 0, "kept": 0, "dropped": {}}


def test_policies_are_trained_on_real_ratings(rated: Repository) -> None:
    """Both policies are trained, and rows too long for the trainer stand in its ledger."""
    for loss in ("dpo", "kto"):
        metrics = rated.metrics(f"train/{loss}")
        tokens = metrics["tokens"]["train"]
        assert metrics["num_steps"] > 0
        assert tokens["truncated"] + sum(tokens["dropped"].values()) > 0
        assert (rated.root / "data" / "models" / loss / "model.safetensors").is_file()


def test_prompts_are_answered(demo: Repository, tmp_path: Path) -> None:
    """The demo's model answers 100 real prompts four times each."""
    repository = demo.copy(tmp_path / "asked")
    repository.set_params(
        {"source.path": str(PROMPTS), "source.format": "auto", "source.limit": 100}
    )
    repository.run("rather", "run", "load")
    repository.run("rather", "run", "generate", "sft")
    responses = pl.read_parquet(repository.root / "data" / "generate" / "sft.parquet")
    counts = responses.group_by("prompt_id").agg(pl.col("count").sum().alias("text"))
    assert counts.height == 100
    assert counts["text"].unique().to_list() == [4]
