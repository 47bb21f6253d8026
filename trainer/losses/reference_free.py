"""Losses of pairs that need no reference: none is loaded for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rather.trainer.losses.loss import DPO_BETAS, SMOOTHING, WEIGHT, Loss, Pair, logsigmoid
from rather.trainer.losses.margin import smoothed

if TYPE_CHECKING:
    from torch import Tensor

# A mean log-prob counts as no greater in log(1 - p), which has no bound at p = 1.
GREATEST_MEAN_LOGP = -1e-6


def dpo_reference_free(policy: Pair, beta: float) -> Tensor:
    """DPO about a reference to which all completions are alike: -log sigma(beta (pi_w - pi_l)).

    The reference_free option of the code of Rafailov et al. 2023 (arXiv:2305.18290); log-probs
    are summed.
    """
    return -logsigmoid(beta * policy.margin)


def simpo(policy: Pair, lengths: Pair, beta: float, gamma_beta_ratio: float = 0.55) -> Tensor:
    """Simple preference optimisation: mean log-probs as rewards, and a target margin gamma.

    -log sigma(beta (log pi_w / |y_w| - log pi_l / |y_l| - gamma / beta)). Meng et al. 2024
    (arXiv:2405.14734), eq. 6; beta 2.5 and gamma / beta 0.55 are its Llama-3-Instruct's.
    """
    return -logsigmoid(beta * ((policy / lengths).margin - gamma_beta_ratio))


def orpo(policy: Pair, lengths: Pair, mean_chosen_length: Tensor, beta: float) -> Tensor:
    """Odds ratio preference optimisation: imitation of chosen, and better odds than rejected's.

    NLL of the chosen completion's tokens - beta log sigma(log odds_w - log odds_l), odds being
    those of mean log-probs. beta is the paper's lambda. Hong et al. 2024 (arXiv:2403.07691),
    eqs. 6 and 7.
    """
    log_odds = log_odds_ratio(policy, lengths)
    return nll(policy.chosen, mean_chosen_length) - beta * logsigmoid(log_odds)


def log_odds_ratio(policy: Pair, lengths: Pair) -> Tensor:
    """Compute the log of odds(chosen) / odds(rejected), odds = p / (1 - p), log p a mean log-prob.

    Hong et al. 2024 (arXiv:2403.07691), eqs. 4 and 7.
    """
    means = policy / lengths
    return means.margin - (log1mexp(means.chosen) - log1mexp(means.rejected))


def log1mexp(logps: Tensor) -> Tensor:
    """Compute log(1 - exp(logps)), bounded at GREATEST_MEAN_LOGP."""
    return (-logps.clamp(max=GREATEST_MEAN_LOGP).expm1()).log()


def cpo(
    policy: Pair,
    mean_chosen_length: Tensor,
    beta: float,
    alpha: float = 1.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Contrastive preference optimisation: DPO about a flat reference, and imitation of chosen.

    -log sigma(beta (log pi_w - log pi_l)) + alpha NLL of the chosen completion's tokens. Xu et al.
    2024 (arXiv:2401.08417), eq. 3 and its term of behaviour cloning.
    """
    preference = smoothed(beta * policy.margin, label_smoothing)
    return preference + alpha * nll(policy.chosen, mean_chosen_length)


def slic(policy: Pair, beta: float, lambda_: float = 0.1) -> Tensor:
    """Sequence likelihood calibration: a hinge on log-probs, and imitation of the chosen.

    max(0, beta - log pi_w + log pi_l) - lambda log pi_w, beta being the paper's delta; its target
    to imitate is here the chosen completion. Zhao et al. 2023 (arXiv:2305.10425), eq. 1.
    """
    return (beta - policy.chosen + policy.rejected).relu() - lambda_ * policy.chosen


def nll(policy_chosen: Tensor, mean_chosen_length: Tensor) -> Tensor:
    """Imitate the chosen completion, each token of the batch weighing the same.

    mean_chosen_length: (), over the whole batch, whichever processes it is divided over.
    The second term of ORPO (Hong et al. 2024, arXiv:2403.07691, eq. 6) and CPO (Xu et al. 2024,
    arXiv:2401.08417); for a weighted sum with other losses.
    """
    return -policy_chosen / mean_chosen_length


def rpo_nll(policy_chosen: Tensor, chosen_lengths: Tensor) -> Tensor:
    """Imitate the chosen completion, each example weighing the same: -log pi_w / |y_w|.

    The term that iterative RPO adds to DPO, with a weight alpha: Pang et al. 2024
    (arXiv:2404.19733), eq. 1.
    """
    return -policy_chosen / chosen_lengths


LOSSES = {
    "dpo_reference_free": Loss(dpo_reference_free, "pairs", 0.1, DPO_BETAS),
    "simpo": Loss(simpo, "pairs", 2.5, (2, 10), per_token=True),
    "orpo": Loss(orpo, "pairs", 0.1, (0.05, 1), per_token=True),
    "cpo": Loss(cpo, "pairs", 0.1, (0.05, 0.5), limits={**SMOOTHING, **WEIGHT}),
    "slic": Loss(slic, "pairs", 1.0, (0.1, 10), limits=WEIGHT),
    "nll": Loss(nll, "pairs"),
    "rpo_nll": Loss(rpo_nll, "pairs"),
}
