"""Losses: pure functions of log-probs, returning one value per example; see `losses.loss`.

A loss of the project is a function and an entry of LOSSES in one file of this folder.
"""

from rather.trainer.losses.catalogue import LOSSES, find_loss, loss_names
from rather.trainer.losses.completion_losses import z0
from rather.trainer.losses.loss import Loss, Pair, weighted_sum
from rather.trainer.losses.reference_free import log_odds_ratio, nll

__all__ = [
    "LOSSES",
    "Loss",
    "Pair",
    "find_loss",
    "log_odds_ratio",
    "loss_names",
    "nll",
    "weighted_sum",
    "z0",
]
