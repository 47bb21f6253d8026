"""LoRA: what it trains, what it is compared with, and how it is published."""

import math
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from peft import PeftModel
from safetensors.torch import load_file

from rather.trainer.config import Lora, TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.model.load_model import load_policy
from rather.trainer.reference.reference import write_reference
from rather.trainer.reference.rewards import score
from rather.trainer.train import train

LORA = Lora(r=4, alpha=8)
DPO = TrainConfig("dpo", epochs=4, learning_rate=2e-2, batch_size=5, max_length=64, lora=LORA)
IDS = torch.tensor([[1, 3, 90, 91, 4]])


def with_lora(config: TrainConfig, **changes: object) -> TrainConfig:
    """Change settings of the adapter."""
    lora = Lora(**{**vars(LORA), **changes})  # type: ignore[arg-type]
    return TrainConfig(**{**vars(config), "lora": lora})


def test_the_reference_is_the_starting_model(model: Path, pairs: Path, tmp_path: Path) -> None:
    """A new adapter changes nothing: the first loss is ln 2; later the pairs are told apart."""
    write_reference(model, pairs, tmp_path / "reference.parquet", DPO)
    metrics = train(model, pairs, tmp_path / "out", DPO, tmp_path / "reference.parquet")
    assert math.isclose(metrics["loss_step0"], math.log(2), abs_tol=1e-4)
    assert metrics["rewards/margins"] > 0.1


def test_an_adapter_is_merged_into_a_whole_model(model: Path, pairs: Path, tmp_path: Path) -> None:
    """What is published has the starting model's weights by name; embedding and head are as was."""
    config = TrainConfig(**{**vars(DPO), "reference": "online"})
    train(model, pairs, tmp_path / "out", config)
    before, after = (load_file(at / "model.safetensors") for at in (model, tmp_path / "out"))
    assert before.keys() == after.keys()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {name for name in before if "proj" in name}


def test_an_adapter_alone_gives_the_merged_models_logits(
    model: Path, pairs: Path, tmp_path: Path
) -> None:
    """Published as an adapter, and put on the starting model, it is the same policy."""
    for name, merge in (("merged", True), ("adapter", False)):
        config = TrainConfig(**{**vars(with_lora(DPO, merge=merge)), "reference": "online"})
        train(model, pairs, tmp_path / name, config)
    adapted = PeftModel.from_pretrained(load_policy(model), str(tmp_path / "adapter"))
    with torch.no_grad():
        alone = adapted(input_ids=IDS).logits
        merged = load_policy(tmp_path / "merged")(input_ids=IDS).logits
    assert torch.allclose(alone, merged, atol=1e-4)


def test_a_cached_and_an_online_reference_agree(model: Path, pairs: Path, tmp_path: Path) -> None:
    """With the adapter off, the model gives the log-probs that the cache holds."""
    write_reference(model, pairs, tmp_path / "reference.parquet", DPO)
    cached = train(model, pairs, tmp_path / "cached", DPO, tmp_path / "reference.parquet")
    online = TrainConfig(**{**vars(DPO), "reference": "online"})
    metrics = train(model, pairs, tmp_path / "online", online)
    assert metrics["train_loss"] == pytest.approx(cached["train_loss"], abs=1e-4)


def test_a_reward_models_new_head_is_trained_too(model: Path, pairs: Path, tmp_path: Path) -> None:
    """The head is trained whole and published with the rest; what is published scores."""
    config = TrainConfig(
        "bradley_terry", epochs=8, learning_rate=1e-2, batch_size=5, max_length=64, lora=LORA
    )
    metrics = train(model, pairs, tmp_path / "out", config)
    assert metrics["rewards/accuracies"] > 0.9
    prompt = [{"role": "user", "content": "say one"}]
    conversations = [(prompt, [{"role": "assistant", "content": text}]) for text in ("yes, one",)]
    assert score(tmp_path / "out", conversations, max_length=64, batch_size=1)[0] is not None


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ("lm_head", "the head among them"),
        ("embed_tokens", "the embedding among them"),
        ("no_such_layer", "no_such_layer"),
    ],
)
def test_a_layer_without_an_adapter_is_refused(
    target: str, told: str, model: Path, pairs: Path, tmp_path: Path
) -> None:
    """Nothing that is asked for is silently left out."""
    settings = vars(with_lora(DPO, target_modules=(target,)))
    config = TrainConfig(**{**settings, "reference": "online"})
    with pytest.raises(TrainerError, match=rf"lora\.target_modules: expected.*{told}"):
        train(model, pairs, tmp_path / "out", config)


def test_activations_computed_again_change_nothing(
    make_model: Callable[[int], Path], pairs: Path, tmp_path: Path
) -> None:
    """Gradient checkpointing gives the same losses, with an adapter as without."""
    for lora in (None, LORA):
        losses = []
        for again in (False, True):
            config = TrainConfig(
                "dpo",
                learning_rate=1e-3,
                batch_size=5,
                max_length=64,
                lora=lora,
                reference="online",
                gradient_checkpointing=again,
            )
            losses.append(train(make_model(0), pairs, tmp_path / "out", config)["train_loss"])
        assert losses[0] == pytest.approx(losses[1], abs=1e-6)
