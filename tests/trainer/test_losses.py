"""Losses against numbers from other projects' own code, in float64."""

import math
import subprocess
import sys

import pytest
import torch
from torch import Tensor

from trainer.losses import LOSSES, bradley_terry, dpo, kto, sft, z0

# Three pairs of unequal lengths: sums of token log-probs such as -0.5 - 1.0 - 0.2 = -1.7.
POLICY_CHOSEN = [-1.7, -2.2, -3.5]
POLICY_REJECTED = [-5.1, -0.5, -4.5]
REFERENCE_CHOSEN = [-2.8, -2.5, -2.2]
REFERENCE_REJECTED = [-4.2, -1.2, -4.3]


def double(values: list[float]) -> Tensor:
    """Make a float64 tensor."""
    return torch.tensor(values, dtype=torch.float64)


def close(found: Tensor, expected: list[float]) -> bool:
    """Compare to 1e-9, in the precision the oracle has."""
    return torch.allclose(found, double(expected), rtol=0, atol=1e-9)


def test_dpo_is_the_authors_own() -> None:
    """Equals preference_loss of eric-mitchell/direct-preference-optimization at beta 0.1.

    By hand, the first: delta = (-1.7 + 2.8) - (-5.1 + 4.2) = 2, -log sigmoid(0.2) = 0.598139.
    """
    found = dpo(
        double(POLICY_CHOSEN),
        double(POLICY_REJECTED),
        double(REFERENCE_CHOSEN),
        double(REFERENCE_REJECTED),
        beta=0.1,
    )
    assert close(found, [0.5981388693815918, 0.713347167228034, 0.7496589186224231])


def test_bradley_terry_is_trls() -> None:
    """Equals TRL 1.16's reward loss; the first is -log sigmoid(1.2 - 0.4) = 0.371101."""
    found = bradley_terry(double([1.2, -0.3, 0.5]), double([0.4, 0.1, -2.0]))
    assert close(found, [0.37110066594777774, 0.9130152523999526, 0.07888973429254963])


# Chosen rows 0 and 1 as desirable, rejected rows 0 and 2 as undesirable.
KTO_POLICY = [-1.7, -2.2, -5.1, -4.5]
KTO_REFERENCE = [-2.8, -2.5, -4.2, -4.3]
# Sums of mismatched completions, policy then reference: log-ratios 0.3, 0.4, 0.2, 0.25.
KTO_KL = [-1.3 + 1.6, -2.0 + 2.4, -0.7 + 0.9, -0.9 + 1.15]


def of_kto(kl: list[float]) -> Tensor:
    """Compute KTO of the fixture about given mismatched log-ratios."""
    return kto(
        double(KTO_POLICY),
        double(KTO_REFERENCE),
        torch.tensor([True, True, False, False]),
        double(kl),
        beta=0.1,
        desirable_weight=1.0,
        undesirable_weight=1.5,
    )


def test_kto_is_the_authors_own() -> None:
    """Equals KTOTrainer.loss of ContextualAI/HALOs, whose z0 here is 0.2875.

    By hand, the first: 1 - sigmoid(0.1 * (1.1 - 0.2875)) = 0.479699.
    """
    expected = [0.47969866714785225, 0.49968750004069007, 0.7055210063287383, 0.7317223696841955]
    assert close(of_kto(KTO_KL), expected)


def test_kto_clamps_its_reference_point_at_zero() -> None:
    """Where the mean mismatched log-ratio is negative z0 is 0: TRL 1.16 gives 0.605950."""
    found = of_kto([-value for value in KTO_KL])
    assert math.isclose(float(found.mean()), 0.6059503177267715, abs_tol=1e-9)


def test_kto_sends_no_gradient_through_its_reference_point() -> None:
    """The mismatched log-ratios move the loss and are not moved by it."""
    kl = double(KTO_KL).requires_grad_()
    assert not z0(kl).requires_grad


def test_sft_weighs_every_token_of_the_batch_the_same() -> None:
    """7.4 nats over 10 tokens are 0.74 a token, however the tokens are shared out."""
    losses = sft(double([-1.7, -2.2, -3.5]), torch.tensor([3, 5, 2]))
    assert math.isclose(float(losses.mean()), 0.74, abs_tol=1e-12)


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_gives_one_value_per_example_in_the_dtype_given(name: str) -> None:
    """fp32 stays fp32, and (B,) stays (B,)."""
    supplied: dict[str, object] = {"beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 1.0}
    supplied["labels"] = torch.tensor([True, False, True])
    supplied["lengths"] = torch.tensor([3, 5, 2])
    tensor = torch.tensor([-1.0, -2.0, -3.0])
    inputs = {key: supplied.get(key, tensor) for key in LOSSES[name].inputs}
    found = LOSSES[name].function(**inputs)
    assert (found.shape, found.dtype) == (torch.Size([3]), torch.float32)


def test_a_loss_says_what_it_needs() -> None:
    """What the trainer supplies follows from the names of a loss's arguments."""
    needs = {name: (loss.needs_reference, loss.needs_scores) for name, loss in LOSSES.items()}
    assert needs == {
        "sft": (False, False),
        "bradley_terry": (False, True),
        "dpo": (True, False),
        "kto": (True, False),
    }


def test_losses_need_torch_only() -> None:
    """Importing the losses loads neither transformers nor pyarrow."""
    code = "import sys, trainer.losses; print({'transformers', 'pyarrow'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
