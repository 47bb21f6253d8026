"""Losses of the margin that correct it: for falling likelihood, for length, for strength."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rather.trainer.losses.loss import DPO_BETAS, WEIGHT, Loss, Pair, logsigmoid

if TYPE_CHECKING:
    from torch import Tensor


def dpop(
    policy: Pair, reference: Pair, beta: float, lambda_: float = 50.0, outside: bool = False
) -> Tensor:
    """DPO-positive: a penalty where the chosen completion is less likely than to the reference.

    -log sigma(beta (delta - lambda max(0, log ref_w - log pi_w))). Pal et al. 2024
    (arXiv:2402.13228v2), eq. 3, with lambda 50 and beta 0.3. outside: the penalty stands beside the
    logarithm, unscaled by beta, as in its first version and some forks, which is not recommended.
    """
    margins = (policy - reference).margin
    penalty = lambda_ * (reference.chosen - policy.chosen).relu()
    if outside:
        return penalty - logsigmoid(beta * margins)
    return -logsigmoid(beta * (margins - penalty))


def r_dpo(policy: Pair, reference: Pair, lengths: Pair, beta: float, alpha: float = 0.02) -> Tensor:
    """DPO in which a longer chosen completion needs less of a margin, so that length is not learnt.

    -log sigma(beta delta + alpha (|y_w| - |y_l|)). Park et al. 2024 (arXiv:2403.19159).
    """
    return -logsigmoid(beta * (policy - reference).margin + alpha * lengths.margin)


def ld_dpo(
    policy: Pair,
    reference: Pair,
    policy_heads: Pair,
    reference_heads: Pair,
    beta: float,
    alpha: float = 0.5,
) -> Tensor:
    """DPO in which what the longer completion has more counts alpha: length-desensitised.

    Heads are log-probs of the first min(|y_w|, |y_l|) tokens, and each log-prob is replaced by
    head + alpha (sum - head). Liu et al. 2024 (arXiv:2409.06411).
    """
    margins = (policy - reference).margin
    of_heads = (policy_heads - reference_heads).margin
    return -logsigmoid(beta * (of_heads + alpha * (margins - of_heads)))


def odpo(
    policy: Pair, reference: Pair, score_margin: Tensor, beta: float, alpha: float = 0.5
) -> Tensor:
    """DPO with an offset: what raters preferred by more must win by more.

    -log sigma(beta delta - alpha log(s_w - s_l)). score_margin: s_w - s_l, above 0; a tie counts
    as the smallest number there is, so that it asks for nothing. Amini et al. 2024
    (arXiv:2402.10571), with the logarithm of the difference as the offset.
    """
    import torch

    offset = score_margin.clamp(min=torch.finfo(score_margin.dtype).tiny).log()
    return -logsigmoid(beta * (policy - reference).margin - alpha * offset)


LOSSES = {
    "dpop": Loss(dpop, "pairs", 0.3, DPO_BETAS, limits=WEIGHT),
    "r_dpo": Loss(r_dpo, "pairs", 0.1, DPO_BETAS, limits=WEIGHT),
    "ld_dpo": Loss(ld_dpo, "pairs", 0.1, DPO_BETAS, limits={"alpha": (0, 1)}),
    "odpo": Loss(odpo, "pairs", 0.5, (0.05, 1), limits=WEIGHT),
}
