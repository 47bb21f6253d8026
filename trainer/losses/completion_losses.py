"""Losses of single completions: imitated (sft), or labelled desirable or not.

labels is (B,) bool, true for a desirable completion.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rather.trainer.losses.loss import DPO_BETAS, Loss, logsigmoid

if TYPE_CHECKING:
    from torch import Tensor


def sft(logps: Tensor, lengths: Tensor) -> Tensor:
    """Negative log-likelihood, whose mean over the batch is the mean per completion token.

    Each token of the batch weighs the same, so an example weighs by its length.
    """
    return -logps / lengths.to(logps.dtype).mean()


def kto(
    policy: Tensor,
    reference: Tensor,
    labels: Tensor,
    kl: Tensor,
    beta: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Tensor:
    """Kahneman-Tversky optimisation: gains and losses of single completions about z0.

    lambda_D (1 - sigma(beta (ratio - z0))) where desirable, lambda_U (1 - sigma(beta (z0 -
    ratio))) where not. kl: log-ratios policy - reference of mismatched pairs, each prompt with
    another row's completion. Ethayarajh et al. 2024 (arXiv:2402.01306), eq. 8.
    """
    gains = beta * (policy - reference - z0(kl))
    return _weighted(gains, labels, desirable_weight, undesirable_weight)


def z0(kl: Tensor) -> Tensor:
    """Compute KTO's reference point, without gradient: the mean mismatched log-ratio, at least 0.

    kl: (B,) log-ratios of mismatched pairs, in nats. Returns ().

    Ethayarajh et al. 2024 (arXiv:2402.01306), section 4.1.
    """
    return kl.detach().mean().clamp(min=0)


def apo_zero_unpaired(
    policy: Tensor,
    reference: Tensor,
    labels: Tensor,
    beta: float,
    desirable_weight: float,
    undesirable_weight: float,
) -> Tensor:
    """Anchored preference optimisation of single completions: KTO about a reference point of 0.

    D'Oosterlinck et al. 2024 (arXiv:2408.06266), eq. 7, a term for each completion, as TRL's.
    """
    gains = beta * (policy - reference)
    return _weighted(gains, labels, desirable_weight, undesirable_weight)


def _weighted(
    gains: Tensor, labels: Tensor, desirable_weight: float, undesirable_weight: float
) -> Tensor:
    desirable = desirable_weight * (1 - gains.sigmoid())
    undesirable = undesirable_weight * (1 - (-gains).sigmoid())
    return desirable.where(labels, undesirable)


def bco_unpaired(
    policy: Tensor, reference: Tensor, labels: Tensor, shift: Tensor, beta: float
) -> Tensor:
    """Binary classifier optimisation: rewards tell desirable ones.

    -log sigma(r - shift) where desirable, -log sigma(shift - r) where not. shift: (B,) or (), the
    running mean of all rewards so far, without gradient. Jung et al. 2024 (arXiv:2404.04656);
    the mean is TRL's, over all batches so far.
    """
    rewards = beta * (policy - reference) - shift
    return -logsigmoid(rewards.where(labels, -rewards))


LOSSES = {
    "sft": Loss(sft, "demonstrations", averages_over="tokens"),
    "kto": Loss(kto, "labels", 0.1, DPO_BETAS),
    "apo_zero_unpaired": Loss(apo_zero_unpaired, "labels", 0.1, DPO_BETAS),
    "bco_unpaired": Loss(bco_unpaired, "labels", 0.1, (0.01, 0.5)),
}
