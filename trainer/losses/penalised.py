"""Losses of the margin that correct it: for falling likelihood, for length, for strength."""

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from rather.trainer.losses.pairs import delta


def dpop(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float,
    lambda_: float = 50.0,
    outside: bool = False,
) -> Tensor:
    """DPO-positive: a penalty where the chosen completion is less likely than to the reference.

    -log sigma(beta (delta - lambda max(0, log ref_w - log pi_w))). Pal et al. 2024
    (arXiv:2402.13228v2), eq. 3, with lambda 50 and beta 0.3. outside: the penalty stands beside the
    logarithm, unscaled by beta, as in its first version and some forks, which is not recommended.
    """
    margins = delta(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    penalty = lambda_ * relu(reference_chosen - policy_chosen)
    if outside:
        return penalty - logsigmoid(beta * margins)
    return -logsigmoid(beta * (margins - penalty))


def r_dpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    chosen_lengths: Tensor,
    rejected_lengths: Tensor,
    beta: float,
    alpha: float = 0.02,
) -> Tensor:
    """DPO in which a longer chosen completion needs less of a margin, so that length is not learnt.

    -log sigma(beta delta + alpha (|y_w| - |y_l|)). Park et al. 2024 (arXiv:2403.19159).
    """
    margins = delta(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    return -logsigmoid(beta * margins + alpha * (chosen_lengths - rejected_lengths))


def ld_dpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    policy_chosen_heads: Tensor,
    policy_rejected_heads: Tensor,
    reference_chosen_heads: Tensor,
    reference_rejected_heads: Tensor,
    beta: float,
    alpha: float = 0.5,
) -> Tensor:
    """DPO in which what the longer completion has more counts alpha: length-desensitised.

    Heads are log-probs of the first min(|y_w|, |y_l|) tokens, and each log-prob is replaced by
    head + alpha (sum - head). Liu et al. 2024 (arXiv:2409.06411).
    """
    margins = delta(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    of_heads = delta(
        policy_chosen_heads,
        policy_rejected_heads,
        reference_chosen_heads,
        reference_rejected_heads,
    )
    return -logsigmoid(beta * (of_heads + alpha * (margins - of_heads)))


def odpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    score_margin: Tensor,
    beta: float,
    alpha: float = 0.5,
) -> Tensor:
    """DPO with an offset: what raters preferred by more must win by more.

    -log sigma(beta delta - alpha log(s_w - s_l)). score_margin: s_w - s_l, above 0; a tie counts
    as the smallest number there is, so that it asks for nothing. Amini et al. 2024
    (arXiv:2402.10571), with the logarithm of the difference as the offset.
    """
    margins = delta(policy_chosen, policy_rejected, reference_chosen, reference_rejected)
    offset = score_margin.clamp(min=torch.finfo(score_margin.dtype).tiny).log()
    return -logsigmoid(beta * margins - alpha * offset)
