"""Attention over a packed batch: each completion sees its prompt and itself, and nothing else.

Registered with transformers, whose models hand the packed batch's `blocks` through to it unread.
No mask of the whole row is ever made: every completion is attended with its own prompt, so the
arithmetic is that of the sequences alone, less the prompt's repetition.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention.flex_attention import BlockMask, create_block_mask, flex_attention
from torch.nn.functional import scaled_dot_product_attention
from transformers import AttentionInterface, PreTrainedModel
from transformers.integrations.sdpa_attention import repeat_kv

from rather.trainer.compute.head import widen

NAME = "packed_spans"


class Blocks:
    """Where the groups of a packed batch lie: per group a prompt's length and its completions'.

    windows: collects the sliding windows that layers ask for, in tokens.
    """

    def __init__(self, spans: Tensor, windows: set[int] | None = None) -> None:
        groups: dict[int, list[tuple[int, int, int]]] = {}
        for start, prompt, at, length in sorted(spans.tolist(), key=lambda span: span[2]):
            groups.setdefault(start, []).append((prompt, at, length))
        self.groups = [
            (group[0][0], tuple(length for _, _, length in group)) for group in groups.values()
        ]
        self.windows = set() if windows is None else windows
        self._masks: dict[tuple[int, int, int | None], Tensor] = {}
        self._flex: dict[int | None, BlockMask] = {}

    @property
    def pieces(self) -> list[int]:
        """The lengths of prompts and completions, in the order they stand in the row."""
        return [length for prompt, completions in self.groups for length in (prompt, *completions)]

    def mask(self, num_queries: int, num_keys: int, window: int | None, like: Tensor) -> Tensor:
        """Return the mask of queries that are the last of their keys: (queries, keys) bool."""
        key = (num_queries, num_keys, window)
        if key not in self._masks:
            queries = torch.arange(num_keys - num_queries, num_keys, device=like.device)[:, None]
            keys = torch.arange(num_keys, device=like.device)
            seen = keys <= queries
            self._masks[key] = seen if window is None else seen & (keys > queries - window)
        return self._masks[key]

    def flex_mask(self, window: int | None, like: Tensor) -> BlockMask:
        """Return the whole row's mask as FlexAttention's blocks."""
        if window not in self._flex:
            group, piece, position = self._coordinates(like.device)

            def sees(_batch: Tensor, _head: Tensor, query: Tensor, key: Tensor) -> Tensor:
                own = (piece[key] == piece[query]) | (piece[key] == 0)
                seen = (group[query] == group[key]) & own & (position[key] <= position[query])
                near = position[key] > position[query] - window if window else seen
                return seen & near

            length = len(position)
            self._flex[window] = create_block_mask(
                sees, None, None, length, length, device=str(like.device)
            )
        return self._flex[window]

    def _coordinates(self, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
        """Return each token's group, its piece within (0 the prompt) and its position."""
        group: list[int] = []
        piece: list[int] = []
        position: list[int] = []
        for at, (prompt, completions) in enumerate(self.groups):
            for part, length in enumerate((prompt, *completions)):
                group += [at] * length
                piece += [part] * length
                start = prompt if part else 0
                position += range(start, start + length)
        found = torch.tensor([group, piece, position], device=device)
        return found[0], found[1], found[2]


def packed_attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    blocks: Blocks,
    scaling: float | None = None,
    dropout: float = 0.0,
    sliding_window: int | None = None,
    softcap: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attend in a packed row: query (1, heads, T, d), key and value perhaps of fewer heads.

    Returns (1, T, heads, d). softcap: Gemma 2's bound on attention's logits. Its signature is
    transformers' own for attention functions.
    """
    if sliding_window is not None:
        blocks.windows.add(sliding_window)
    if query.is_cuda and not dropout:
        return _flex(query, key, value, blocks, scaling, sliding_window, softcap), None
    repeats = query.shape[1] // key.shape[1]
    key, value = repeat_kv(key, repeats), repeat_kv(value, repeats)
    pieces = [
        _attend(q, k, v, blocks, scaling, dropout, sliding_window, softcap).transpose(1, 2)
        for q, k, v in _runs(query, key, value, blocks)
    ]
    return torch.cat(pieces, dim=1), None


def _runs(
    query: Tensor, key: Tensor, value: Tensor, blocks: Blocks
) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """Visit runs of queries with their keys and values: a prompt goes with its first completion.

    Splitting all at once keeps the backward pass to one concatenation.
    """
    queries, keys, values = (
        iter(torch.split(states, blocks.pieces, dim=2)) for states in (query, key, value)
    )
    for _, completions in blocks.groups:
        prompt_q, prompt_k, prompt_v = next(queries), next(keys), next(values)
        for at, _ in enumerate(completions):
            q, k, v = next(queries), next(keys), next(values)
            k, v = torch.cat((prompt_k, k), dim=2), torch.cat((prompt_v, v), dim=2)
            yield (q if at else torch.cat((prompt_q, q), dim=2)), k, v


def _attend(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    blocks: Blocks,
    scaling: float | None,
    dropout: float,
    window: int | None,
    softcap: float | None,
) -> Tensor:
    num_queries, num_keys = query.shape[2], key.shape[2]
    window = window if window is not None and window < num_keys else None
    if softcap is not None:
        mask = blocks.mask(num_queries, num_keys, window, query)
        scale = query.shape[-1] ** -0.5 if scaling is None else scaling
        scores = softcap * torch.tanh(query @ key.transpose(2, 3) * (scale / softcap))
        shares = widen(scores).masked_fill(~mask, -torch.inf).softmax(-1).to(query.dtype)
        return nn.functional.dropout(shares, dropout) @ value
    causal = num_queries == num_keys and window is None
    seen = None if causal else blocks.mask(num_queries, num_keys, window, query)
    return scaled_dot_product_attention(
        query, key, value, seen, dropout, is_causal=causal, scale=scaling
    )


def _flex(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    blocks: Blocks,
    scaling: float | None,
    window: int | None,
    softcap: float | None,
) -> Tensor:
    def cap(score: Tensor, *_: Tensor) -> Tensor:
        return score if softcap is None else softcap * torch.tanh(score / softcap)

    found: Tensor = _compiled_flex_attention()(
        query,
        key,
        value,
        score_mod=None if softcap is None else cap,
        block_mask=blocks.flex_mask(window, query),
        scale=scaling,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return found.transpose(1, 2).contiguous()


@cache
def _compiled_flex_attention() -> Any:
    return torch.compile(flex_attention, dynamic=True)


@contextmanager
def attending_packed(model: PreTrainedModel) -> Iterator[None]:
    """Replace a model's attention by one for packed batches, inside a context.

    What computes activations again in the backward pass must find it so still: it then stays.
    """
    former = model.config._attn_implementation
    if former != NAME:
        model.set_attn_implementation(NAME)
    try:
        yield
    finally:
        if not (model.is_gradient_checkpointing and torch.is_grad_enabled()):
            model.set_attn_implementation(_own(model) if former == NAME else former)


def attend_as_itself(model: PreTrainedModel) -> None:
    """Set a model's attention to one of transformers' own that computes what the model means.

    Only the eager one bounds attention's logits where a model asks for it (Gemma 2).
    """
    if model.config._attn_implementation in (NAME, "sdpa"):
        model.set_attn_implementation(_own(model))


def _own(model: PreTrainedModel) -> str:
    softcap = getattr(model.config.get_text_config(), "attn_logit_softcapping", None)
    return "sdpa" if model._supports_sdpa and softcap is None else "eager"


AttentionInterface.register(NAME, packed_attention)
