"""What holds for every loss, and what is easily got wrong in one; the oracles have the values."""

import itertools
import math
import re
from typing import Any

import pytest
import torch
from torch import Tensor

from rather.trainer.losses import LOSSES, Loss, Pair, log_odds_ratio, nll, weighted_sum, z0
from rather.trainer.losses.completion_losses import kto, sft
from rather.trainer.losses.margin import dpo

FIVE = [0.0, -1e-3, -1.0, -1e3, -1e5]
NOT_LOGPS: dict[str, Any] = {"beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 1.0}


def inputs_of(loss: Loss, columns: dict[str, Tensor], length: int) -> dict[str, Any]:
    """Give a loss all it takes: log-probs from columns, completions all of one length."""
    size = len(next(iter(columns.values())))
    beta = 0.1 if loss.usual_beta is None else loss.usual_beta
    given: dict[str, Any] = {
        **NOT_LOGPS,
        "beta": beta,
        "labels": torch.arange(size) % 2 == 0,
        "p_correct": torch.linspace(0, 1, size),
        "score_margin": torch.linspace(0, 9, size),
        "shift": torch.tensor(0.5),
    } | {name: torch.full((size,), length) for name in loss.inputs if name.endswith("lengths")}
    given |= {"lengths": torch.full((size,), length), "mean_chosen_length": torch.tensor(length)}
    return {
        name: given.get(name, columns.get(name)) for name in loss.inputs if name not in loss.options
    }


def logps_of(loss: Loss) -> list[str]:
    """Name the arguments of a loss that are log-probs or scores."""
    named = re.compile(r"(policy|reference|logps|kl).*|.*_scores")
    return [name for name in loss.inputs if named.fullmatch(name)]


@pytest.mark.parametrize("length", [1, 400])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_is_finite_from_0_to_minus_1e5(
    name: str, dtype: torch.dtype, length: int
) -> None:
    """Each log-prob at each of five values against the others': loss and gradient are numbers.

    The arithmetic is in fp32 where bf16 comes in, and the gradient goes back in bf16.
    """
    loss = LOSSES[name]
    names = logps_of(loss)
    # Heads take the ends alone, or a loss of eight log-probs would see 5^8 of them.
    values = [[FIVE[0], FIVE[-1]] if "heads" in each else FIVE for each in names]
    table = torch.tensor(list(itertools.product(*values))).T.to(dtype)
    columns = {each: row.clone().requires_grad_() for each, row in zip(names, table, strict=True)}
    losses = loss(**inputs_of(loss, columns, length))
    losses.sum().backward()
    assert losses.isfinite().all()
    assert losses.dtype == torch.float32
    for each, column in columns.items():
        if column.grad is not None:
            assert column.grad.isfinite().all(), each
            assert column.grad.dtype == dtype


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_gives_one_value_per_example_in_the_dtype_given(name: str) -> None:
    """fp32 stays fp32 and float64 float64, and (B,) stays (B,)."""
    for dtype in (torch.float32, torch.float64):
        columns = {
            each: torch.tensor([-1.0, -2.0, -3.0], dtype=dtype) for each in logps_of(LOSSES[name])
        }
        found = LOSSES[name](**inputs_of(LOSSES[name], columns, 3))
        assert (found.shape, found.dtype) == (torch.Size([3]), dtype)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_says_what_it_is(name: str) -> None:
    """It goes by its function's name, cites a source unless it is plain likelihood, and is used
    with betas about its usual one; its limits are of options it has, and hold for its defaults.
    """
    loss = LOSSES[name]
    assert loss.function.__name__ == name
    assert "et al." in (loss.function.__doc__ or "") or name in (
        ["sft", "cdpo", "robust_per_pair", "f_dpo_forward_kl", "f_dpo_js", "f_dpo_alpha"]
    )
    assert (loss.usual_beta is not None) == ("beta" in loss.inputs)
    if loss.usual_betas is not None:
        least, greatest = loss.usual_betas
        assert loss.usual_beta is not None
        assert least <= loss.usual_beta <= greatest
    for option, (least, greatest) in loss.limits.items():
        assert option not in loss.options or least <= loss.options[option] <= greatest


# DiscoPOP is not convex: it rises about a margin of 0, as its paper says.
IMPROVING = [name for name in LOSSES if LOSSES[name].eats == "pairs" and name != "discopop"]


@pytest.mark.parametrize("name", IMPROVING)
def test_every_loss_of_pairs_prefers_chosen_to_be_likelier(name: str) -> None:
    """At the reference itself, a step down the gradient widens the margin or raises chosen."""
    loss = LOSSES[name]
    columns = {each: torch.full((2,), -3.0, requires_grad=True) for each in logps_of(loss)}
    loss(**inputs_of(loss, columns, 3)).sum().backward()
    sides = {"chosen": torch.zeros(2), "rejected": torch.zeros(2)}
    for each, column in columns.items():
        if not each.startswith("reference") and column.grad is not None:
            sides["chosen" if "chosen" in each else "rejected"] += column.grad
    assert (sides["rejected"] > sides["chosen"]).all()


def test_a_loss_says_what_it_needs() -> None:
    """What the trainer supplies follows from the names of a loss's arguments."""
    no_reference = {name for name, loss in LOSSES.items() if not loss.needs_reference}
    assert no_reference == {
        *("sft", "nll", "rpo_nll", "simpo", "orpo", "cpo", "slic", "dpo_reference_free"),
        *("bradley_terry", "bradley_terry_margin", "bradley_terry_centred"),
    }
    of_scores = {name for name, loss in LOSSES.items() if loss.needs_scores}
    assert of_scores == {"bradley_terry", "bradley_terry_margin", "bradley_terry_centred"}
    assert [name for name, loss in LOSSES.items() if loss.needs_heads] == ["ld_dpo"]
    assert LOSSES["dpop"].options == {"lambda_": 50.0, "outside": False}


def double(values: list[float]) -> Tensor:
    """Make a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def test_dpo_by_hand() -> None:
    """delta = (-1.7 + 2.8) - (-5.1 + 4.2) = 2, -log sigmoid(0.2) = 0.598139."""
    policy = Pair(double([-1.7]), double([-5.1]))
    found = dpo(policy, Pair(double([-2.8]), double([-4.2])), beta=0.1)
    assert math.isclose(found.item(), 0.5981388693815918, abs_tol=1e-9)


def of_kto(kl: list[float]) -> Tensor:
    """Compute KTO of a desirable and an undesirable completion about mismatched log-ratios."""
    policy, reference = double([-1.7, -5.1]), double([-2.8, -4.2])
    return kto(policy, reference, torch.tensor([True, False]), double(kl), 0.1, 1.0, 1.5)


def test_kto_clamps_its_reference_point_at_zero() -> None:
    """A negative mean mismatched log-ratio counts as 0: 1 - sigmoid(0.1 * 1.1) = 0.472528."""
    assert torch.equal(of_kto([-0.3, -0.5]), of_kto([0.0, 0.0]))
    assert math.isclose(of_kto([-1.0, -2.0])[0].item(), 1 / (1 + math.exp(0.11)), abs_tol=1e-12)


def test_kto_sends_no_gradient_through_its_reference_point() -> None:
    """The mismatched log-ratios move the loss and are not moved by it."""
    assert not z0(double([0.3, 0.4]).requires_grad_()).requires_grad


def test_sft_weighs_every_token_of_the_batch_the_same() -> None:
    """7.4 nats over 10 tokens are 0.74 a token, however the tokens are shared out."""
    losses = sft(double([-1.7, -2.2, -3.5]), torch.tensor([3, 5, 2]))
    assert math.isclose(float(losses.mean()), 0.74, abs_tol=1e-12)
    mean = double([10 / 3]).squeeze()
    assert torch.allclose(losses, nll(double([-1.7, -2.2, -3.5]), mean), rtol=0, atol=1e-12)


def test_smoothing_of_none_is_dpo() -> None:
    """Where no label is wrong, cdpo, robust and robust_per_pair are DPO."""
    inputs = {
        "policy_chosen": double([-1.0]),
        "policy_rejected": double([-2.5]),
        "reference_chosen": double([-2.0]),
        "reference_rejected": double([-2.0]),
    }
    expected = LOSSES["dpo"](**inputs)
    for name in ("cdpo", "robust"):
        assert torch.allclose(LOSSES[name](**inputs, label_smoothing=0.0), expected)
    assert torch.allclose(LOSSES["robust_per_pair"](**inputs, p_correct=double([1.0])), expected)


def test_robust_takes_each_pairs_own_noise() -> None:
    """p_correct 0.9 is a share of 0.1; one half, which no estimate survives, counts as 0.6."""
    inputs = {
        "policy_chosen": double([-1.0, -1.0]),
        "policy_rejected": double([-2.5, -2.5]),
        "reference_chosen": double([-2.0, -2.0]),
        "reference_rejected": double([-2.0, -2.0]),
    }
    found = LOSSES["robust_per_pair"](**inputs, p_correct=double([0.9, 0.5]))
    for at, noise in enumerate((0.1, 0.4)):
        expected = LOSSES["robust"](**inputs, label_smoothing=noise)
        assert torch.allclose(found[at], expected[at])


def test_the_alpha_divergence_lies_between_dpo_and_the_forward_kl() -> None:
    """At alpha 1 it is DPO, at 0 the forward KL."""
    inputs = {
        "policy_chosen": double([-1.0, -3.0]),
        "policy_rejected": double([-2.5, -1.0]),
        "reference_chosen": double([-2.0, -2.0]),
        "reference_rejected": double([-2.0, -2.0]),
    }
    for alpha, other in ((1.0, "dpo"), (0.0, "f_dpo_forward_kl")):
        found = LOSSES["f_dpo_alpha"](**inputs, alpha=alpha)
        assert torch.allclose(found, LOSSES[other](**inputs), rtol=0, atol=1e-12)


def test_ld_dpo_counts_what_is_over_by_alpha() -> None:
    """With alpha 1 it is DPO, with alpha 0 DPO of the heads alone: here 1 - (-1) = 2 and 1 - 0."""
    inputs = {
        "policy_chosen": double([-2.0]),
        "policy_rejected": double([-5.0]),
        "reference_chosen": double([-3.0]),
        "reference_rejected": double([-4.0]),
        "policy_chosen_heads": double([-2.0]),
        "policy_rejected_heads": double([-3.0]),
        "reference_chosen_heads": double([-3.0]),
        "reference_rejected_heads": double([-3.0]),
    }
    for alpha, margin in ((1.0, 2.0), (0.5, 1.5), (0.0, 1.0)):
        found = LOSSES["ld_dpo"](**inputs, alpha=alpha, beta=1.0).item()
        assert math.isclose(found, math.log1p(math.exp(-margin)), abs_tol=1e-12)


def test_a_tie_asks_odpo_for_no_margin() -> None:
    """Where raters see no difference the loss is near 0 and finite: log 0 is never taken."""
    zeros = torch.zeros(1)
    found = LOSSES["odpo"](
        policy_chosen=zeros,
        policy_rejected=zeros,
        reference_chosen=zeros,
        reference_rejected=zeros,
        score_margin=zeros,
    )
    assert 0 <= found.item() < 1e-6


def test_a_weighted_sum_is_the_sum_of_its_terms() -> None:
    """Each with its own usual beta, unless one is given for all that have any."""
    columns = {
        "policy_chosen": double([-1.0]),
        "policy_rejected": double([-2.0]),
        "reference_chosen": double([-1.5]),
        "reference_rejected": double([-1.5]),
        "chosen_lengths": torch.tensor([2]),
        "rejected_lengths": torch.tensor([4]),
    }
    both = weighted_sum([(LOSSES["dpo"], 2.0), (LOSSES["simpo"], 0.5)])

    def of(name: str, **numbers: float) -> Tensor:
        loss = LOSSES[name]
        return loss(**{each: columns[each] for each in loss.inputs if each in columns}, **numbers)

    assert torch.allclose(both(**columns), 2 * of("dpo", beta=0.1) + 0.5 * of("simpo", beta=2.5))
    assert torch.allclose(
        both(**columns, beta=1.0), 2 * of("dpo", beta=1.0) + 0.5 * of("simpo", beta=1.0)
    )
    assert both.needs_reference
    assert both.options == {"gamma_beta_ratio": 0.55}


def test_log_odds_of_equal_means_are_none() -> None:
    """Two completions of one mean log-prob have one odds, whatever their lengths."""
    policy = Pair(double([-2.0]), double([-4.0]))
    found = log_odds_ratio(policy, Pair(torch.tensor([2]), torch.tensor([4])))
    assert found.item() == 0
