"""Two rounds after the first pass, by DVC, on the small demo."""

from pathlib import Path

import polars as pl
import pytest

from tests.story.repository import Repository

pytestmark = pytest.mark.long

STAGES = ("round_generate", "round_rate", "round_curate", "round_train")


def ran(output: str) -> set[str]:
    """Name the stages that ran."""
    return {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}


@pytest.fixture(scope="module")
def first(demo: Repository, tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The demo, and one round after it."""
    repository = demo.copy(tmp_path_factory.mktemp("rounds") / "first")
    repository.set_params({"rounds": {"r1": {"from": "dpo", "policy": "dpo"}}})
    assert ran(repository.run("dvc", "repro", "evaluate")) == {
        "params",
        *(f"{stage}@r1" for stage in STAGES),
        "sample",
        "evaluate",
    }
    return repository


@pytest.fixture(scope="module")
def second(first: Repository, tmp_path_factory: pytest.TempPathFactory) -> tuple[Repository, str]:
    """A second round added to the first, and what DVC said."""
    repository = first.copy(tmp_path_factory.mktemp("rounds") / "second")
    rounds = {
        "r1": {"from": "dpo", "policy": "dpo"},
        "r2": {"from": "r1", "policy": "dpo", "reference": "refresh", "max_length_ratio": 50},
    }
    repository.set_params({"rounds": rounds})
    return repository, repository.run("dvc", "repro", "evaluate")


def pairs(repository: Repository, name: str) -> pl.DataFrame:
    """Read the pairs that a round trains on."""
    path = repository.root / "data" / "rounds" / name / "convert" / "dpo" / "train.parquet"
    return pl.read_parquet(path)


def test_an_added_round_runs_alone(second: tuple[Repository, str]) -> None:
    """Adding r2 runs r2's stages, and the evaluation that it stands in."""
    repository, output = second
    assert ran(output) == {
        "params",
        *(f"{stage}@r2" for stage in STAGES),
        "sample",
        "evaluate",
    }
    assert repository.metrics("evaluate")["gold_accuracy"].keys() == {
        "sft",
        "dpo",
        "kto",
        "r1",
        "r2",
    }


def test_drift_is_in_the_metrics(second: tuple[Repository, str]) -> None:
    """Each round says how far its model is from the first: KL with its interval, length ratio."""
    repository, _ = second
    for name in ("r1", "r2"):
        drift = repository.metrics(f"../rounds/{name}/metrics/generate")["drift"]
        low, high = drift["kl_per_token_interval"]
        assert low <= drift["kl_per_token"] <= high
        assert drift["length_ratio"] > 0
    assert "drift" in repository.run("dvc", "metrics", "show", "--json")


def test_pairs_join_those_before_and_name_their_round(second: tuple[Repository, str]) -> None:
    """A pair says which round made it, who answered and who judged; the earlier ones stay."""
    repository, _ = second
    base = pl.read_parquet(repository.root / "data" / "convert" / "dpo" / "train.parquet")
    for name, model, before in (("r1", "dpo", base), ("r2", "r1", pairs(repository, "r1"))):
        found = pairs(repository, name)
        own = found.filter(pl.col("round") == name)
        assert own.height > 0
        assert set(own["chosen_generator"]) == {model}
        assert all({"verifier", "reward_model"} <= set(raters) for raters in own["raters"])
        assert set(before["pair_id"]) <= set(found["pair_id"])
    assert set(base["chosen_generator"]) == {"sft"}
    assert base["round"].null_count() == base.height


def test_a_round_tells_its_pairs_story(second: tuple[Repository, str]) -> None:
    """`rather why` finds a round's pair, and names the round, who answered and who judged."""
    repository, _ = second
    pair = pairs(repository, "r2").filter(pl.col("round") == "r2")["pair_id"][0]
    told = repository.run("rather", "why", pair)
    assert "round r2" in told
    assert "by r1" in told
    assert "by verifier" in told


def test_the_reference_stays_or_is_refreshed(second: tuple[Repository, str]) -> None:
    """r1 is held to the first model, where step 0 cannot be checked; r2 to r1, where it is."""
    repository, _ = second
    assert "skipped" in repository.metrics("train/r1")["step0_check"]
    assert repository.metrics("train/r2")["step0_check"] == "passed"


def test_a_model_that_drifted_too_far_stops_its_round(first: Repository, tmp_path: Path) -> None:
    """Beyond the bound nothing is generated; the error says how far it went, and so do metrics."""
    repository = first.copy(tmp_path / "far")
    repository.set_params({"rounds": {"r1": {"from": "dpo"}, "r2": {"from": "r1", "max_kl": 1e-9}}})
    done = repository.try_run("rather", "run", "round_generate", "r2")
    assert done.returncode == 1
    assert "rounds.r2: expected kl_per_token of at most 1e-09 from sft" in done.stderr
    assert "Traceback" not in done.stderr
    assert repository.metrics("../rounds/r2/metrics/generate")["drift"]["kl_per_token"] > 1e-9
    assert not (repository.root / "data" / "rounds" / "r2" / "generate").exists()
