"""The language model's head, from hidden states to log-probs, without ever holding whole logits.

Logits of N tokens over V words are computed tile by tile. The first tiles' exponentials are kept
for the backward pass, up to a fixed number of them, and the others are computed again there, so
that memory beside the inputs and their gradients is bounded, whatever N times V.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, linear
from torch.utils.checkpoint import checkpoint

# What a model does to its logits after the head.
Adjust: TypeAlias = Callable[[Tensor], Tensor]
# Logits held at once: few enough to stay in a processor's cache, or many enough to fill a GPU.
TILE = {"cpu": 2**22, "cuda": 2**26}
TOKENS_AT_ONCE = {"cpu": 2**10, "cuda": 2**14}
# Exponentials kept, in fp32 512 MB of them on a CPU, enough for 4,000 tokens over 32,000 words: a
# quarter of the head's arithmetic is computing them again.
KEPT = {"cpu": 2**27, "cuda": 2**28}


def head_logps(head: nn.Module, hidden: Tensor, targets: Tensor, adjust: Adjust | None) -> Tensor:
    """Compute the log-prob of each target after its hidden state: (N, H), (N,) -> (N,) nats.

    The result is fp32 or wider. A plain linear head is fused with its softmax; any other, such as
    one under LoRA, or one whose logits the model adjusts, is run as it is, on few tokens at a time.
    """
    if adjust is None and type(head) is nn.Linear and head.bias is None:
        logps: Tensor = _FusedHead.apply(hidden, head.weight, targets)
        return logps
    return _chunked(head, hidden, targets, adjust)


def adjustment(config: Any) -> Adjust | None:
    """Return the change a model makes to its logits after the head, by its configuration.

    Gemma 2 bounds them by a softcap, Cohere multiplies them, Granite divides them.
    """
    softcap = getattr(config, "final_logit_softcapping", None)
    scale = getattr(config, "logit_scale", None)
    divisor = getattr(config, "logits_scaling", None)
    if softcap is not None:
        return lambda logits: softcap * torch.tanh(logits / softcap)
    if scale is not None:
        return lambda logits: logits * scale
    if divisor is not None:
        return lambda logits: logits / divisor
    return None


def _chunked(head: nn.Module, hidden: Tensor, targets: Tensor, adjust: Adjust | None) -> Tensor:
    words = getattr(head, "out_features", 2**15)
    size = max(1, 4 * TILE[_kind(hidden)] // words)

    def logps(hidden: Tensor, targets: Tensor) -> Tensor:
        logits = _forward_of(head)(hidden)
        logits = logits if adjust is None else adjust(logits)
        return -cross_entropy(widen(logits), targets, reduction="none")

    chunks = zip(torch.split(hidden, size), torch.split(targets, size), strict=True)
    return torch.cat([checkpoint(logps, *chunk, use_reentrant=False) for chunk in chunks])


def _forward_of(head: nn.Module) -> Callable[[Tensor], Tensor]:
    """Return a head's own forward method, even inside `replaced`."""
    forward: Callable[[Tensor], Tensor] = type(head).forward.__get__(head)
    return forward


class _FusedHead(torch.autograd.Function):
    """Log-softmax of a linear map at one target per row.

    With p the softmax of h W^T and g the gradient of the log-probs, dh = g (W[target] - p W) and
    dW = sum over tokens of g (onehot(target) - p) h.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, weight: Tensor, targets: Tensor) -> Tensor:
        dtype = _arithmetic(hidden)
        normalizers, picked = [], []
        kept = _Kept(KEPT[_kind(hidden)] if any(ctx.needs_input_grad) else 0)
        for h, t in _token_chunks(hidden.to(dtype), targets):
            lse = torch.full(t.shape, -torch.inf, device=h.device, dtype=_wide(dtype))
            logit = torch.zeros_like(lse)
            for start, w in _tiles(weight):
                logits = widen(_product(h, w.to(dtype)))
                at = t - start
                inside = (at >= 0) & (at < len(w))
                here = logits.gather(1, at.clamp(0, len(w) - 1)[:, None])[:, 0]
                logit = torch.where(inside, here, logit)
                lse = torch.logaddexp(lse, kept.logsumexp(logits))
            normalizers.append(lse)
            picked.append(logit)
        lse = torch.cat(normalizers)
        ctx.save_for_backward(hidden, weight, targets, lse)
        ctx.dtype, ctx.kept = dtype, kept
        return torch.cat(picked) - lse

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, Tensor | None, None]:
        hidden, weight, targets, lse = ctx.saved_tensors
        of_hidden, of_weight = ctx.needs_input_grad[:2]
        h, g = hidden.to(ctx.dtype), grads[0][:, None]
        weighted = (widen(h) * g).to(ctx.dtype)
        expected = torch.zeros(h.shape, device=h.device, dtype=_wide(ctx.dtype))
        size = _tokens_at_once(hidden)
        chunks = [torch.split(values, size) for values in (h, weighted, lse, expected)]
        d_weight = torch.empty_like(weight, dtype=_wide(weight.dtype)) if of_weight else None
        tiles = list(_tiles(weight))
        for number, (start, w) in enumerate(tiles):
            kept = ctx.kept.tiles[number :: len(tiles)]
            part = None if d_weight is None else d_weight[start : start + len(w)]
            _take_tile(zip_longest(*chunks, kept), w.to(ctx.dtype), part)
        if d_weight is not None:
            d_weight = d_weight.index_add_(0, targets, weighted.to(d_weight.dtype))
        d_hidden = g * (weight[targets] - expected) if of_hidden else None
        return (
            None if d_hidden is None else d_hidden.to(hidden.dtype),
            None if d_weight is None else d_weight.to(weight.dtype),
            None,
        )


def _take_tile(chunks: Iterable[tuple[Any, ...]], tile: Tensor, d_weight: Tensor | None) -> None:
    """Add p W of a tile's words to what each chunk expects, and write their -p g h, if asked."""
    # Products come transposed: turning their sum once is cheaper than adding each across.
    total = (
        None
        if d_weight is None
        else torch.zeros_like(d_weight.T, memory_format=torch.contiguous_format)
    )
    for hidden, weighted, normalizer, expected, kept in chunks:
        shares, factor = _shares(kept, hidden, tile, normalizer)
        shares = shares.to(tile.dtype)
        expected += factor * _product(shares, tile.T)
        if total is not None:
            total -= _product((weighted * factor).to(tile.dtype).T, shares.T)
    if d_weight is not None and total is not None:
        d_weight.copy_(total.T)


