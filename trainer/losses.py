"""Losses: pure functions of log-probs, returning one value per example.

Every floating tensor is (B,), in nats: log-probs are summed over a completion's scored tokens, and
lengths count those tokens. Arithmetic stays in the dtype given, fp32 or float64. A loss takes what
it needs by name, from the quantities that `trainer.objective` can supply.
"""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from torch.nn.functional import logsigmoid

Kind = Literal["demonstrations", "pairs", "labels"]


def sft(logps: Tensor, lengths: Tensor) -> Tensor:
    """Negative log-likelihood, whose mean over the batch is the mean per completion token.

    Each token of the batch weighs the same, so an example weighs by its length.
    """
    return -logps / lengths.to(logps.dtype).mean()


def bradley_terry(chosen_scores: Tensor, rejected_scores: Tensor) -> Tensor:
    """Negative log-probability that the chosen completion wins.

    Bradley and Terry 1952; as a reward model's loss, Ouyang et al. 2022 (arXiv:2203.02155), eq. 1.
    """
    return -logsigmoid(chosen_scores - rejected_scores)


def dpo(
    policy_chosen: Tensor,
    policy_rejected: Tensor,
    reference_chosen: Tensor,
    reference_rejected: Tensor,
    beta: float,
) -> Tensor:
    """Direct preference optimisation: Bradley-Terry on the rewards a policy implies.

    Rafailov et al. 2023 (arXiv:2305.18290), eq. 7.
    """
    chosen_logratios = policy_chosen - reference_chosen
    rejected_logratios = policy_rejected - reference_rejected
    return -logsigmoid(beta * (chosen_logratios - rejected_logratios))


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

    labels: (B,) bool, true where the completion is desirable. kl: log-ratios policy - reference of
    mismatched pairs, each prompt with another row's completion. Ethayarajh et al. 2024
    (arXiv:2402.01306), eq. 8.
    """
    gains = beta * (policy - reference - z0(kl))
    desirable = desirable_weight * (1 - gains.sigmoid())
    undesirable = undesirable_weight * (1 - (-gains).sigmoid())
    return desirable.where(labels, undesirable)


def z0(kl: Tensor) -> Tensor:
    """KTO's reference point: the mean mismatched log-ratio (B,) -> (), at least 0, no gradient.

    Ethayarajh et al. 2024 (arXiv:2402.01306), section 4.1.
    """
    return kl.detach().mean().clamp(min=0)


@dataclass(frozen=True)
class Loss:
    """A loss and what the trainer must know to feed it.

    eats: the data it is computed from. usual_beta: None for a loss without beta. averages_over:
    what a mean over several batches is weighted by.
    """

    function: Callable[..., Tensor]
    eats: Kind
    usual_beta: float | None = None
    averages_over: Literal["examples", "tokens"] = "examples"

    @property
    def inputs(self) -> tuple[str, ...]:
        """The names of its arguments."""
        return tuple(inspect.signature(self.function).parameters)

    @property
    def needs_reference(self) -> bool:
        """Whether it compares the policy with a reference model."""
        return any(name.startswith("reference") for name in self.inputs)

    @property
    def needs_scores(self) -> bool:
        """Whether it trains a reward model, which scores sequences, and not a policy."""
        return any(name.endswith("scores") for name in self.inputs)


LOSSES: dict[str, Loss] = {
    "sft": Loss(sft, eats="demonstrations", averages_over="tokens"),
    "bradley_terry": Loss(bradley_terry, eats="pairs"),
    "dpo": Loss(dpo, eats="pairs", usual_beta=0.1),
    "kto": Loss(kto, eats="labels", usual_beta=0.1),
}
