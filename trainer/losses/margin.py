"""Losses of the margin: how far the policy prefers chosen to rejected beyond the reference.

delta = (log pi_w - log ref_w) - (log pi_l - log ref_l), (B,), in nats; w is chosen, l rejected.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from rather.trainer.losses.loss import DPO_BETAS, SMOOTHING, Loss, Pair, logsigmoid

if TYPE_CHECKING:
    from torch import Tensor

# From this exponent on, exp continues as its tangent, so that no log-ratio overflows: exp(30) is
# 1e13, far beyond where a loss has reached one of its limits.
LARGEST_EXPONENT = 30.0


def dpo(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """Direct preference optimisation: -log sigma(beta delta).

    Bradley-Terry on the rewards a policy implies. Rafailov et al. 2023 (arXiv:2305.18290), eq. 7.
    """
    return -logsigmoid(beta * (policy - reference).margin)


def cdpo(policy: Pair, reference: Pair, beta: float, label_smoothing: float = 0.1) -> Tensor:
    """Conservative DPO: its expectation where a share eps of the labels is wrong.

    -(1 - eps) log sigma(beta delta) - eps log sigma(-beta delta), eps being label_smoothing.
    Mitchell 2023, "A note on DPO with noisy preferences".
    """
    return smoothed(beta * (policy - reference).margin, label_smoothing)


def smoothed(logits: Tensor, label_smoothing: float) -> Tensor:
    """Compute the cross-entropy of logits (B,) where a share of the labels is wrong."""
    return -(1 - label_smoothing) * logsigmoid(logits) - label_smoothing * logsigmoid(-logits)


def robust(policy: Pair, reference: Pair, beta: float, label_smoothing: float = 0.1) -> Tensor:
    """Robust DPO: an unbiased estimate of the loss on clean labels, of which eps were flipped.

    [-(1 - eps) log sigma(beta delta) + eps log sigma(-beta delta)] / (1 - 2 eps), eps being
    label_smoothing. Chowdhury et al. 2024 (arXiv:2403.00409).
    """
    return unflipped(beta * (policy - reference).margin, label_smoothing)


def robust_per_pair(
    policy: Pair, reference: Pair, p_correct: Tensor, beta: float, most_noise: float = 0.4
) -> Tensor:
    """Robust DPO with each pair's own eps = 1 - p_correct, held to most_noise at most.

    p_correct: the probability that the label is right. Near one half 1 / (1 - 2 eps) has no
    bound; at most_noise 0.4 a pair weighs five times a sure one. Formula as `robust`.
    """
    return unflipped(beta * (policy - reference).margin, (1 - p_correct).clamp(0, most_noise))


def unflipped(logits: Tensor, flipped: Tensor | float) -> Tensor:
    """Estimate without bias the loss of logits (B,) on labels before a share was flipped."""
    right, wrong = -logsigmoid(logits), -logsigmoid(-logits)
    return ((1 - flipped) * right - flipped * wrong) / (1 - 2 * flipped)


def hinge(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """A hinge on the margin, max(0, 1 - beta delta).

    Liu et al. 2024 (RSO, arXiv:2309.06657), there called hinge-norm.
    """
    return (1 - beta * (policy - reference).margin).relu()


def ipo(policy: Pair, reference: Pair, lengths: Pair, beta: float, summed: bool = False) -> Tensor:
    """Identity preference optimisation: (delta - 1 / (2 beta))^2, a margin with a target.

    Each log-ratio is divided by its completion's length, as the authors advised (TRL issues 1265
    and 1677), unless summed. beta is the paper's tau. Azar et al. 2023 (arXiv:2310.12036), eq. 17.
    """
    ratios = policy - reference
    if not summed:
        ratios = ratios / lengths
    return (ratios.margin - 1 / (2 * beta)) ** 2


def dpo_norm(policy: Pair, reference: Pair, lengths: Pair, beta: float) -> Tensor:
    """DPO of mean log-probs: -log sigma(beta (ratio_w / |y_w| - ratio_l / |y_l|)).

    Lambert et al. 2024 (Tülu 3, arXiv:2411.15124), with a beta of 5.
    """
    return -logsigmoid(beta * ((policy - reference) / lengths).margin)


def exo(policy: Pair, reference: Pair, beta: float, label_smoothing: float = 1e-3) -> Tensor:
    """Efficient exact optimisation: KL(p || q) of the policy's preference p to the label's q.

    p = (sigma(beta delta), sigma(-beta delta)), q = (1 - eps, eps), eps being label_smoothing,
    above 0. Ji et al. 2024 (arXiv:2402.00856), eq. 16.
    """
    logits = beta * (policy - reference).margin
    log_q = logits.new_tensor([1 - label_smoothing, label_smoothing]).log()
    chosen = logits.sigmoid() * (logsigmoid(logits) - log_q[0])
    return chosen + (-logits).sigmoid() * (logsigmoid(-logits) - log_q[1])


def discopop(policy: Pair, reference: Pair, beta: float, tau: float = 0.05) -> Tensor:
    """The loss a language model discovered: logistic and exponential, mixed by the margin.

    (1 - m) (-log sigma(z)) + m exp(-z), z = beta delta, m = sigma(z / tau). The second term is
    taken as one exponential, which does not overflow for tau below 1. Lu et al. 2024
    (arXiv:2406.08414), eq. 5.
    """
    logits = beta * (policy - reference).margin
    logistic = (-logits / tau).sigmoid() * -logsigmoid(logits)
    return logistic + (logsigmoid(logits / tau) - logits).exp()


def aot(policy: Pair, reference: Pair, beta: float, label_smoothing: float = 0.0) -> Tensor:
    """Alignment by optimal transport: the policy's margins are to dominate the reference's.

    Quantile by quantile, -log sigma(beta (sorted(log pi_w - log pi_l) - sorted(log ref_w -
    log ref_l))). Melnyk et al. 2024 (arXiv:2406.05882), the paired case. A value belongs to a
    quantile of the batch, in place of an example; each of several processes sorts its own part.
    """
    quantiles = policy.margin.sort().values - reference.margin.sort().values
    return smoothed(beta * quantiles, label_smoothing)


def aot_unpaired(
    policy: Pair, reference: Pair, beta: float, label_smoothing: float = 0.0
) -> Tensor:
    """Alignment by optimal transport: chosen log-ratios are to dominate the rejected ones.

    Quantile by quantile, -log sigma(beta (sorted(ratio_w) - sorted(ratio_l))), whoever was paired
    with whom. Melnyk et al. 2024 (arXiv:2406.05882), the unpaired case. Values as those of `aot`.
    """
    ratios = policy - reference
    quantiles = ratios.chosen.sort().values - ratios.rejected.sort().values
    return smoothed(beta * quantiles, label_smoothing)


def f_dpo_forward_kl(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """DPO under the forward KL, which covers all that the reference does: f'(t) = 1 - 1/t.

    -log sigma(beta (f'(t_w) - f'(t_l))), t = pi / ref of a completion, and f' the derivative of the
    divergence's generator. Wang et al. 2023 (arXiv:2309.16240), as TRL computes it.
    """
    inverse = reference - policy
    slopes = Pair(1 - exponential(inverse.chosen), 1 - exponential(inverse.rejected))
    return -logsigmoid(beta * slopes.margin)


def f_dpo_js(policy: Pair, reference: Pair, beta: float) -> Tensor:
    """DPO under the Jensen-Shannon divergence: f'(t) = log(2t / (1 + t)).

    Wang et al. 2023 (arXiv:2309.16240), as `f_dpo_forward_kl`.
    """
    ratios = policy - reference
    chosen = math.log(2) + logsigmoid(ratios.chosen)
    return -logsigmoid(beta * (chosen - (math.log(2) + logsigmoid(ratios.rejected))))


def f_dpo_alpha(policy: Pair, reference: Pair, beta: float, alpha: float = 0.5) -> Tensor:
    """DPO under an alpha-divergence: f'(t) = (t^(alpha - 1) - 1) / (alpha - 1), log t at alpha 1.

    alpha is TRL's f_alpha_divergence_coef, one less the paper's: near 1 it is DPO, at 0 the
    forward KL. Wang et al. 2023 (arXiv:2309.16240), as `f_dpo_forward_kl`.
    """
    ratios, power = policy - reference, alpha - 1
    if power:
        scaled = power * ratios
        ratios = Pair(
            (exponential(scaled.chosen) - 1) / power, (exponential(scaled.rejected) - 1) / power
        )
    return -logsigmoid(beta * ratios.margin)


def exponential(exponent: Tensor) -> Tensor:
    """Compute exp, which from LARGEST_EXPONENT on continues along its tangent."""
    bounded = exponent.clamp(max=LARGEST_EXPONENT)
    return bounded.exp() * (1 + exponent - bounded)


LOSSES = {
    "dpo": Loss(dpo, "pairs", 0.1, DPO_BETAS),
    "cdpo": Loss(cdpo, "pairs", 0.1, DPO_BETAS, limits=SMOOTHING),
    "robust": Loss(robust, "pairs", 0.1, DPO_BETAS, limits=SMOOTHING),
    "robust_per_pair": Loss(
        robust_per_pair, "pairs", 0.1, DPO_BETAS, limits={"most_noise": (0, 0.49)}
    ),
    "hinge": Loss(hinge, "pairs", 0.1, DPO_BETAS),
    "ipo": Loss(ipo, "pairs", 0.1, (0.01, 1)),
    "dpo_norm": Loss(dpo_norm, "pairs", 5, (2, 10)),
    "exo": Loss(exo, "pairs", 0.1, DPO_BETAS, limits={"label_smoothing": (1e-6, 0.49)}),
    "discopop": Loss(discopop, "pairs", 0.05, (0.01, 0.5), limits={"tau": (1e-3, 1)}),
    "aot": Loss(aot, "pairs", 0.1, DPO_BETAS, limits=SMOOTHING),
    "aot_unpaired": Loss(aot_unpaired, "pairs", 0.1, DPO_BETAS, limits=SMOOTHING),
    "f_dpo_forward_kl": Loss(f_dpo_forward_kl, "pairs", 0.1, DPO_BETAS),
    "f_dpo_js": Loss(f_dpo_js, "pairs", 0.1, DPO_BETAS),
    "f_dpo_alpha": Loss(f_dpo_alpha, "pairs", 0.1, DPO_BETAS, limits={"alpha": (0, 1)}),
}
