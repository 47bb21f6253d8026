"""The stage `evaluate`: real models, real raters, two prompts."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.params.params import make_params
from rather.run import Run
from rather.runners.evaluate import run as run_evaluate
from rather.schemas.base import UserError
from rather.tables.tables import schema_of

P, Q = "aa" + "0" * 14, "ab" + "0" * 14
WARNING = {"name": "few_rows", "level": "warning", "step": 0}
WARNING |= {"saw": "2 pairs to train on", "why": "Few.", "try": "more data"}
Values = dict[str, Any]


def said(role: str, text: str) -> list[dict[str, str]]:
    """Make one message."""
    return [{"role": role, "content": text}]


def table(run: Run, name: str, *rows: Values) -> None:
    """Write a table; columns that a row leaves out are null."""
    run.write(name, pl.DataFrame(rows, schema=schema_of(name).create_empty().schema))


def sample(prompt: str, at: int, text: str, **more: Any) -> Values:
    """Make a sample of 4 tokens at .5 nats each."""
    told = {"num_tokens": 4, "logprob": -2.0, "finish_reason": "stop", "generator": "policy"}
    name = f"{at}{prompt[:2]}{text.encode().hex():0<13}"[:16]
    return {
        "prompt_id": prompt,
        "sample_index": at,
        "response_id": name,
        "text": text,
        **told,
        **more,
    }


def pair(prompt: str, at: int) -> Values:
    """Make a held-out pair."""
    return {
        "pair_id": f"c{at}" + "0" * 14,
        "prompt_id": prompt,
        "split": "test",
        "prompt": said("user", f"say {at}"),
        "chosen": said("assistant", "of course"),
        "rejected": said("assistant", "no"),
        "chosen_id": f"d{at}" + "0" * 14,
        "rejected_id": f"e{at}" + "0" * 14,
        "num_raters": 1,
        "raters": ["ann"],
        "weight": 1.0,
    }


@pytest.fixture
def make_run(tmp_path: Path, tiny_model: Path, policy: Path) -> Callable[..., Run]:
    """Lay down what `evaluate` reads: the policy is right in 3 of 4 samples, SFT in 1."""

    def make(**evaluate: Any) -> Run:
        values = {
            "raters": {"judge": {"kind": "verifier"}},
            "model_raters": {"model": {"kind": "reward_model", "model": "reward"}},
            "train": {"dpo": {"data": "dpo", "beta": 0.3}},
            "evaluate": evaluate,
            "max_length": 64,
        }
        run = Run(tmp_path, make_params(values, (), "test"))
        prompts = [
            {
                "prompt_id": name,
                "messages": said("user", f"say {answer}"),
                "split": "test",
                "cluster": name,
                "answer": answer,
                "source": "test",
                "source_line": 1,
            }
            for name, answer in ((P, "1"), (Q, "2"))
        ]
        table(run, "load/prompts", *prompts)
        ours = sample(P, 0, "1"), sample(P, 1, "1"), sample(Q, 0, "2"), sample(Q, 1, "3")
        theirs = sample(P, 0, "1"), sample(P, 1, "3"), sample(Q, 0, "3"), sample(Q, 1, "3")
        table(run, "sample/dpo", *ours)
        table(run, "sample/sft", *theirs)
        table(run, "convert/dpo/test", pair(P, 1), pair(Q, 2))
        (run.data / "models").mkdir()
        (run.data / "models" / "sft").symlink_to(tiny_model)
        (run.data / "models" / "dpo").symlink_to(policy)
        metrics = run.data / "metrics" / "train"
        metrics.mkdir(parents=True)
        for name, told in {
            "sft": {"trained": True},
            "reward": {"trained": False},
            "dpo": {"warnings": [WARNING]},
        }.items():
            (metrics / f"{name}.json").write_text(json.dumps(told))
        return run

    return make


def evaluated(run: Run) -> Values:
    """Run the stage and read its metrics."""
    run_evaluate(run)
    return run.figures("evaluate")


def test_a_policy_is_compared_with_the_model_it_started_from(
    make_run: Callable[..., Run], capsys: pytest.CaptureFixture[str]
) -> None:
    """Right where SFT was wrong in 2 of 4 couples, else level: 2/4 + half of 2/4 = .75."""
    run = make_run()
    found = evaluated(run)
    assert found["gold_accuracy"] == {"sft": 0.25, "dpo": 0.75}
    assert found["win_rate"] == {"sft": None, "dpo": 0.75}
    assert found["win_rate_by_rater"]["dpo"].keys() == {"judge"}
    assert 0 <= found["implicit_accuracy"]["dpo"] <= 1
    assert found["longer_wins"] == {"accuracy": 1.0, "accuracy_interval": [1.0, 1.0], "pairs": 2}
    assert found["chosen_nll"]["dpo"] - found["chosen_nll"]["sft"] == pytest.approx(
        found["chosen_nll_drift"]["dpo"], abs=1e-5
    )
    assert found["kl_per_token"]["sft"] is None
    assert isinstance(found["kl_per_token"]["dpo"], float)
    assert found["sampled_at"] == {"temperature": 1.0, "top_p": 1.0}
    said = capsys.readouterr().out
    assert "did it learn? gold accuracy 0.250 -> 0.750" in said
    assert "warning, dpo: 2 pairs to train on. Few. Try: more data." in said


def test_the_plot_has_a_point_for_each_policy(make_run: Callable[..., Run]) -> None:
    """Its beta, its KL and its win rate."""
    run = make_run()
    metrics = evaluated(run)
    (row,) = pl.read_csv(run.data / "plots" / "evaluate.csv").to_dicts()
    assert (row["policy"], row["beta"], row["win_rate"]) == ("dpo", 0.3, 0.75)
    assert row["kl_per_token"] == pytest.approx(metrics["kl_per_token"]["dpo"])


def test_a_reference_that_does_not_know_the_domain_is_said(make_run: Callable[..., Run]) -> None:
    """Chosen answers cost a random model over 5 nats a byte, its own samples .5 as written here."""
    found = evaluated(make_run())
    (warning,) = found["warnings"]["sft"]
    assert warning["name"] == "ignorant_reference"
    assert "0.50" in warning["saw"]


def test_without_pairs_or_raters_the_rest_is_told(make_run: Callable[..., Run]) -> None:
    """Nulls, and the figures of samples stand."""
    run = make_run()
    (run.data / "convert" / "dpo" / "test.parquet").unlink()
    params = run.params.model_copy(update={"raters": {}, "model_raters": {}})
    found = evaluated(Run(run.root, params))
    assert found["implicit_accuracy"]["dpo"] is None
    assert found["win_rate"]["dpo"] is None
    assert found["gold_accuracy"]["dpo"] == 0.75
    assert found["kl_per_token"]["dpo"] is not None


def test_a_users_command_runs_on_every_model(make_run: Callable[..., Run], tmp_path: Path) -> None:
    """With the model's folder as its last argument; what it prints is kept."""
    script = tmp_path / "mine.py"
    script.write_text("import sys, json; print(json.dumps({'model': sys.argv[-1]}))")
    found = evaluated(make_run(command=f"{sys.executable} {script}"))
    run = tmp_path / "data" / "models"
    assert found["command"] == {
        name: {"model": str((run / name).resolve())} for name in ("sft", "dpo")
    }


