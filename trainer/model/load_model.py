"""Loads models from folders, fingerprints their weights, and publishes new ones whole."""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    AutoModelForSequenceClassification,
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
)

from rather.trainer.errors import TrainerError


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """Load a model folder's tokenizer, with a pad token that no sequence ends in.

    A sequence classifier finds a sequence's last token by looking for padding, so EOS cannot pad:
    another special token stands in for it. Raises TrainerError where there is none.
    """
    weight_files(folder)
    tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
        folder, local_files_only=True, trust_remote_code=False
    )
    if tokenizer.pad_token_id is None or tokenizer.pad_token_id == tokenizer.eos_token_id:
        others = [t for t in tokenizer.all_special_tokens if t != tokenizer.eos_token]
        if not others:
            raise TrainerError(
                f"{folder}: expected a pad token other than eos, found none; "
                "add a pad token to its tokenizer"
            )
        tokenizer.pad_token = others[0]
    return tokenizer


def load_policy(folder: Path) -> PreTrainedModel:
    """Load a causal language model with fp32 weights."""
    weight_files(folder)
    model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
        folder,
        dtype=torch.float32,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
    )
    return model


def load_scorer(folder: Path, pad_id: int, new_head: bool) -> PreTrainedModel:
    """Load a one-label sequence classifier with fp32 weights.

    new_head: where the folder holds no head, draw one at random; raises TrainerError otherwise.
    """
    weight_files(folder)
    model, info = AutoModelForSequenceClassification.from_pretrained(
        folder,
        num_labels=1,
        pad_token_id=pad_id,
        dtype=torch.float32,
        local_files_only=True,
        trust_remote_code=False,
        use_safetensors=True,
        output_loading_info=True,
    )
    missing = ", ".join(sorted(info["missing_keys"]))
    if missing and not new_head:
        raise TrainerError(
            f"{folder}: expected a reward model, found no {missing} "
            "among its weights; train it with bradley_terry, or give another model"
        )
    scorer: PreTrainedModel = model
    return scorer


def head(model: PreTrainedModel) -> nn.Module | None:
    """Return the layer that maps hidden states to logits, None without one."""
    found: nn.Module | None = model.get_output_embeddings()  # type: ignore[no-untyped-call]
    return found


def to_accelerator(model: PreTrainedModel) -> PreTrainedModel:
    """Move a model to the accelerator where there is one, and set it to infer."""
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    model.to(accelerator or torch.device("cpu"))  # type: ignore[arg-type]
    model.train(False)
    return model


def weight_files(folder: Path) -> list[Path]:
    """List a model folder's safetensors files by name; raises TrainerError where there are none."""
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise TrainerError(
            f"{folder}: expected a model folder with safetensors weights, found none; "
            "run the stage that writes the model, or convert its weights to safetensors"
        )
    return files


def fingerprint(folder: Path) -> str:
    """Hash a model's weights: the hex sha256 of its safetensors files, names and bytes."""
    digest = hashlib.sha256()
    for path in weight_files(folder):
        with path.open("rb") as file:
            weights = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{path.name} {weights}\n".encode())
    return digest.hexdigest()


def publish(out: Path, write: Callable[[Path], object]) -> None:
    """Write a folder beside its destination, then put it there, replacing what was.

    A crash at any moment leaves the destination whole, old or new, or absent; never in part.
    Raises TrainerError where the disk does not take it.
    """
    partial = out.with_name(f".{out.name}.partial")
    former = out.with_name(f".{out.name}.former")
    for leftover in (partial, former):
        shutil.rmtree(leftover, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        write(partial)
    except BaseException as error:
        shutil.rmtree(partial, ignore_errors=True)
        # safetensors tells of a full disk by an error of its own, which it does not export.
        if isinstance(error, OSError) or "safetensors" in type(error).__module__:
            raise TrainerError(
                f"{out}: expected to write a model, found: {error}; make room on the disk and run "
                "again"
            ) from error
        raise
    if out.exists():
        out.replace(former)
    partial.replace(out)
    shutil.rmtree(former, ignore_errors=True)
