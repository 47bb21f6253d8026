"""The log-probs of many token sequences under one model, computed in batches that waste little."""

import hashlib
from collections.abc import Iterator, Mapping
from typing import TypeAlias

from transformers import PreTrainedModel

from rather.trainer.compute.computation import Choice
from rather.trainer.compute.logps import TokenLogps, completion_logps, inference, to_device
from rather.trainer.config import TrainConfig
from rather.trainer.data.encoding import Tokens
from rather.trainer.data.layouts import Group, cut, lay_out, pack

# Enough to keep a device busy, and few enough for its activations to fit beside a large model.
TOKENS_AT_ONCE = 2**13
Sequences: TypeAlias = Mapping[str, tuple[Tokens, Tokens]]


def sequence_key(prompt: Tokens, completion: Tokens) -> str:
    """Hash the token ids of a prompt and a completion: hex sha256, the boundary included."""
    boundary = len(prompt).to_bytes(8, "little")
    return hashlib.sha256(boundary + prompt.tobytes() + completion.tobytes()).hexdigest()


def token_logps(
    model: PreTrainedModel, sequences: Sequences, pad_id: int, config: TrainConfig, choice: Choice
) -> Iterator[tuple[list[str], TokenLogps]]:
    """Compute the log-probs of sequences by key, batch by batch."""
    if choice.layout == "padded":
        parts = _padded_parts(sequences, config.batch_size)
    else:
        parts = _packed_parts(sequences, choice.layout == "shared")
    for keys, groups in parts:
        batch = lay_out(groups, pad_id, "padded") if choice.layout == "padded" else pack(groups)
        with inference(model, config.precision):
            logps = completion_logps(model, to_device(batch, model))
        yield keys, logps


def _padded_parts(sequences: Sequences, batch_size: int) -> Iterator[tuple[list[str], list[Group]]]:
    """Cut sequences into batches of like length."""
    by_length = sorted(sequences, key=lambda key: (sum(map(len, sequences[key])), key))
    for keys in cut(by_length, batch_size):
        yield (
            keys,
            [(prompt, (completion,)) for prompt, completion in (sequences[key] for key in keys)],
        )


def _packed_parts(sequences: Sequences, shared: bool) -> Iterator[tuple[list[str], list[Group]]]:
    """Fill batches with groups, up to as many tokens as are computed at once."""
    keys: list[str] = []
    groups: list[Group] = []
    tokens = 0
    for of_group, group in _groups(sequences, shared):
        length = len(group[0]) + sum(map(len, group[1]))
        if groups and tokens + length > TOKENS_AT_ONCE:
            yield keys, groups
            keys, groups, tokens = [], [], 0
        keys, groups, tokens = keys + of_group, [*groups, group], tokens + length
    if groups:
        yield keys, groups


def _groups(sequences: Sequences, shared: bool) -> Iterator[tuple[list[str], Group]]:
    """Gather completions after their common prompt, as many as fit into a batch."""
    by_prompt: dict[bytes, list[str]] = {}
    for key, (prompt, _) in sequences.items():
        by_prompt.setdefault(prompt.tobytes() if shared else key.encode(), []).append(key)
    for keys in by_prompt.values():
        prompt = sequences[keys[0]][0]
        longest = max(len(sequences[key][1]) for key in keys)
        for part in cut(keys, max(1, TOKENS_AT_ONCE // longest)):
            yield part, (prompt, [sequences[key][1] for key in part])
