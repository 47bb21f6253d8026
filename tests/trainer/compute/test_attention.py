"""Attention in packed rows: each completion sees its prompt and itself."""

import pytest
import torch
from torch import Tensor
from torch.nn.attention.flex_attention import flex_attention

from rather.trainer.compute.attention import Blocks, packed_attention
from rather.trainer.data.layouts import pack

HEADS, KEY_HEADS, SIZE = 4, 2, 8


def spans() -> Tensor:
    """Two prompts, of three and of one tokens, with two and three completions."""
    ranges = [(range(3), (range(2), range(4))), (range(1), (range(1), range(2), range(3)))]
    return pack([(list(p), [list(c) for c in cs]) for p, cs in ranges])["spans"]  # type: ignore[arg-type,misc]


def states() -> tuple[Tensor, Tensor, Tensor]:
    """Draw queries, keys and values of all 16 tokens."""
    torch.manual_seed(0)
    shape = (1, HEADS, 16, SIZE)
    query = torch.randn(shape, dtype=torch.float64)
    key, value = torch.randn(2, 1, KEY_HEADS, 16, SIZE, dtype=torch.float64)
    return query, key, value


def by_definition(window: int | None, softcap: float | None) -> Tensor:
    """Attend token by token, from a list of what each may see."""
    query, key, value = states()
    # (group, piece, position) of each token, written out.
    tokens = [(0, 0, 0), (0, 0, 1), (0, 0, 2), (0, 1, 3), (0, 1, 4)]
    tokens += [(0, 2, 3), (0, 2, 4), (0, 2, 5), (0, 2, 6)]
    tokens += [(1, 0, 0), (1, 1, 1), (1, 2, 1), (1, 2, 2), (1, 3, 1), (1, 3, 2), (1, 3, 3)]
    rows = []
    for at, (group, piece, position) in enumerate(tokens):
        seen = [
            other
            for other, (its_group, its_piece, its_position) in enumerate(tokens)
            if its_group == group
            and its_piece in (0, piece)
            and its_position <= position
            and (window is None or its_position > position - window)
        ]
        heads = []
        for h in range(HEADS):
            scores = key[0, h // 2, seen] @ query[0, h, at] / SIZE**0.5
            if softcap is not None:
                scores = softcap * torch.tanh(scores / softcap)
            heads.append(scores.softmax(0) @ value[0, h // 2, seen])
        rows.append(torch.stack(heads))
    return torch.stack(rows)[None]


@pytest.mark.parametrize("softcap", [None, 0.5])
@pytest.mark.parametrize("window", [None, 2, 4])
def test_each_token_sees_its_prompt_and_its_completion(
    window: int | None, softcap: float | None
) -> None:
    """Up to itself, no further back than the window, and never the other completions."""
    found, _ = packed_attention(
        torch.nn.Identity(),
        *states(),
        None,
        blocks=Blocks(spans()),
        sliding_window=window,
        softcap=softcap,
    )
    assert torch.allclose(found, by_definition(window, softcap), rtol=0, atol=1e-10)


@pytest.mark.filterwarnings("ignore:flex_attention called without torch.compile")
@pytest.mark.parametrize("window", [None, 2])
def test_flex_attentions_blocks_say_the_same(window: int | None) -> None:
    """The mask that a GPU is given, run here without being compiled."""
    query, key, value = (each.float() for each in states())
    mask = Blocks(spans()).flex_mask(window, query)
    found = flex_attention(query, key, value, block_mask=mask, enable_gqa=True)
    assert isinstance(found, Tensor)
    expected = by_definition(window, None).float()
    assert torch.allclose(found.transpose(1, 2), expected, rtol=0, atol=1e-5)


def test_windows_asked_for_are_noted() -> None:
    """So that a window which a layer keeps to itself is found out."""
    seen: set[int] = set()
    blocks = Blocks(spans(), seen)
    for window in (None, 5, 100):
        packed_attention(torch.nn.Identity(), *states(), None, blocks=blocks, sliding_window=window)
    assert seen == {5, 100}
