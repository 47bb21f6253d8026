"""What params.yaml may name as a loss."""

from pathlib import Path

import pytest

from rather.params.loss_names import known_loss, known_losses, policy_losses
from rather.params.params import make_params
from rather.schemas.base import UserError
from rather.trainer.losses.catalogue import LOSSES

OWN = """
def squared(policy, reference, beta=0.2, floor=0.0):
    return beta * (policy - reference).margin ** 2 + floor

def wrong(policy, rewards):
    return policy.margin
"""


@pytest.fixture
def _own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that holds a module of losses."""
    (tmp_path / "params_losses.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def test_losses_have_the_data_set_of_their_kind() -> None:
    """Pairs train on dpo, labels on kto; each option is one of the loss's."""
    known = known_losses()
    assert list(known) == list(LOSSES)
    assert (known["dpo"].data, known["kto"].data) == ("dpo", "kto")
    assert known["cpo"].options == ("alpha", "label_smoothing")
    assert known_loss("dqo") is None


def test_reward_models_and_imitation_are_no_policy_of_preferences() -> None:
    """They have stages of their own."""
    none = {name for name in LOSSES if name not in policy_losses()}
    assert none == {"sft", "bradley_terry", "bradley_terry_margin", "bradley_terry_centred"}


@pytest.mark.usefixtures("_own")
def test_a_policy_may_be_trained_with_the_users_own_loss() -> None:
    """The loss is a reference, and its option is known."""
    policy = {"data": "dpo", "loss": "params_losses:squared", "options": {"floor": 1.0}}
    params = make_params({"train": {"own": policy}}, (), "here")
    assert params.train["own"].loss == "params_losses:squared"


@pytest.mark.usefixtures("_own")
@pytest.mark.parametrize(
    ("policy", "sentence"),
    [
        ({"loss": "params_losses:gone"}, r"train\.own\.loss: expected params_losses:gone, found "),
        ({"loss": "params_losses:wrong"}, r"train\.own\.loss: .* found rewards; rename"),
        ({"loss": "params_losses:squared", "data": "kto"}, r"train\.own\.data: expected dpo"),
        ({"loss": "params_losses:squared", "options": {"x": 1}}, "options: expected floor, found"),
    ],
)
def test_a_wrong_loss_of_the_users_own_stops_at_once(
    policy: dict[str, object], sentence: str
) -> None:
    """The error names the entry of `train`."""
    with pytest.raises(UserError, match=sentence):
        make_params({"train": {"own": {"data": "dpo", **policy}}}, (), "here")