class _Kept:
    """The first tiles' softmaxes, each with the log-sum-exp of its logits: (n, w), (n, 1)."""

    def __init__(self, most: int) -> None:
        self.tiles: list[tuple[Tensor, Tensor]] = []
        self.room = most

    def logsumexp(self, logits: Tensor) -> Tensor:
        """Compute log-sum-exp over the last dimension, from the softmax's largest share.

        Only the largest values are asked for: where they stand takes 15 times as long to find.
        """
        shares = logits.softmax(1)
        lse = logits.amax(1, keepdim=True) - shares.amax(1, keepdim=True).log()
        # Tiles are kept in their order: after one that is not, no other is.
        self.room -= logits.numel()
        if self.room >= 0:
            self.tiles.append((shares, lse))
        return lse[:, 0]


def _shares(
    kept: tuple[Tensor, Tensor] | None, hidden: Tensor, tile: Tensor, normalizer: Tensor
) -> tuple[Tensor, Tensor]:
    """Return a tile's part of the softmax over the vocabulary, up to a factor (n, 1)."""
    if kept is None:
        logits = widen(_product(hidden, tile))
        return logits.sub_(normalizer[:, None]).exp_(), torch.ones_like(normalizer)[:, None]
    shares, lse = kept
    return shares, (lse - normalizer[:, None]).exp()


def _product(left: Tensor, right: Tensor) -> Tensor:
    """Multiply left (n, k) by the transpose of right (m, k), by oneDNN where it does fp32.

    Where MKL does not know the processor, oneDNN is up to 1.7 times as fast (measured on an AMD
    EPYC with AVX-512). Done so for all linear layers, it gained a training step nothing.
    """
    if left.is_cuda or left.dtype != torch.float32 or not torch._C._has_mkldnn:
        return linear(left, right)
    product: Tensor = torch.ops.mkldnn._linear_pointwise(left, right, None, "none", [], "")
    return product


def _tiles(weight: Tensor) -> Iterator[tuple[int, Tensor]]:
    size = max(1, TILE[_kind(weight)] // _tokens_at_once(weight))
    for start in range(0, len(weight), size):
        yield start, weight[start : start + size]


def _token_chunks(hidden: Tensor, targets: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    size = _tokens_at_once(hidden)
    return zip(torch.split(hidden, size), torch.split(targets, size), strict=True)


def _tokens_at_once(hidden: Tensor) -> int:
    return TOKENS_AT_ONCE[_kind(hidden)]


def _kind(values: Tensor) -> str:
    return "cuda" if values.is_cuda else "cpu"


def _arithmetic(values: Tensor) -> torch.dtype:
    """Return the dtype a linear map computes in, autocast considered."""
    device = values.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    return values.dtype


def _wide(dtype: torch.dtype) -> torch.dtype:
    return torch.float32 if dtype in (torch.float16, torch.bfloat16) else dtype


def widen(values: Tensor) -> Tensor:
    """Carry half precision over into fp32, and leave wider alone."""
    return values.to(_wide(values.dtype))


@contextmanager
def replaced(head: nn.Module, forward: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Replace a module's forward method inside a context; its hooks still run."""
    former = head.__dict__.get("forward")
    head.forward = forward
    try:
        yield
    finally:
        if former is None:
            del head.forward
        else:
            head.forward = former
