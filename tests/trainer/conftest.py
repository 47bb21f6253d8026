"""A tiny tokenizer and tiny models, made on the spot."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

# On models this small a second thread only waits for the first.
torch.set_num_threads(1)

SPECIALS = ["<|pad|>", "<|bos|>", "<|end|>", "<|user|>", "<|assistant|>"]
TEMPLATE = (
    "<|bos|>{% for message in messages %}<|{{ message.role }}|>{{ message.content }}<|end|>\n"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
WORDS = ["one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
MESSAGES = pa.list_(pa.struct({"role": pa.string(), "content": pa.string()}))


def user(content: str) -> list[dict[str, str]]:
    """Make a prompt of one turn."""
    return [{"role": "user", "content": content}]


def assistant(content: str) -> list[dict[str, str]]:
    """Make a completion of one turn."""
    return [{"role": "assistant", "content": content}]


@pytest.fixture(scope="session")
def tokenizer() -> PreTrainedTokenizerFast:
    """A byte-level tokenizer without merges, which writes a BOS of its own unless told not to."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocab = {token: id_ for id_, token in enumerate([*SPECIALS, *alphabet])}
    backend = Tokenizer(models.BPE(vocab=vocab, merges=[]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    bos = [("<|bos|>", vocab["<|bos|>"])]
    backend.post_processor = processors.TemplateProcessing(single="<|bos|> $A", special_tokens=bos)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<|pad|>",
        bos_token="<|bos|>",
        eos_token="<|end|>",
        additional_special_tokens=["<|user|>", "<|assistant|>"],
        chat_template=TEMPLATE,
    )


@pytest.fixture(scope="session")
def make_model(
    tokenizer: PreTrainedTokenizerFast, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[int], Path]:
    """Save a Llama of random weights, drawn from a seed, with the tokenizer."""

    def make(seed: int) -> Path:
        folder = tmp_path_factory.mktemp("model")
        torch.manual_seed(seed)
        config = LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=2,
            max_position_embeddings=256,
            initializer_range=0.2,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
        LlamaForCausalLM(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return folder

    return make


@pytest.fixture(scope="session")
def model(make_model: Callable[[int], Path]) -> Path:
    """The starting model."""
    return make_model(0)


@pytest.fixture
def write_split(tmp_path: Path) -> Callable[..., Path]:
    """Write rows as the training split of a data folder, and return the folder."""

    def write(rows: list[dict[str, Any]], columns: list[str], name: str = "data") -> Path:
        types = {column: pa.bool_() if column == "label" else MESSAGES for column in columns}
        folder = tmp_path / name
        folder.mkdir(exist_ok=True)
        table = pa.Table.from_pylist(rows, schema=pa.schema(types))
        pq.write_table(table, folder / "train.parquet")
        return folder

    return write


@pytest.fixture
def pairs(write_split: Callable[..., Path]) -> Path:
    """A data folder of ten pairs, of which every chosen one says yes and is the longer."""
    rows = [
        {
            "prompt": user(f"say {word}"),
            "chosen": assistant(f"yes, {word}"),
            "rejected": assistant(f"no {word}"),
        }
        for word in WORDS
    ]
    return write_split(rows, ["prompt", "chosen", "rejected"], "pairs")


@pytest.fixture
def labels(write_split: Callable[..., Path]) -> Path:
    """A data folder of ten labelled completions, the desirable ones saying yes."""
    rows = [
        {
            "prompt": user(f"say {word}"),
            "completion": assistant(f"{'yes' if at % 2 else 'no'} {word}"),
            "label": bool(at % 2),
        }
        for at, word in enumerate(WORDS)
    ]
    return write_split(rows, ["prompt", "completion", "label"], "labels")


@pytest.fixture
def demonstrations(write_split: Callable[..., Path]) -> Path:
    """A data folder of ten demonstrations."""
    rows = [{"prompt": user(f"say {word}"), "completion": assistant(word)} for word in WORDS]
    return write_split(rows, ["prompt", "completion"], "demonstrations")
