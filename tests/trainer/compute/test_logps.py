"""Log-probs of completions: the same however they are laid out."""

import random
from array import array
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, inject_adapter_in_model
from torch import Tensor, nn

from rather.trainer.compute.logps import TokenLogps, completion_logps, inference
from rather.trainer.data.layouts import Group, Layout, lay_out, pad
from rather.trainer.model.load_model import load_policy
from tests.trainer.architectures import ARCHITECTURES, WORDS, build

SEQUENCES = [
    (array("i", [1, 3, 70, 71]), array("i", [80, 81, 82, 2])),
    (array("i", [1]), array("i", [90, 2])),
    (array("i", [1, 3, 60, 61, 62, 63, 64]), array("i", [99])),
]
COMPLETIONS = (array("i", [8, 9]), array("i", [10, 11, 12]))
PACKED: tuple[Layout, ...] = ("packed", "shared")


def rows(seed: int = 0) -> list[Group]:
    """Draw four prompts of 1 to 20 tokens with two completions of 1 to 12."""
    rng = random.Random(seed)

    def draw(most: int) -> "array[int]":
        return array("i", [rng.randrange(3, WORDS) for _ in range(rng.randint(1, most))])

    return [(draw(20), (draw(12), draw(12))) for _ in range(4)]


def sums_and_gradients(model: nn.Module, layout: Layout) -> tuple[Tensor, list[Tensor]]:
    """Compute log-probs, and the gradients of a sum that weighs each sequence differently."""
    model.zero_grad()
    sums = completion_logps(model, lay_out(rows(), 0, layout)).sums()
    (sums * torch.linspace(-1, 1, len(sums))).sum().backward()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    return sums.detach(), [w.grad.clone() for w in trained if w.grad is not None]


def assert_same_training(model: nn.Module, changed: nn.Module, layout: Layout) -> None:
    """Hold log-probs to 1e-4 nats and each weight's gradient to 1e-3 of its norm."""
    expected, expected_gradients = sums_and_gradients(model, "padded")
    found, gradients = sums_and_gradients(changed, layout)
    assert torch.allclose(found, expected, rtol=0, atol=1e-4)
    for gradient, right in zip(gradients, expected_gradients, strict=True):
        assert (gradient - right).norm() <= 1e-3 * right.norm() + 1e-7


@pytest.mark.parametrize("layout", PACKED)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_packing_changes_neither_log_probs_nor_gradients(name: str, layout: Layout) -> None:
    """Windows shorter than a sequence, bounded and scaled logits, grouped and tied heads."""
    assert_same_training(build(name), build(name), layout)


@pytest.mark.parametrize("layout", PACKED)
def test_gradient_checkpointing_changes_nothing(layout: Layout) -> None:
    """What is computed again in the backward pass is packed as it was in the forward pass."""
    checkpointed = build("llama")
    checkpointed.gradient_checkpointing_enable({"use_reentrant": False})
    checkpointed.train()
    assert_same_training(build("llama"), checkpointed, layout)


@pytest.mark.parametrize("targets", [["q_proj", "down_proj"], ["q_proj", "lm_head"]])
def test_adapters_are_honoured(targets: list[str]) -> None:
    """Those of layers, and that of a head, which the fused head would pass by."""

    def adapted() -> nn.Module:
        model = build("qwen3")
        torch.manual_seed(1)
        lora = LoraConfig(r=2, target_modules=targets, init_lora_weights=False)
        return inject_adapter_in_model(lora, model)

    assert_same_training(adapted(), adapted(), "shared")


def test_a_wrapped_model_is_called_as_a_whole() -> None:
    """A wrapper that gathers weights before and after must see the call."""

    class Wrapper(nn.Module):
        calls = 0

        def __init__(self) -> None:
            super().__init__()
            self.inner = build("llama")

        def forward(self, **inputs: Any) -> Any:
            self.calls += 1
            return self.inner(**inputs)

    wrapper = Wrapper()
    assert_same_training(build("llama"), wrapper, "shared")
    assert wrapper.calls == 1


def test_bfloat16_arithmetic_gives_fp32_log_probs_near_fp32s() -> None:
    """Under autocast each layout rounds a little differently: less than 1% of a sum."""
    model = build("llama")
    with inference(model, "fp32"):
        exact = completion_logps(model, lay_out(rows(), 0, "padded")).sums()
    for layout in PACKED:
        with inference(model, "bf16"):
            found = completion_logps(model, lay_out(rows(), 0, layout)).sums()
        assert found.dtype == torch.float32
        assert torch.allclose(found, exact, rtol=1e-2, atol=0.1)


@pytest.mark.parametrize("name", ["llama", "qwen3", "mistral", "gemma2", "gemma3"])
def test_the_last_mlp_runs_only_where_a_token_is_predicted(name: str) -> None:
    """A shared prompt's last token is one place, and a completion's last token predicts nothing."""
    model = build(name)
    seen: list[int] = []
    mlp = model.get_decoder().layers[-1].mlp
    mlp.gate_proj.register_forward_pre_hook(lambda _, given: seen.append(given[0].shape[1]))
    completion_logps(model, lay_out([(array("i", [5, 6, 7]), COMPLETIONS)], 0, "shared"))
    assert seen == [1 + 1 + 2]
    assert "forward" not in mlp.__dict__


