"""Lays token sequences out as tensors: padded one by one, or packed without padding.

A packed batch is one long row of tokens, in which groups of a prompt and its completions follow
one another; positions restart after the prompt for each completion, and attention is confined to
a completion and its prompt (`attention`). Two completions of a prompt may share it, since
neither sees the other.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias, TypeVar

import torch
from torch import Tensor

from rather.trainer.data.encoding import Tokens

T = TypeVar("T")
Batch: TypeAlias = dict[str, Tensor]
# A prompt and the completions that follow it.
Group: TypeAlias = tuple[Tokens, Sequence[Tokens]]
Layout: TypeAlias = Literal["shared", "packed", "padded"]
# What tensors of sequences are named by that stand apart, since they need no gradient.
APART = "apart/"


def cut(items: Sequence[T], size: int) -> list[list[T]]:
    """Cut a sequence into runs of a size, the last perhaps shorter."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def lay_out(groups: Sequence[Group], pad_id: int, layout: Layout) -> Batch:
    """Lay groups of equally many completions out: all first completions, then all second ones."""
    places = range(len(groups[0][1]))
    if layout == "shared":
        return pack_rows(groups)
    sequences = [(prompt, completions[at]) for at in places for prompt, completions in groups]
    if layout == "packed":
        return pack([(prompt, (completion,)) for prompt, completion in sequences])
    return pad(sequences, pad_id)


def pad(sequences: Sequence[tuple[Tokens, Tokens]], pad_id: int) -> Batch:
    """Pad S sequences of prompt and completion at their ends, with masks over what is real.

    input_ids, attention_mask and completion_mask are (S, T); lengths (S,) count the tokens of
    completions.
    """
    longest = max(len(prompt) + len(completion) for prompt, completion in sequences)
    ids, attended, scored = [], [], []
    for prompt, completion in sequences:
        length, padding = len(prompt) + len(completion), longest - len(prompt) - len(completion)
        ids.append([*prompt, *completion, *[pad_id] * padding])
        attended.append([1] * length + [0] * padding)
        scored.append([0] * len(prompt) + [1] * len(completion) + [0] * padding)
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(attended),
        "completion_mask": torch.tensor(scored, dtype=torch.bool),
        "lengths": torch.tensor([len(completion) for _, completion in sequences]),
    }


def pack(groups: Sequence[Group]) -> Batch:
    """Pack groups into one row of tokens; the S sequences stand in the order of their groups.

    input_ids and position_ids are (1, T); spans (S, 4) hold, for each sequence, where its prompt
    starts, the prompt's length, where its completion starts and the completion's length; lengths
    (S,) repeat the last.
    """
    ids: list[int] = []
    positions: list[int] = []
    spans: list[tuple[int, int, int, int]] = []
    for prompt, completions in groups:
        start = len(ids)
        ids += prompt
        positions += range(len(prompt))
        for completion in completions:
            spans.append((start, len(prompt), len(ids), len(completion)))
            ids += completion
            positions += range(len(prompt), len(prompt) + len(completion))
    return {
        "input_ids": torch.tensor([ids]),
        "position_ids": torch.tensor([positions]),
        "spans": torch.tensor(spans),
        "lengths": torch.tensor([span[3] for span in spans]),
    }


def pack_rows(groups: Sequence[Group]) -> Batch:
    """Pack groups of equally many completions: all first completions, then all second ones."""
    batch = pack(groups)
    order = torch.arange(len(batch["spans"])).view(len(groups), -1).T.flatten()
    return batch | {"spans": batch["spans"][order], "lengths": batch["lengths"][order]}


def num_tokens(batch: Batch) -> Tensor:
    """Count the tokens that a batch makes a model compute, padding excluded: ()."""
    count = torch.zeros((), dtype=torch.long)
    for part in ("", APART):
        attended = batch.get(f"{part}attention_mask")
        if attended is not None:
            count = count + attended.sum().to(count.device)
        elif f"{part}input_ids" in batch:
            count = count + batch[f"{part}input_ids"].numel()
    return count
