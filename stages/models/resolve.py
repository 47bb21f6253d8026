"""Resolve the model that everything starts from.   params -> data/models

The folder holds either a whole model (the demo's, or one with an adapter merged into it) or
`pointer.json`, which names weights that live elsewhere and pins them, by a hub commit or the hash
of a local folder's files, or an endpoint.
"""

import json
import re
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rather.schemas.base import UserError
from rather.stages.models.pointer import POINTER, Address, fingerprint, weights
from rather.stages.sources.demo import TASKS

if TYPE_CHECKING:
    from transformers import LlamaConfig, PreTrainedTokenizerFast

DEMO = "demo"
HUB_NAME = re.compile(r"[\w.-]+(/[\w.-]+)?")

PAD, END = "<|pad|>", "<|end|>"
ROLES = ["<|system|>", "<|user|>", "<|assistant|>"]
CHAT_TEMPLATE = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>' + message['content'] + '<|end|>' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
VOCABULARY = 384
POSITIONS = 16384
INITIAL_SD = 0.06  # the usual 0.02 is for wider models; here it costs epochs of learning


def resolve(name: str, revision: str | None, out: Path, seed: int) -> None:
    """Write the folder that `locate` understands, replacing what was there.

    name: `demo`, a local folder, or a hub name;  revision: a hub branch, tag or commit
    Raises UserError where the folder or hub name does not exist or the hub cannot be reached.
    """
    if name == DEMO:
        _clear(out)
        _build(out, seed)
        return
    if Path(name).resolve() == out.resolve():
        raise UserError(
            f"model: expected a folder other than {out}, which this stage replaces; "
            "move the model elsewhere and correct `model` in params.yaml"
        )
    pointer = _point_at_folder(Path(name)) if Path(name).exists() else _point_at_hub(name, revision)
    _write_pointer(pointer, out)


def point_at_endpoint(address: Address, out: Path) -> None:
    """Write the folder of a model that an endpoint serves; no request is sent yet."""
    _write_pointer({"endpoint": asdict(address)}, out)


def merge(model: Path, adapter: Path, out: Path) -> None:
    """Write a resolved model's weights with a LoRA adapter merged into them.

    Raises UserError where the folder holds no adapter, or one of another model.
    """
    from peft import PeftModel
    from transformers import AutoModelForCausalLM, AutoTokenizer

    if not (adapter / "adapter_config.json").is_file():
        raise UserError(
            f"{adapter}: expected a folder with adapter_config.json, found none; correct `adapter` "
            "under `models` in params.yaml"
        )
    base = weights(model)
    tokenizer = AutoTokenizer.from_pretrained(base, local_files_only=True)
    loaded = AutoModelForCausalLM.from_pretrained(base, dtype="auto", local_files_only=True)
    try:
        adapted = PeftModel.from_pretrained(loaded, str(adapter))
    except (RuntimeError, ValueError) as error:  # sizes or layers that the model does not have
        raise UserError(
            f"{adapter}: expected an adapter of {base}, found {str(error).splitlines()[0]}; "
            "correct `adapter` or `name` under `models` in params.yaml"
        ) from None
    _clear(out)
    adapted.merge_and_unload(safe_merge=True).save_pretrained(out)
    tokenizer.save_pretrained(out)


def _write_pointer(pointer: dict[str, Any], out: Path) -> None:
    """Replace a folder by one that holds a pointer alone."""
    _clear(out)
    (out / POINTER).write_text(json.dumps(pointer, indent=2) + "\n", encoding="utf-8")


def _clear(out: Path) -> None:
    """Replace a folder by an empty one."""
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir(parents=True)


def _point_at_folder(folder: Path) -> dict[str, str | None]:
    """Point at a local model; the fingerprint makes a change of its files visible to DVC."""
    return {"model": str(folder), "revision": None, "fingerprint": fingerprint(folder)}


def _point_at_hub(name: str, revision: str | None) -> dict[str, str | None]:
    """Point at a hub model, pinned to the commit that the revision means today."""
    if not HUB_NAME.fullmatch(name):
        raise UserError(
            f"model: expected `demo`, a model folder or a hub name, found {name!r}, "
            "and no such folder exists; correct `model` in params.yaml"
        )
    return {"model": name, "revision": _hub_commit(name, revision), "fingerprint": None}


def _hub_commit(name: str, revision: str | None) -> str:
    """Return the commit that a revision means on the hub."""
    from httpx import HTTPError
    from huggingface_hub import HfApi
    from huggingface_hub.errors import HFValidationError

    try:
        commit = HfApi().model_info(name, revision=revision).sha
    except (HTTPError, HFValidationError, OSError) as error:
        commit, found = None, " ".join(f"{type(error).__name__} {error}".split())
    else:
        found = "no commit"
    if commit is None:
        raise UserError(
            f"model: expected {name} at revision {revision or 'main'} on the hub, found {found}; "
            "correct `model` in params.yaml, or give the path of a local model folder"
        )
    return commit


def _build(out: Path, seed: int) -> None:
    """Save the demo's tokenizer and a randomly initialised Llama of about 0.65M parameters."""
    import torch
    from transformers import GenerationConfig, LlamaForCausalLM

    tokenizer = _demo_tokenizer()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlamaForCausalLM(_demo_config(tokenizer))  # type: ignore[no-untyped-call]
    model.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        eos_token_id=tokenizer.eos_token_id, pad_token_id=tokenizer.pad_token_id
    )
    model.save_pretrained(out)
    tokenizer.save_pretrained(out)


def _demo_config(tokenizer: "PreTrainedTokenizerFast") -> "LlamaConfig":
    """Return the config of the demo's Llama, with room for prompts far longer than its tasks'."""
    from transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=352,
        num_hidden_layers=3,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=POSITIONS,
        tie_word_embeddings=True,
        initializer_range=INITIAL_SD,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )


def _demo_tokenizer() -> "PreTrainedTokenizerFast":
    """Train a byte-level BPE tokenizer, lossless for any text, on the world's instructions.

    The words of a payload stay single letters, which a small model can work on.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY,
        special_tokens=[PAD, END, *ROLES],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator((f"{task.instruction}: " for task in TASKS.values()), trainer)
    return PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer,
        pad_token=PAD,
        eos_token=END,
        additional_special_tokens=ROLES,
        chat_template=CHAT_TEMPLATE,
        clean_up_tokenization_spaces=False,
        model_max_length=POSITIONS,
    )
