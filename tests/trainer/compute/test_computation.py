"""The choice of a layout: the fastest that is exact, and a word on why where it is another."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedModel,
)

from rather.trainer.compute.computation import choose
from rather.trainer.config import TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.model.load_model import load_scorer
from rather.trainer.reference.reference import write_reference
from rather.trainer.train import train
from tests.trainer.architectures import ARCHITECTURES, WORDS, build


def settings(computation: str = "auto", max_length: int = 64) -> TrainConfig:
    """Ask for a computation."""
    return TrainConfig("dpo", computation=computation, max_length=max_length)  # type: ignore[arg-type]


def recurrent() -> PreTrainedModel:
    """A model whose state runs on from one sequence into the next."""
    torch.manual_seed(0)
    return MambaForCausalLM(
        MambaConfig(vocab_size=WORDS, hidden_size=16, state_size=4, num_hidden_layers=2)
    )


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_exact_architectures_share_prompts(name: str) -> None:
    """Where the trial agrees with the padded log-probs there is nothing to explain."""
    choice = choose(build(name), settings())
    assert (choice.layout, choice.reason) == ("shared", "")


def test_packing_may_be_asked_for() -> None:
    """Each completion with its own prompt, without padding."""
    assert choose(build("llama"), settings("packed")).layout == "packed"


def test_padding_may_be_asked_for() -> None:
    """The reference mode needs no trial."""
    assert choose(build("llama"), settings("padded")).layout == "padded"


def test_a_recurrent_model_falls_back_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    """One sequence's state would reach the next."""
    with caplog.at_level(logging.WARNING):
        choice = choose(recurrent(), settings())
    assert choice.layout == "padded"
    assert choice.reason
    assert choice.reason in caplog.text


def test_learnt_positions_are_given_as_positions() -> None:
    """GPT-2 adds an embedding of each position, which restarts with the sequences."""
    torch.manual_seed(0)
    sizes: dict[str, Any] = {"n_embd": 16, "n_layer": 2, "n_head": 2, "initializer_range": 0.2}
    assert choose(GPT2LMHeadModel(GPT2Config(vocab_size=WORDS, **sizes)), settings()).reason == ""


def test_positions_that_are_counted_by_the_model_fall_back() -> None:
    """Bloom's bias towards near tokens counts them from the row's start."""
    torch.manual_seed(0)
    model = BloomForCausalLM(BloomConfig(vocab_size=WORDS, hidden_size=16, n_layer=2, n_head=2))
    assert choose(model, settings()).layout == "padded"


def test_asking_for_an_inexact_layout_is_an_error() -> None:
    """Log-probs are never changed silently."""
    with pytest.raises(TrainerError, match="set computation to auto or padded"):
        choose(recurrent(), settings("shared"))


def test_a_window_that_layers_do_not_tell_of_falls_back() -> None:
    """A bound on attention that only a mask would carry is overlooked by the trial, so is read."""
    model = build("llama")
    model.config.attention_chunk_size = 32
    choice = choose(model, settings(max_length=64))
    assert choice.reason == "its attention_chunk_size of 32 is shorter than max_length, 64"
    assert choose(model, settings(max_length=32)).layout == "shared"


def test_a_layer_that_mixes_tokens_is_found_out() -> None:
    """No list of architectures knows of it: the trial does."""
    model = build("llama")
    layer = model.get_submodule("model.layers.0.mlp")

    class Mixing(nn.Module):
        def forward(self, states: torch.Tensor) -> torch.Tensor:
            return layer(states) + states.cumsum(1)

    model.get_submodule("model.layers.0").mlp = Mixing()
    choice = choose(model, settings())
    assert choice.layout == "padded"
    assert "log-probs change" in choice.reason


def test_a_reward_model_scores_padded_sequences(model: Path) -> None:
    """It looks for the end of each sequence by itself."""
    choice = choose(load_scorer(model, 0, new_head=True), settings(), scored=True)
    assert choice.layout == "padded"


def test_the_trial_leaves_the_model_as_it_was() -> None:
    """Attention and training mode are those it came with."""
    model = build("llama")
    model.train()
    before = model.config._attn_implementation
    choose(model, settings())
    assert model.training
    assert model.config._attn_implementation == before


@pytest.mark.parametrize("loss", ["dpo", "ld_dpo", "kto", "sft"])
def test_every_computation_trains_the_same(
    loss: str, model: Path, pairs: Path, labels: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """The loss and the size of the gradient at every step, and what is told of the computation."""
    data = {"kto": labels, "sft": demonstrations}.get(loss, pairs)
    histories = {}
    for computation in ("padded", "packed", "shared"):
        config = TrainConfig(
            loss,
            learning_rate=1e-3,
            batch_size=4,
            max_length=64,
            logging_steps=1,
            computation=computation,  # type: ignore[arg-type]
        )
        cache = tmp_path / f"{computation}.parquet"
        write_reference(model, data, cache, config)
        reference = None if loss == "sft" else cache
        told = train(model, data, tmp_path / computation, config, reference)
        assert told["computation"] == computation
        histories[computation] = [(step["loss"], step["grad_norm"]) for step in told["history"]]
    right = torch.tensor(histories.pop("padded"))
    for history in histories.values():
        assert torch.allclose(torch.tensor(history), right, rtol=1e-3, atol=0)
