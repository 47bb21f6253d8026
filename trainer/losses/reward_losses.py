"""Losses of reward models: of the scores of chosen and rejected completions, raw logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rather.trainer.losses.loss import Loss, Pair, logsigmoid

if TYPE_CHECKING:
    from torch import Tensor


def bradley_terry(scores: Pair) -> Tensor:
    """Negative log-probability that the chosen completion wins: -log sigma(s_w - s_l).

    Bradley and Terry 1952; as a reward model's loss, Ouyang et al. 2022 (arXiv:2203.02155), eq. 1.
    """
    return -logsigmoid(scores.margin)


def bradley_terry_margin(scores: Pair, score_margin: Tensor) -> Tensor:
    """Bradley-Terry in which clearer preferences must win by more: -log sigma(s_w - s_l - m).

    score_margin: m, by how much raters preferred the chosen completion, in the data's own unit.
    Touvron et al. 2023 (Llama 2, arXiv:2307.09288), eq. 2.
    """
    return -logsigmoid(scores.margin - score_margin)


def bradley_terry_centred(scores: Pair, centring: float = 0.01) -> Tensor:
    """Bradley-Terry whose scores are drawn to a mean of 0: ... + centring (s_w + s_l)^2.

    Eisenstein et al. 2023 (arXiv:2312.09244), with TRL's coefficient of 0.01.
    """
    return bradley_terry(scores) + centring * (scores.chosen + scores.rejected) ** 2


LOSSES = {
    "bradley_terry": Loss(bradley_terry, "pairs"),
    "bradley_terry_margin": Loss(bradley_terry_margin, "pairs"),
    "bradley_terry_centred": Loss(bradley_terry_centred, "pairs", limits={"centring": (0, 1)}),
}