def test_completions_do_not_see_each_other() -> None:
    """With the prompt shared, another second completion leaves the first's log-probs alone."""
    model = build("llama")
    prompt, first = array("i", [5, 6, 7]), array("i", [8, 9])
    found = []
    for second in (array("i", [10, 11]), array("i", [50, 51, 52, 53])):
        with inference(model, "fp32"):
            logps = completion_logps(model, lay_out([(prompt, (first, second))], 0, "shared"))
        found.append(logps.values[:2])
    assert torch.allclose(found[0], found[1], rtol=0, atol=1e-5)


def test_a_model_goes_back_to_its_own_attention() -> None:
    """A padded batch after a packed one is masked as ever."""
    model = build("mistral")
    with inference(model, "fp32"):
        before = completion_logps(model, lay_out(rows(), 0, "padded")).sums()
        completion_logps(model, lay_out(rows(), 0, "shared"))
        after = completion_logps(model, lay_out(rows(), 0, "padded")).sums()
    assert torch.equal(before, after)


def test_sequences_apart_come_last_and_without_gradient() -> None:
    """KTO's mismatched completions are only looked at."""
    model = build("llama")
    own, apart = (lay_out([(p, (c[at],)) for p, c in rows()], 0, "packed") for at in (0, 1))
    batch = own | {f"apart/{name}": values for name, values in apart.items()}
    found = completion_logps(model, batch).sums()
    together = completion_logps(model, lay_out(rows(), 0, "shared")).sums()
    assert torch.allclose(found, together, rtol=0, atol=1e-4)
    found[4:].sum().backward(retain_graph=True)
    assert not any(weight.grad.any() for weight in model.parameters() if weight.grad is not None)
    found[:4].sum().backward()
    assert all(weight.grad is not None and weight.grad.any() for weight in model.parameters())


@pytest.mark.parametrize("layout", ["padded", "packed", "shared"])
def test_tokens_know_their_sequence_and_place(layout: Layout) -> None:
    """Two completions of three and one tokens."""
    groups = [(array("i", [5]), (array("i", [6, 7, 8]), array("i", [9])))]
    model = build("llama")
    with inference(model, "fp32"):
        logps = completion_logps(model, lay_out(groups, 0, layout))
    assert logps.sequence.tolist() == [0, 0, 0, 1]
    assert logps.position.tolist() == [0, 1, 2, 0]


def test_sums_within_a_limit_leave_later_tokens_out() -> None:
    """The first two of three tokens, and all of one."""
    logps = TokenLogps(
        torch.tensor([-1.0, -2.0, -4.0, -8.0]),
        torch.tensor([0, 0, 0, 1]),
        torch.tensor([0, 1, 2, 0]),
        num_sequences=2,
    )
    assert logps.sums().tolist() == [-7, -8]
    assert logps.counts().tolist() == [3, 1]
    assert logps.sums_within(torch.tensor([2, 2])).tolist() == [-3, -8]


def test_log_probs_are_the_sum_over_completion_tokens(model: Path) -> None:
    """One sequence at a time, from the full softmax at every position: the definition."""
    policy = load_policy(model).double()
    with inference(policy, "fp32"):
        groups = [(prompt, (completion,)) for prompt, completion in SEQUENCES]
        padded, packed = (
            completion_logps(policy, lay_out(groups, 0, layout)) for layout in ("padded", "packed")
        )
        for at, (prompt, completion) in enumerate(SEQUENCES):
            ids = torch.tensor([[*prompt, *completion]])
            table = policy(ids).logits[0].log_softmax(-1)
            places = range(len(prompt), ids.shape[1])
            expected = sum(float(table[place - 1, ids[0, place]]) for place in places)
            assert abs(float(padded.sums()[at]) - expected) < 1e-9
            assert abs(float(packed.sums()[at]) - expected) < 1e-9
    assert padded.counts().tolist() == [4, 2, 1]


def test_half_precision_is_summed_in_fp32(model: Path) -> None:
    """A sum of log-probs near -2000 would move in steps of 8 in bfloat16."""
    policy = load_policy(model).bfloat16()
    with inference(policy, "fp32"):
        found = completion_logps(policy, pad(SEQUENCES, pad_id=0))
    assert found.sums().dtype == torch.float32


def test_ends_are_the_log_probs_of_last_tokens() -> None:
    """Of completions of 3, 1 and 2 tokens, in whatever order their tokens stand."""
    logps = TokenLogps(
        values=torch.tensor([-3.0, -1.0, -2.0, -4.0, -6.0, -5.0]),
        sequence=torch.tensor([0, 0, 0, 1, 2, 2]),
        position=torch.tensor([2, 0, 1, 0, 1, 0]),
        num_sequences=3,
    )
    assert logps.ends().tolist() == [-3.0, -4.0, -6.0]
