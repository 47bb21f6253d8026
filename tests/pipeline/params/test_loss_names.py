"""What the light commands know of losses, against the losses themselves."""

from rather.params.loss_names import DATA_SETS, known_losses, policy_losses
from rather.trainer.losses import LOSSES


def test_what_is_read_of_losses_is_what_they_are() -> None:
    """Names, data and options are those that the trainer finds, in its order."""
    known = known_losses()
    assert list(known) == list(LOSSES)
    for name, loss in LOSSES.items():
        assert known[name].options == tuple(loss.options)
        assert known[name].data == (None if loss.needs_scores else DATA_SETS.get(loss.eats))


def test_reward_models_and_imitation_are_no_policy_of_preferences() -> None:
    """They have stages of their own."""
    none = {name for name in LOSSES if name not in policy_losses()}
    assert none == {"sft", "bradley_terry", "bradley_terry_margin", "bradley_terry_centred"}
