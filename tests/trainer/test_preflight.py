"""What is found out before the first step."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from rather.trainer.compute.objective import objective
from rather.trainer.config import TrainConfig
from rather.trainer.data.dataset import TokenLedger
from rather.trainer.errors import TrainerError
from rather.trainer.preflight import check_ledger, check_reporters, check_step0
from rather.trainer.train import train

LEDGER = TokenLedger(rows_in=10, kept=8, dropped={"prompt_too_long": 2}, truncated=3)


@pytest.mark.parametrize(
    ("limits", "told"),
    [
        ({"max_dropped": 0.1}, r"max_dropped: expected at most 10\.0%.*found 20\.0%.*prompt_too"),
        ({"max_truncated": 0.2}, r"max_truncated: expected at most 20\.0%.*found 30\.0%.*eos_lost"),
    ],
)
def test_too_many_rows_lost_stop_the_training(limits: dict[str, float], told: str) -> None:
    """Two of ten dropped and three cut: above a limit the whole ledger is in the message."""
    check_ledger(LEDGER, TrainConfig("sft", max_dropped=0.2, max_truncated=0.3))
    with pytest.raises(TrainerError, match=told):
        check_ledger(LEDGER, TrainConfig("sft", **limits))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("reporter", "log", "told"),
    [
        ("wandb", True, "expected some of tensorboard, dvclive, found wandb"),
        ("tensorboard", True, "expected the package tensorboard to be installed"),
    ],
)
def test_a_logger_that_cannot_be_used_is_refused(reporter: str, log: bool, told: str) -> None:
    """One that is unknown, or whose package is missing."""
    with pytest.raises(TrainerError, match=f"report_to: {told}"):
        check_reporters(TrainConfig("sft", report_to=(reporter,)), Path("log") if log else None)


@pytest.mark.parametrize("extra", [0, 3])
def test_a_tokenizer_of_another_model_is_refused(
    extra: int,
    model: Path,
    tokenizer: PreTrainedTokenizerFast,
    demonstrations: Path,
    tmp_path: Path,
) -> None:
    """An embedding smaller than the vocabulary, even where no row goes beyond it."""
    small = tmp_path / "small"
    shutil.copytree(model, small)
    policy = LlamaForCausalLM.from_pretrained(model)
    policy.resize_token_embeddings(len(tokenizer) - 3 + extra)
    policy.save_pretrained(small)
    if extra:
        train(small, demonstrations, tmp_path / "out", TrainConfig("sft"))
        return
    with pytest.raises(TrainerError, match=r"expected token ids below 258.*not this model's"):
        train(small, demonstrations, tmp_path / "out", TrainConfig("sft"))


def quantities(policy: float) -> dict[str, torch.Tensor]:
    """Make a pair whose policy differs by so much from a reference of -10 nats."""
    return {
        "policy_chosen": torch.tensor([policy]),
        "policy_rejected": torch.tensor([-10.0]),
        "reference_chosen": torch.tensor([-10.0]),
        "reference_rejected": torch.tensor([-10.0]),
        "chosen_lengths": torch.tensor([5]),
        "rejected_lengths": torch.tensor([5]),
        "mean_chosen_length": torch.tensor(5.0),
    }


def test_step_0_is_held_to_the_references_loss() -> None:
    """ipo at the reference is 1 / (4 beta^2) = 25; a hundredth of a nat away it is not."""
    config = TrainConfig("ipo", beta=0.1)
    found = check_step0(objective(config), quantities(-10.0), True, config)
    assert found["loss_step0"] == pytest.approx(25.0)
    with pytest.raises(TrainerError, match=r"step 0: expected the ipo.*25\.000000"):
        check_step0(objective(config), quantities(-10.01), True, config)


def test_a_margin_that_cancels_in_the_loss_is_found_too() -> None:
    """Both completions off alike: the dpo loss is ln 2 still, and the rewards are not 0."""
    config = TrainConfig("dpo", beta=0.1)
    shifted = quantities(-11.0) | {"policy_rejected": torch.tensor([-11.0])}
    with pytest.raises(TrainerError, match=r"rewards/chosen 0\.100000 away"):
        check_step0(objective(config), shifted, True, config)


def test_numbers_that_are_none_are_named() -> None:
    """NaN in the first batch is not mistaken for another reference."""
    config = TrainConfig("dpo")
    with pytest.raises(TrainerError, match="NaN or infinity in policy_chosen"):
        check_step0(objective(config), quantities(float("nan")), True, config)


def test_weights_that_are_no_numbers_stop_before_the_first_step(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """A model with a NaN in it is told of in a line, and nothing is published."""
    broken = tmp_path / "broken"
    shutil.copytree(model, broken)
    policy = LlamaForCausalLM.from_pretrained(model)
    with torch.no_grad():
        policy.model.norm.weight[0] = float("nan")
    policy.save_pretrained(broken)
    with pytest.raises(TrainerError, match=r"step 0: expected finite numbers.*in logps"):
        train(broken, demonstrations, tmp_path / "out", TrainConfig("sft"))
    assert not (tmp_path / "out").exists()


def test_an_empty_split_is_refused(
    model: Path, write_split: Callable[..., Path], tmp_path: Path
) -> None:
    """No row to train on is an error; the file and a remedy are named."""
    data = write_split([], ["prompt", "completion"])
    with pytest.raises(TrainerError, match=r"train\.parquet: expected demonstrations.*no rows"):
        train(model, data, tmp_path / "out", TrainConfig("sft"))


def read(path: Path) -> list[dict[str, Any]]:
    """Read JSON lines."""
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_the_history_is_written_as_it_grows(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """A line a record; the clock's findings stand in the file, and not in the history."""
    (demonstrations / "test.parquet").write_bytes((demonstrations / "train.parquet").read_bytes())
    config = TrainConfig("sft", epochs=3, batch_size=5, logging_steps=2, eval_steps=4)
    log = tmp_path / "logs" / "sft.jsonl"
    metrics = train(model, demonstrations, tmp_path / "out", config, log=log)
    records = read(log)
    assert [record["step"] for record in records] == [2, 4, 4, 6]
    assert "eval_loss" in records[2] and "loss" not in records[2]
    assert {"tokens_per_second", "mfu"} <= records[0].keys()
    assert "tokens_per_second" not in metrics["history"][0]
    assert [record["num_tokens"] for record in metrics["history"] if "loss" in record][-1] > 0
    assert metrics["mfu"] is None
    assert 0 <= metrics["padding_fraction"] < 1