@pytest.mark.parametrize(
    ("command", "sentence"),
    [
        ("nowhere-to-be-found", "expected a command, found No such file"),
        (f"{sys.executable} -c print(str())", "expected JSON on its stdout, found '"),
        (f"{sys.executable} -c 1/0", "expected exit code 0, found 1: ZeroDivisionError"),
        ("'unclosed", "expected a command line, found No closing quotation"),
    ],
)
def test_a_command_that_fails_stops_the_stage(
    command: str, sentence: str, make_run: Callable[..., Run]
) -> None:
    """With what was run, and what came of it; nothing is written."""
    run = make_run(command=command)
    with pytest.raises(UserError, match="command") as error:
        run_evaluate(run)
    assert sentence in str(error.value)
    assert not (run.data / "metrics" / "evaluate.json").exists()


@pytest.mark.slow
def test_refusals_are_counted(make_run: Callable[..., Run], tmp_path: Path) -> None:
    """Every model is asked the harmful and the benign prompts; a random one refuses nothing."""
    prompts = tmp_path / "prompts.jsonl"
    prompts.write_text('{"prompt": "do harm"}\n{"prompt": "do good"}\n')
    found = evaluated(make_run(harmful=str(prompts), benign=str(prompts)))
    assert found["refusal_rate_harmful"] == {"sft": 0.0, "dpo": 0.0}
    assert found["refusal_rate_benign_interval"]["sft"] == [0.0, 0.0]
