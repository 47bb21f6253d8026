"""What a record tells beside the loss, for the watch to see."""

import torch

from rather.trainer.compute.batch_metrics import metrics
from rather.trainer.losses import LOSSES

PAIRS = {
    "policy_chosen": torch.tensor([-4.0, -9.0, -3.0]),
    "policy_rejected": torch.tensor([-6.0, -1.0, -3.0]),
    "reference_chosen": torch.tensor([-6.0, -8.0, -3.0]),
    "reference_rejected": torch.tensor([-6.0, -4.0, -3.0]),
    "chosen_lengths": torch.tensor([4, 2, 3]),
    "rejected_lengths": torch.tensor([2, 4, 3]),
    "mean_chosen_length": torch.tensor(3.0),
    "chosen_ends": torch.tensor([-0.5, -1.5, -1.0]),
}


def test_accuracy_is_split_by_which_completion_is_longer() -> None:
    """The first pair is longer and right, the second shorter and wrong, the third neither."""
    found = metrics(LOSSES["dpo"], 0.1, PAIRS)
    assert found["rewards/accuracies"].tolist() == [1.0, 0.0, 0.5]
    assert found["rewards/accuracies_longer"].tolist() == [1.0]
    assert found["rewards/accuracies_shorter"].tolist() == [0.0]


def test_drift_is_per_token_and_without_sign() -> None:
    """Log-ratios of 2 over 4 tokens, -1 over 2, and none."""
    assert metrics(LOSSES["dpo"], 0.1, PAIRS)["drift/chosen"].tolist() == [0.5, 0.5, 0.0]
    assert "drift/chosen" not in metrics(LOSSES["cpo"], 0.1, PAIRS)


def test_the_end_of_chosen_completions_is_told() -> None:
    """Of pairs all, of labels the desirable ones."""
    assert metrics(LOSSES["dpo"], 0.1, PAIRS)["logps/eos"].tolist() == [-0.5, -1.5, -1.0]
    labels = {
        "policy": torch.tensor([-4.0, -9.0]),
        "reference": torch.tensor([-6.0, -8.0]),
        "lengths": torch.tensor([4, 2]),
        "labels": torch.tensor([True, False]),
        "ends": torch.tensor([-0.5, -1.5]),
    }
    found = metrics(LOSSES["apo_zero_unpaired"], 0.1, labels)
    assert (found["logps/eos"].tolist(), found["drift/chosen"].tolist()) == ([-0.5], [0.5])
