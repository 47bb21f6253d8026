"""Warnings while a run goes on: each known failure raises its own, a healthy run none."""

import random
from collections.abc import Callable
from itertools import accumulate
from math import exp
from pathlib import Path
from typing import Any

import pytest

from rather.trainer.config import TrainConfig
from rather.trainer.losses import LOSSES
from rather.trainer.reference.reference import write_reference
from rather.trainer.train import train
from rather.trainer.watch.watch import Watch

NUM_RECORDS = 60
Change = Callable[[dict[str, float], float], None]


def history(
    seed: int, change: Change | None = None, num_records: int = NUM_RECORDS
) -> list[dict[str, float]]:
    """Make the records of a healthy run of one epoch, with noise as of 160 pairs a record.

    Margins rise to 1 and accuracy to .75; the chosen reward, what it does to the end token, and
    the length of preferences are random walks about no change. `change` is given each record and
    the share of the run that is over.
    """
    rng = random.Random(seed)
    walks = {
        name: list(accumulate(rng.gauss(0, step) for _ in range(num_records)))
        for name, step in (("chosen", 0.004), ("eos", 0.02), ("length", 0.005), ("margin", 0.02))
    }
    records = []
    for at in range(num_records):
        share = (at + 1) / num_records
        learnt = 1 - exp(-4 * share)
        chosen = 0.1 * learnt + walks["chosen"][at] + rng.gauss(0, 0.03)
        accuracy = 0.5 + 0.25 * learnt
        record = {
            "step": 10.0 * (at + 1),
            "epoch": share,
            "loss": 0.69 - 0.25 * learnt + rng.gauss(0, 0.03),
            "rewards/chosen": chosen,
            "rewards/margins": learnt + walks["margin"][at] + rng.gauss(0, 0.1),
            "rewards/accuracies": accuracy + rng.gauss(0, 0.04),
            "rewards/accuracies_longer": accuracy + walks["length"][at] + rng.gauss(0, 0.055),
            "rewards/accuracies_shorter": accuracy - walks["length"][at] + rng.gauss(0, 0.055),
            "logps/chosen": -280 + rng.gauss(0, 8) + chosen / 0.1,
            "logps/eos": -1.0 + walks["eos"][at] + rng.gauss(0, 0.1),
            "drift/chosen": 0.05 * learnt + abs(rng.gauss(0, 0.005)),
            "kl": max(0.0, 2 * learnt + rng.gauss(0, 1)),
        }
        if change:
            change(record, share)
        records.append(record)
    return records


def found(records: list[dict[str, float]], loss: str = "dpo", **settings: Any) -> list[str]:
    """Watch a run of enough pairs, and name what was found."""
    watch = Watch(TrainConfig(loss, **settings), LOSSES[loss], num_rows=10_000)
    watch.begin()
    for record in records:
        watch.see(record)
    return [finding.name for finding in watch.findings]


def test_healthy_runs_raise_no_alarm() -> None:
    """One of 1,000 seeded healthy random-walk histories of 60 records raises a warning.

    In that one, accuracies by length have truly walked .2 apart, 2.6 standard deviations of it.
    """
    alarms = [name for seed in range(1000) for name in found(history(seed))]
    assert alarms == ["length_drift"]


def falling(record: dict[str, float], share: float) -> None:
    """Lose 5 nats on chosen completions by the end: half a unit of reward at beta .1."""
    record["rewards/chosen"] -= 0.6 * share


def at_chance(record: dict[str, float], share: float) -> None:
    """Tell pairs apart as a coin does."""
    record["rewards/accuracies"] -= 0.25 * (1 - exp(-4 * share))


def flat(record: dict[str, float], share: float) -> None:
    """Gain no margin."""
    record["rewards/margins"] -= 1 - exp(-4 * share)
    record["rewards/margins"] /= 10


def spent(record: dict[str, float], share: float) -> None:
    """Know every pair by heart from the middle on."""
    if share > 0.5:
        record |= {"rewards/accuracies": 1.0, "loss": 0.01}


def by_length(record: dict[str, float], share: float) -> None:
    """Learn pairs whose chosen completion is the longer, and unlearn the others."""
    record["rewards/accuracies_longer"] += 0.25 * share
    record["rewards/accuracies_shorter"] -= 0.25 * share


def far(record: dict[str, float], share: float) -> None:
    """Move 40 nats a completion from the reference."""
    record["kl"] += 40 * share


def far_per_token(record: dict[str, float], share: float) -> None:
    """Move a nat a token from the reference."""
    record["drift/chosen"] += share


def endless(record: dict[str, float], share: float) -> None:
    """Make the end of an answer e^2 times less likely."""
    record["logps/eos"] -= 2 * share


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (falling, "chosen_falling"),
        (at_chance, "accuracy_stuck"),
        (flat, "margin_flat"),
        (spent, "memorised"),
        (by_length, "length_drift"),
        (far, "kl_high"),
        (far_per_token, "kl_high"),
        (endless, "eos_falling"),
    ],
)
@pytest.mark.parametrize("seed", range(5))
def test_each_failure_raises_its_own(change: Change, name: str, seed: int) -> None:
    """And nothing else."""
    assert found(history(seed, change)) == [name]


