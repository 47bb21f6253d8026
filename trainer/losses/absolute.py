"""Losses of each completion's own reward, r = beta (log pi - log ref), and not of the margin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rather.trainer.losses.loss import DPO_BETAS, Loss, Pair, logsigmoid

if TYPE_CHECKING:
    from torch import Tensor


def nca(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """Noise contrastive alignment: chosen against noise, so that its likelihood does not fall.

    -log sigma(r_w) - 1/2 log sigma(-r_w) - 1/2 log sigma(-r_l). Chen et al. 2024
    (arXiv:2402.05369), for preferences: K = 2, and rewards of 1 and 0.
    """
    rewards = beta * (policy - reference)
    noise = logsigmoid(-rewards.chosen) + logsigmoid(-rewards.rejected)
    return -logsigmoid(rewards.chosen) - 0.5 * noise


def bco_pair(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """Binary classifier optimisation on pairs: -log sigma(r_w) - log sigma(-r_l).

    Jung et al. 2024 (arXiv:2404.04656), without its reward shift, as TRL's bco_pair.
    """
    rewards = beta * (policy - reference)
    return -logsigmoid(rewards.chosen) - logsigmoid(-rewards.rejected)


def apo_zero(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """Anchored preference optimisation where chosen is better than the model: 1 - s(r_w) + s(r_l).

    Chosen is made likelier and rejected less likely. D'Oosterlinck et al. 2024
    (arXiv:2408.06266), eq. 7.
    """
    rewards = beta * (policy - reference)
    return (-rewards.chosen).sigmoid() + rewards.rejected.sigmoid()


def apo_down(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """Anchored preference optimisation where the model beats chosen: s(r_w) + 1 - s(r_w - r_l).

    Both are made less likely, rejected more so. D'Oosterlinck et al. 2024 (arXiv:2408.06266),
    eq. 8.
    """
    rewards = beta * (policy - reference)
    return rewards.chosen.sigmoid() + (rewards.rejected - rewards.chosen).sigmoid()


def sppo(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """Self-play preference optimisation, with hard wins: each log-ratio has a target of its own.

    (ratio_w - 1 / (2 beta))^2 + (ratio_l + 1 / (2 beta))^2, beta being 1 / eta. Wu et al. 2024
    (arXiv:2405.00675), eq. 4.7 with P = 1 and 0.
    """
    ratios, target = policy - reference, 1 / (2 * beta)
    return (ratios.chosen - target) ** 2 + (ratios.rejected + target) ** 2


LOSSES = {
    "nca": Loss(nca, "pairs", 0.01, (0.001, 0.1)),
    "bco_pair": Loss(bco_pair, "pairs", 0.1, (0.01, 0.5)),
    "apo_zero": Loss(apo_zero, "pairs", 0.1, DPO_BETAS),
    "apo_down": Loss(apo_down, "pairs", 0.1, DPO_BETAS),
    "sppo": Loss(sppo, "pairs", 0.001, (0.0005, 0.1)),
}
