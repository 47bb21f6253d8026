"""The head: log-probs as from whole logits, which are never made."""

import pytest
import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from rather.trainer.compute import head
from rather.trainer.compute.head import adjustment, head_logps


class LargestTensor(TorchDispatchMode):
    """Notes the elements of the largest tensor that any operation makes."""

    elements = 0

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
        """Run an operation and look at what came out."""
        found = func(*args, **(kwargs or {}))
        for value in found if isinstance(found, tuple | list) else [found]:
            # A view of a larger tensor costs nothing.
            if isinstance(value, Tensor) and value._base is None:
                self.elements = max(self.elements, value.numel())
        return found


def inputs(
    num_tokens: int, words: int, dtype: torch.dtype = torch.float64
) -> tuple[nn.Linear, Tensor, Tensor]:
    """Draw a head of 8 dimensions, hidden states and targets."""
    torch.manual_seed(0)
    linear = nn.Linear(8, words, bias=False, dtype=dtype)
    hidden = torch.randn(num_tokens, 8, dtype=dtype, requires_grad=True)
    return linear, hidden, torch.randint(words, (num_tokens,))


def whole(linear: nn.Module, hidden: Tensor, targets: Tensor) -> Tensor:
    """Compute log-probs by the definition."""
    return linear(hidden).log_softmax(-1).gather(1, targets[:, None])[:, 0]


def gradients(logps: Tensor, *of: Tensor) -> tuple[Tensor, ...]:
    """Give the gradients of a sum that weighs each token differently."""
    weights = torch.linspace(-1, 2, len(logps), dtype=logps.dtype)
    return torch.autograd.grad((logps * weights).sum(), of)


@pytest.mark.parametrize("kept", [0, 100, 2**20])
@pytest.mark.parametrize("tile", [1, 7, 64, 2**20])
def test_tiles_of_any_size_give_log_probs_and_gradients(
    tile: int, kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Thirteen tokens, five at a time, over thirty words: tiles seldom divide either.

    None, some or all of the exponentials are kept for the backward pass.
    """
    monkeypatch.setitem(head.TILE, "cpu", tile)
    monkeypatch.setitem(head.KEPT, "cpu", kept)
    monkeypatch.setitem(head.TOKENS_AT_ONCE, "cpu", 5)
    linear, hidden, targets = inputs(13, 30)
    found = head_logps(linear, hidden, targets, None)
    expected = whole(linear, hidden, targets)
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    right = gradients(expected, hidden, linear.weight)
    for gradient, other in zip(gradients(found, hidden, linear.weight), right, strict=True):
        assert torch.allclose(gradient, other, rtol=0, atol=1e-12)


def test_logits_of_any_size_are_safe() -> None:
    """A logit of a thousand overflows no exponential, forward or backward."""
    linear = nn.Linear(1, 3, bias=False)
    linear.weight.data = torch.tensor([[1000.0], [0.0], [-1000.0]])
    hidden = torch.ones(3, 1, requires_grad=True)
    logps = head_logps(linear, hidden, torch.tensor([0, 1, 2]), None)
    assert logps.tolist() == [0, -1000, -2000]
    (gradient,) = torch.autograd.grad(logps.sum(), hidden)
    assert gradient.isfinite().all()


def test_frozen_weights_get_no_gradient() -> None:
    """Under LoRA the head stays as it is, and its gradient is not computed."""
    linear, hidden, targets = inputs(4, 30)
    linear.requires_grad_(False)
    head_logps(linear, hidden, targets, None).sum().backward()
    assert linear.weight.grad is None
    assert hidden.grad is not None


@pytest.mark.parametrize(
    "settings",
    [{"final_logit_softcapping": 2.0}, {"logit_scale": 0.25}, {"logits_scaling": 4.0}],
    ids=str,
)
def test_adjusted_logits_are_taken_in_chunks(
    settings: dict[str, float], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Log-probs are of the adjusted logits, however few tokens are computed at once."""
    monkeypatch.setitem(head.TILE, "cpu", 30)
    linear, hidden, targets = inputs(13, 30)
    adjust = adjustment(type("Config", (), settings)())
    assert adjust is not None

    found = head_logps(linear, hidden, targets, adjust)
    expected = adjust(linear(hidden)).log_softmax(-1).gather(1, targets[:, None])[:, 0]
    assert torch.allclose(found, expected, rtol=0, atol=1e-12)
    right = gradients(expected, hidden, linear.weight)
    for gradient, other in zip(gradients(found, hidden, linear.weight), right, strict=True):
        assert torch.allclose(gradient, other, rtol=0, atol=1e-12)


def test_a_head_with_a_bias_is_run_as_it_is() -> None:
    """The fused head knows only of weights."""
    linear = nn.Linear(8, 30, dtype=torch.float64)
    _, hidden, targets = inputs(4, 30)
    expected = whole(linear, hidden, targets)
    assert torch.allclose(head_logps(linear, hidden, targets, None), expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("bias", [False, True], ids=["fused", "as it is"])
def test_no_tensor_grows_with_tokens_times_words(
    bias: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 400 tokens over 5,000 words, two million logits, no more than a chunk is ever there.

    What remains is the weights' own gradient of 40,000 numbers.
    """
    monkeypatch.setitem(head.TILE, "cpu", 5_000)
    linear, hidden, targets = inputs(400, 5_000)
    linear = nn.Linear(8, 5_000, bias=bias, dtype=torch.float64)
    with LargestTensor() as largest:
        head_logps(linear, hidden, targets, None).sum().backward()
    assert largest.elements <= 40_000
