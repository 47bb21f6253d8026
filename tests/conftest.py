"""A tiny model, and vLLM running it: made once in a test session, for whoever asks."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

# Read when torch is loaded: threads that wait must not hold the cores of those that work.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

if TYPE_CHECKING:
    from rather.stages.models.engine import Engine
    from tests.servers import VllmServer

# Refuses what the word "refuse" is in, as templates of real models refuse some conversations.
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{% if 'refuse' in message.content %}{{ raise_exception('refused') }}{% endif %}"
    "<|{{ message.role }}|>{{ message.content }}<|end|>"
    "{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
POSITIONS = 256


def make_model(folder: Path, positions: int) -> Path:
    """Make a Llama of random weights, a byte-level tokenizer and a chat template."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    specials = ["<|pad|>", "<|end|>", "<|system|>", "<|user|>", "<|assistant|>"]
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: id_ for id_, token in enumerate([*specials, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<|pad|>",
        eos_token="<|end|>",
        additional_special_tokens=specials[2:],
        chat_template=CHAT_TEMPLATE,
    )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=positions,
        initializer_range=0.2,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny model of 256 positions."""
    return make_model(tmp_path_factory.mktemp("tiny_model"), POSITIONS)


@pytest.fixture(scope="session")
def vllm_engine(tiny_model: Path) -> "Iterator[Engine]":
    """The tiny model under vLLM; it takes half a minute to start."""
    from rather.stages.models.engine import Engine

    with Engine(tiny_model) as engine:
        yield engine


@pytest.fixture(scope="session")
def vllm_server(tmp_path_factory: pytest.TempPathFactory) -> "Iterator[VllmServer]":
    """A tiny model of 8,192 positions under `vllm serve`; a test calls start(), and may stop()."""
    from tests.servers import VllmServer

    folder = tmp_path_factory.mktemp("served")
    server = VllmServer(make_model(folder / "model", 8192), folder / "log")
    yield server
    server.stop()
