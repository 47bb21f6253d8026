"""Metrics of a batch beside its loss, under TRL's names, one value per example concerned."""

from collections.abc import Mapping

from torch import Tensor
from torch.nn.functional import logsigmoid

from rather.trainer.losses import Loss, Pair, log_odds_ratio, nll, z0

Values = dict[str, Tensor]


def metrics(loss: Loss, beta: float, quantities: Mapping[str, Tensor]) -> Values:
    """Compute the metrics of a batch from what its loss takes.

    drift/chosen is how far chosen tokens' log-probs lie from the reference's, in nats without sign;
    logps/eos is the log-prob of where chosen completions end.

    Rewards are what the loss treats as such: scores of a reward model, beta times log-ratios, or
    without a reference beta times log-probs, per token where the loss takes means.
    """
    if "chosen_scores" in quantities:
        return _preference(quantities["chosen_scores"], quantities["rejected_scores"])
    if "policy_chosen" in quantities:
        return _of_pairs(loss, beta, quantities)
    if "policy" in quantities:
        return _of_labels(beta, quantities)
    return {}


def _preference(chosen: Tensor, rejected: Tensor) -> Values:
    margins = chosen - rejected
    return {
        "rewards/chosen": chosen,
        "rewards/rejected": rejected,
        "rewards/margins": margins,
        "rewards/accuracies": (margins.sign() + 1) / 2,
    }


def _of_pairs(loss: Loss, beta: float, quantities: Mapping[str, Tensor]) -> Values:
    names = ("policy_chosen", "policy_rejected", "chosen_lengths", "rejected_lengths")
    chosen, rejected, *lengths = (quantities[name] for name in names)
    values = {
        "nll_loss": nll(chosen, quantities["mean_chosen_length"]),
        "lengths/chosen": lengths[0],
        "lengths/rejected": lengths[1],
    }
    if loss.per_token:
        log_odds = log_odds_ratio(Pair(chosen, rejected), Pair(*lengths))
        values |= {"log_odds_ratio": logsigmoid(log_odds), "log_odds_chosen": log_odds}
        chosen, rejected = chosen / lengths[0], rejected / lengths[1]
    logps = {"logps/chosen": chosen, "logps/rejected": rejected}
    if loss.needs_reference:
        chosen = chosen - quantities["reference_chosen"]
        rejected = rejected - quantities["reference_rejected"]
        values["drift/chosen"] = chosen.abs() / lengths[0]
    if "chosen_ends" in quantities:
        values["logps/eos"] = quantities["chosen_ends"]
    preferred = _preference(beta * chosen, beta * rejected)
    return preferred | logps | values | _by_length(preferred["rewards/accuracies"], *lengths)


def _by_length(accuracies: Tensor, chosen: Tensor, rejected: Tensor) -> Values:
    """Split accuracies by which completion is the longer; a gap between them is a taste."""
    return {
        "rewards/accuracies_longer": accuracies[chosen > rejected],
        "rewards/accuracies_shorter": accuracies[chosen < rejected],
    }


def _of_labels(beta: float, quantities: Mapping[str, Tensor]) -> Values:
    policy, good, lengths = (quantities[name] for name in ("policy", "labels", "lengths"))
    rewards = beta * (policy - quantities["reference"])
    found = {"kl": z0(quantities["kl"]).expand(len(policy))} if "kl" in quantities else {}
    if "shift" in quantities:
        found["delta"] = quantities["shift"]
    if "ends" in quantities:
        found["logps/eos"] = quantities["ends"][good]
    found["drift/chosen"] = ((policy - quantities["reference"]).abs() / lengths)[good]
    return found | {
        f"{name}/{side}": values[which]
        for side, which in (("chosen", good), ("rejected", ~good))
        for name, values in (("rewards", rewards), ("logps", policy), ("lengths", lengths))
    }
