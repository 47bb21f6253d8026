"""Means in which each value weighs the same."""

import torch

from rather.trainer.loop.means import Means


def test_each_value_weighs_the_same() -> None:
    """The mean of 1, 2, 3 and of 6 is 3, and not that of the batches' means."""
    means = Means()
    means.add({"loss": torch.tensor([1.0, 2.0, 3.0])})
    means.add({"loss": torch.tensor([6.0])})
    assert means.take() == {"loss": 3.0}
    assert means.take() == {}


def test_a_margin_is_that_of_the_mean_rewards() -> None:
    """Labels give rewards of different rows: two chosen of 2 and 4, one rejected of 1."""
    means = Means()
    means.add({"rewards/chosen": torch.tensor([2.0, 4.0]), "rewards/rejected": torch.tensor([1.0])})
    assert means.take()["rewards/margins"] == 2.0


def test_sums_go_on_where_they_were() -> None:
    """What was added before an interruption counts after it."""
    before, after = Means(), Means()
    before.add_sum("loss", 3.0, 2)
    after.load_state_dict(before.state_dict())
    after.add_sum("loss", 3.0, 1)
    assert after.take() == {"loss": 2.0}
