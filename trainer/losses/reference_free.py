"""Losses of pairs that need no reference: none is loaded for them."""

from torch import Tensor
from torch.nn.functional import logsigmoid, relu

from rather.trainer.losses.likelihood import nll
from rather.trainer.losses.pairs import smoothed

# A mean log-prob counts as no greater in log(1 - p), which has no bound at p = 1.
GREATEST_MEAN_LOGP = -1e-6


def dpo_reference_free(policy_chosen: Tensor, policy_rejected: Tensor, beta: float) -> Tensor:
    """DPO about a reference to which all completions are alike: -log sigma(beta (pi_w - pi_l)).

    The reference_free option of the code of Rafailov et al. 2023 (arXiv:2305.18290); log-probs
    are summed.
    """
    return -logsigmoid(beta * (policy_chosen - policy_rejected))


def simpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    chosen_lengths: Tensor,
    rejected_lengths: Tensor,
    beta: float,
    gamma_beta_ratio: float = 0.55,
) -> Tensor:
    """Simple preference optimisation: mean log-probs as rewards, and a target margin gamma.

    -log sigma(beta (log pi_w / |y_w| - log pi_l / |y_l| - gamma / beta)). Meng et al. 2024
    (arXiv:2405.14734), eq. 6; beta 2.5 and gamma / beta 0.55 are its Llama-3-Instruct's.
    """
    margins = policy_chosen / chosen_lengths - policy_rejected / rejected_lengths
    return -logsigmoid(beta * (margins - gamma_beta_ratio))


def orpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    chosen_lengths: Tensor,
    rejected_lengths: Tensor,
    mean_chosen_length: Tensor,
    beta: float,
) -> Tensor:
    """Odds ratio preference optimisation: imitation of chosen, and better odds than rejected's.

    NLL of the chosen completion's tokens - beta log sigma(log odds_w - log odds_l), odds being
    those of mean log-probs. beta is the paper's lambda. Hong et al. 2024 (arXiv:2403.07691),
    eqs. 6 and 7.
    """
    log_odds = log_odds_ratio(policy_chosen, policy_rejected, chosen_lengths, rejected_lengths)
    return nll(policy_chosen, mean_chosen_length) - beta * logsigmoid(log_odds)


def log_odds_ratio(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    chosen_lengths: Tensor,
    rejected_lengths: Tensor,
) -> Tensor:
    """Take the log of odds(chosen) / odds(rejected), odds = p / (1 - p), log p a mean log-prob.

    Hong et al. 2024 (arXiv:2403.07691), eqs. 4 and 7.
    """
    chosen, rejected = policy_chosen / chosen_lengths, policy_rejected / rejected_lengths
    return chosen - rejected - (log1mexp(chosen) - log1mexp(rejected))


def log1mexp(logps: Tensor) -> Tensor:
    """Take log(1 - exp(logps)), bounded at GREATEST_MEAN_LOGP."""
    return (-logps.clamp(max=GREATEST_MEAN_LOGP).expm1()).log()


def cpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    mean_chosen_length: Tensor,
    beta: float,
    alpha: float = 1.0,
    label_smoothing: float = 0.0,
) -> Tensor:
    """Contrastive preference optimisation: DPO about a flat reference, and imitation of chosen.

    -log sigma(beta (log pi_w - log pi_l)) + alpha NLL of the chosen completion's tokens. Xu et al.
    2024 (arXiv:2401.08417), eq. 3 and its term of behaviour cloning.
    """
    preference = smoothed(beta * (policy_chosen - policy_rejected), label_smoothing)
    return preference + alpha * nll(policy_chosen, mean_chosen_length)


def slic(
    policy_chosen: Tensor, policy_rejected: Tensor, beta: float, lambda_: float = 0.1
) -> Tensor:
    """Sequence likelihood calibration: a hinge on log-probs, and imitation of the chosen.

    max(0, beta - log pi_w + log pi_l) - lambda log pi_w, beta being the paper's delta; its target
    to imitate is here the chosen completion. Zhao et al. 2023 (arXiv:2305.10425), eq. 1.
    """
    return relu(beta - policy_chosen + policy_rejected) - lambda_ * policy_chosen
