"""Losses of whole distributions: sorted margins are compared, not those of each pair.

What they return is sorted, so a value belongs to a quantile of the batch and not to an example;
where several processes share a batch, each sorts its own part.
"""

from torch import Tensor

from rather.trainer.losses.pairs import smoothed


def aot(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Alignment by optimal transport: the policy's margins are to dominate the reference's.

    Quantile by quantile, -log sigma(beta (sorted(log pi_w - log pi_l) - sorted(log ref_w -
    log ref_l))). Melnyk et al. 2024 (arXiv:2406.05882), the paired case.
    """
    of_policy = (policy_chosen - policy_rejected).sort().values
    of_reference = (reference_chosen - reference_rejected).sort().values
    return smoothed(beta * (of_policy - of_reference), label_smoothing)


def aot_unpaired(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Alignment by optimal transport: chosen log-ratios are to dominate the rejected ones.

    Quantile by quantile, -log sigma(beta (sorted(ratio_w) - sorted(ratio_l))), whoever was paired
    with whom. Melnyk et al. 2024 (arXiv:2406.05882), the unpaired case.
    """
    chosen = (policy_chosen - reference_chosen).sort().values
    rejected = (policy_rejected - reference_rejected).sort().values
    return smoothed(beta * (chosen - rejected), label_smoothing)
