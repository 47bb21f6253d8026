"""The whole chain, once, for real: what a person sees who types `dvc repro`."""

import math
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from tests.story.repository import Repository

pytestmark = pytest.mark.slow


def test_every_policy_is_evaluated(demo: Repository) -> None:
    """The chain ends with the gold accuracy of SFT, DPO and KTO on the held-out prompts."""
    accuracy = demo.metrics("evaluate")["gold_accuracy"]
    assert accuracy.keys() == {"sft", "dpo", "kto"}
    assert all(0 <= share <= 1 for share in accuracy.values())


def test_every_policy_is_compared_with_the_model_it_started_from(demo: Repository) -> None:
    """Win rate, implicit accuracy and KL of both policies, none of SFT; each warns of few pairs."""
    found = demo.metrics("evaluate")
    for name in ("win_rate", "implicit_accuracy", "kl_per_token", "chosen_nll_drift"):
        assert found[name]["sft"] is None
        assert all(isinstance(found[name][policy], float) for policy in ("dpo", "kto")), name
    told = {
        policy: [each["name"] for each in found["warnings"][policy]] for policy in ("dpo", "kto")
    }
    assert "few_rows" in told["dpo"]
    assert "few_rows" in told["kto"]


def test_training_starts_at_ln_2(demo: Repository) -> None:
    """At step 0 policy and reference are one model, so DPO's loss is ln 2."""
    assert demo.metrics("train/dpo")["loss_step0"] == pytest.approx(math.log(2), abs=1e-4)


def test_held_out_prompts_are_in_no_training(demo: Repository) -> None:
    """No prompt of the test split is in a file that any training reads."""
    data, work = demo.root / "data", demo.root / ".work"
    prompts = pl.read_parquet(data / "load" / "prompts.parquet")
    held_out = set(
        prompts.filter(pl.col("split") == "test")["messages"].list.last().struct.field("content")
    )
    trained_on = [data / "convert" / name / "train.parquet" for name in ("dpo", "kto")]
    trained_on += [work / name / "train.parquet" for name in ("sft", "reward")]
    for path in trained_on:
        asked = pl.read_parquet(path)["prompt"].list.last().struct.field("content")
        assert len(asked) > 0, path
        assert not held_out & set(asked), path


def test_every_account_balances(demo: Repository) -> None:
    """In every stage's metrics, rows in are rows kept plus rows dropped by reason."""
    seen = 0
    for path in (demo.root / "data" / "metrics").rglob("*.json"):
        name = str(path.relative_to(demo.root / "data" / "metrics")).removesuffix(".json")
        for entry in demo.metrics(name).values():
            if isinstance(entry, dict) and entry.keys() == {"in", "kept", "dropped"}:
                seen += 1
                assert entry["in"] == entry["kept"] + sum(entry["dropped"].values()), name
    assert seen >= 15


def test_second_run_does_nothing(demo: Repository) -> None:
    """A second `dvc repro` runs no stage."""
    assert "Running stage" not in demo.run("dvc", "repro")
    assert demo.changed() == set()


def test_metrics_and_plots_are_shown(demo: Repository, tmp_path: Path) -> None:
    """`dvc metrics show` prints the ledger, and `dvc plots show` draws margins and lengths."""
    assert "winnow.json" in demo.run("dvc", "metrics", "show")
    demo.run("dvc", "plots", "show", "--out", str(tmp_path / "plots"))
    page = (tmp_path / "plots" / "index.html").read_text()
    assert "Margins, in standard deviations" in page
    assert "Tokens of chosen minus tokens of rejected" in page


def test_threshold_change_spares_what_was_paid_for(demo: Repository, tmp_path: Path) -> None:
    """A change of the margin rule names winnow, and reruns from there: no generation, no rating.

    Margins of this world lie near 0, or around 1.1: there the change drops pairs.
    """
    repository = demo.copy(tmp_path / "changed")
    repository.set_params({"winnow.rules.margin.at_least": 1.1})
    assert repository.changed() == {"params"}
    repository.run("dvc", "repro", "params")
    assert "winnow" in repository.changed()
    upstream = {"model", "load", "sft", "reward", "generate", "measure", "calibrate", "pair"}
    assert not {name.split("@")[0] for name in repository.changed()} & (upstream | {"rate"})
    output = repository.run("dvc", "repro", "convert")
    ran = {line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage")}
    assert ran == {"winnow", "choose", "validate", "convert"}


def test_curation_repeats_to_the_byte(demo: Repository, tmp_path: Path) -> None:
    """Given the same responses and ratings, chosen, dpo and kto are byte-identical."""
    repository = demo.copy(tmp_path / "again")
    patterns = ("choose/*.parquet", "convert/**/*.parquet")
    before = {pattern: repository.hashes(pattern) for pattern in patterns}
    for stage in ("measure", "calibrate", "pair", "winnow", "choose", "validate", "convert"):
        repository.run("rather", "run", stage)
    assert {pattern: repository.hashes(pattern) for pattern in patterns} == before
    assert len(before["convert/**/*.parquet"]) == 5


def test_reference_of_another_model_stops_training(demo: Repository, tmp_path: Path) -> None:
    """DPO against the log-probs of another model stops before a step, says why, and exits 2."""
    repository = demo.copy(tmp_path / "astray")
    path = repository.root / "data" / "reference" / "dpo.parquet"
    table = pq.read_table(path)
    noise = pa.array([float(at % 7) for at in range(len(table))])
    astray = pc.subtract(table["logps"], noise)
    path.unlink()
    pq.write_table(table.set_column(1, table.schema.field("logps"), astray), path)
    policy = repository.hashes("models/dpo/*")
    done = repository.try_run("rather", "run", "train", "dpo")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert "0.693" in done.stderr
    assert repository.hashes("models/dpo/*") == policy
