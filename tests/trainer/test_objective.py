"""Metrics, means and the comparison with the reference, on numbers done by hand."""

import torch

from trainer.config import TrainConfig
from trainer.objective import Means, at_reference, objective


def test_a_tie_is_half_right() -> None:
    """Scores above, equal to and below the rejected one's count 1, 1/2 and 0."""
    scores = {
        "chosen_scores": torch.tensor([2.0, 1.0, 0.0]),
        "rejected_scores": torch.tensor([1.0, 1.0, 1.0]),
    }
    metrics = objective(TrainConfig("bradley_terry")).metrics(scores)
    assert metrics["rewards/accuracies"].tolist() == [1.0, 0.5, 0.0]


def test_rewards_are_scaled_log_ratios() -> None:
    """With beta 0.5, log-ratios of 2 and -4 are rewards of 1 and -2, a margin of 3."""
    quantities = {
        "policy_chosen": torch.tensor([-1.0]),
        "policy_rejected": torch.tensor([-9.0]),
        "reference_chosen": torch.tensor([-3.0]),
        "reference_rejected": torch.tensor([-5.0]),
    }
    metrics = objective(TrainConfig("dpo", beta=0.5)).metrics(quantities)
    found = {name: values.item() for name, values in metrics.items()}
    assert found == {
        "rewards/chosen": 1.0,
        "rewards/rejected": -2.0,
        "rewards/margins": 3.0,
        "rewards/accuracies": 1.0,
        "logps/chosen": -1.0,
        "logps/rejected": -9.0,
    }


def test_labels_share_out_the_rewards() -> None:
    """The one desirable completion is chosen, the two others rejected, whatever the batch."""
    quantities = {
        "policy": torch.tensor([-1.0, -2.0, -3.0]),
        "reference": torch.tensor([-2.0, -2.0, -2.0]),
        "labels": torch.tensor([True, False, False]),
        "kl": torch.tensor([0.5, -0.5, 0.3]),
    }
    means = Means()
    means.add(objective(TrainConfig("kto", beta=1.0)).metrics(quantities))
    found = means.take()
    assert found["rewards/chosen"] == 1.0
    assert found["rewards/rejected"] == -0.5
    assert found["rewards/margins"] == 1.5
    assert abs(found["kl"] - 0.1) < 1e-6


def test_a_policy_that_is_the_reference_has_no_log_ratios() -> None:
    """Every policy log-prob becomes the reference's, and the mismatched log-ratios zero."""
    swapped = at_reference(
        {
            "policy": torch.tensor([-1.0]),
            "reference": torch.tensor([-2.0]),
            "labels": torch.tensor([True]),
            "kl": torch.tensor([0.5]),
        }
    )
    assert (swapped["policy"].item(), swapped["kl"].item()) == (-2.0, 0.0)
    assert swapped["labels"].item() is True


def test_means_weigh_each_value_the_same() -> None:
    """A batch of one and a batch of three: (4 + 0 + 0 + 0) / 4, and not (4 + 0) / 2."""
    means = Means()
    means.add({"rewards/accuracies": torch.tensor([4.0])})
    means.add({"rewards/accuracies": torch.zeros(3)})
    assert means.take() == {"rewards/accuracies": 1.0}
    assert means.take() == {}