def test_a_warning_comes_while_it_happens() -> None:
    """Chosen rewards fall by .01 a record, so by 1 nat at beta .1 after 10 and clearly after 25."""
    records = history(0, falling)
    watch = Watch(TrainConfig("dpo"), LOSSES["dpo"], num_rows=10_000)
    at = next(number for number, record in enumerate(records) if watch.see(record))
    assert 10 <= at < 40


def test_a_warning_says_what_was_seen_why_and_what_to_try() -> None:
    """With numbers: constant chosen rewards of -.5 at beta .1 are 5 nats below the reference."""
    watch = Watch(TrainConfig("dpo"), LOSSES["dpo"], num_rows=10_000)
    for step in range(1, 6):
        (*_, last) = [watch.see({"step": step, "epoch": 0.1, "loss": 0.7, "rewards/chosen": -0.5})]
    (finding,) = last
    assert finding.step == 5
    assert "5.0 nats less likely" in finding.saw
    assert "dpop" in finding.try_
    assert str(finding).startswith("chosen_falling, step 5: chosen completions are 5.0 nats")
    assert finding.as_dict().keys() == {"name", "level", "step", "saw", "why", "try"}


def test_it_is_said_once_of_each_kind() -> None:
    """However long it lasts."""
    records = history(0, falling)
    watch = Watch(TrainConfig("dpo"), LOSSES["dpo"], num_rows=10_000)
    assert sum(len(watch.see(record)) for record in records) == 1


def test_four_records_tell_nothing() -> None:
    """However far off they are: a window has at least five."""
    record = {"step": 1.0, "epoch": 0.9, "loss": 0.7, "rewards/chosen": -50.0, "kl": 500.0}
    assert found([record] * 4) == []
    assert found([record] * 5) == ["chosen_falling", "kl_high"]


def test_noise_widens_what_is_taken_for_chance() -> None:
    """A mean of 2 nats below is nothing where records differ by 20 from one to the next."""
    rewards = [1.8, -2.2] * 5
    records = [
        {"step": float(at), "epoch": 0.1, "loss": 0.7, "rewards/chosen": reward}
        for at, reward in enumerate(rewards)
    ]
    assert found(records) == []


@pytest.mark.parametrize(
    ("num_rows", "levels"), [(999, ["warning"]), (1000, ["note"]), (4999, ["note"]), (5000, [])]
)
def test_few_pairs_are_said_before_training(num_rows: int, levels: list[str]) -> None:
    """Below 1,000 loudly, below 5,000 in a note."""
    watch = Watch(TrainConfig("dpo"), LOSSES["dpo"], num_rows)
    assert [finding.level for finding in watch.begin()] == levels
    assert watch.begin() == []


def test_demonstrations_are_not_pairs() -> None:
    """A few hundred of them teach a model a lot."""
    assert Watch(TrainConfig("sft"), LOSSES["sft"], num_rows=300).begin() == []


def test_without_a_reference_the_fall_is_from_the_first_record() -> None:
    """There is nothing else to compare with: from -10 to -20 is a fall of 10 nats."""
    records = [
        {"step": float(at), "epoch": 0.1, "loss": 0.5, "logps/chosen": -10.0 if at < 3 else -20.0}
        for at in range(30)
    ]
    assert found(records, loss="bradley_terry") == ["chosen_falling"]


def test_what_is_not_a_number_is_not_seen() -> None:
    """A record with an infinite log-prob counts in nothing."""
    records = [
        {"step": float(at), "epoch": 0.1, "loss": 0.5, "rewards/chosen": float("-inf")}
        for at in range(30)
    ]
    assert found(records) == []


def test_a_resumed_run_does_not_say_it_again() -> None:
    """What the records of before the interruption raised is known, and stays in the findings."""
    records = history(0, falling)
    watch = Watch(TrainConfig("dpo"), LOSSES["dpo"], num_rows=10_000)
    watch.catch_up(records[:40])
    assert [finding.name for finding in watch.findings] == ["chosen_falling"]
    assert [each for record in records[40:] for each in watch.see(record)] == []


def test_training_tells_what_was_found(
    model: Path, pairs: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Ten pairs at beta 1, learnt by heart: in the metrics, and each once in the log."""
    settings = {"learning_rate": 5e-3, "batch_size": 5, "max_length": 64, "logging_steps": 1}
    config = TrainConfig("dpo", beta=1.0, epochs=12, **settings)
    write_reference(model, pairs, tmp_path / "reference.parquet", config)
    found = train(model, pairs, tmp_path / "out", config, tmp_path / "reference.parquet")
    names = [warning["name"] for warning in found["warnings"]]
    assert names[:2] == ["few_rows", "unusual_beta"]
    assert "memorised" in names
    told = [record.getMessage() for record in caplog.records if "memorised" in record.getMessage()]
    assert len(told) == 1
