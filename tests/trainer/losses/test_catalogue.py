"""The catalogue of losses: without torch, and with losses of the user's own."""

import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
import torch

from rather.trainer.compute.objective import objective
from rather.trainer.config import TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.losses import catalogue
from rather.trainer.losses.catalogue import LOSSES, find_loss, loss_names

OWN = """
from rather.trainer.losses import Loss

def squared(policy, reference, beta=0.2, floor=0.0):
    return beta * ((policy - reference).margin - 1) ** 2 + floor

def of_labels(policy, reference, labels):
    return (policy - reference).where(labels, reference - policy)

def wrong(policy, rewards):
    return policy.margin

def nothing(x=1):
    return x

def no_beta(policy, beta):
    return beta * policy.margin

entry = Loss(squared, "pairs", 0.3, limits={"floor": (0, 1)})
number = 7
"""
WITHOUT_TORCH = """
import sys
sys.modules.update(torch=None, transformers=None, pyarrow=None, numpy=None)
from rather.trainer.losses.catalogue import LOSSES, find_loss
print(len(LOSSES), LOSSES["kto"].eats, LOSSES["cpo"].options, find_loss("ld_dpo").needs_heads)
"""


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that holds a module of losses."""
    (tmp_path / "own_losses.py").write_text(OWN)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.delitem(sys.modules, "own_losses", raising=False)


def test_losses_are_listed_without_torch() -> None:
    """Names, data and options are known where torch cannot be imported."""
    command = [sys.executable, "-c", WITHOUT_TORCH]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout == f"{len(LOSSES)} labels {{'alpha': 1.0, 'label_smoothing': 0.0}} True\n"


@pytest.mark.usefixtures("own")
def test_a_function_of_the_users_own_is_trained_with() -> None:
    """Margin 2 of log-ratios, less 1, squared, times the default beta 0.2: 0.2; plus the floor."""
    goal = objective(TrainConfig("own_losses:squared", options={"floor": 0.5}))
    quantities = {
        "policy_chosen": torch.tensor([-1.0]),
        "policy_rejected": torch.tensor([-4.0]),
        "reference_chosen": torch.tensor([-2.0]),
        "reference_rejected": torch.tensor([-3.0]),
    }
    assert goal.losses(quantities).item() == pytest.approx(0.7)
    assert (goal.beta, goal.loss.eats, goal.loss.needs_reference) == (0.2, "pairs", True)


@pytest.mark.usefixtures("own")
def test_a_loss_of_the_users_own_states_its_numbers() -> None:
    """A `Loss` brings its usual beta and limits; labels are recognised by the argument."""
    loss, of_labels = find_loss("own_losses:entry"), find_loss("own_losses:of_labels")
    assert loss is not None and of_labels is not None
    assert (loss.usual_beta, loss.limits) == (0.3, {"floor": (0, 1)})
    assert of_labels.eats == "labels"


@pytest.mark.usefixtures("own")
def test_an_installed_package_adds_a_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point of the group rather.losses is found by its name."""
    entry = EntryPoint("mine", "own_losses:squared", catalogue.GROUP)
    monkeypatch.setattr(catalogue, "entry_points", lambda group: {"rather.losses": [entry]}[group])
    loss = find_loss("mine")
    assert loss is not None and loss.function.__name__ == "squared"
    assert loss_names() == [*LOSSES, "mine"]


@pytest.mark.usefixtures("own")
@pytest.mark.parametrize(
    ("reference", "sentence"),
    [
        ("own_losses:gone", "own_losses:gone, found AttributeError: .*correct the name"),
        ("no_such_module:loss", "no_such_module:loss, found ModuleNotFoundError: .*"),
        ("own_losses:wrong", "to take some of policy, .*found rewards; rename the argument"),
        ("own_losses:nothing", "to take some of policy, .*found x; name its arguments"),
        ("own_losses:no_beta", "the beta of own_losses:no_beta to have a default above 0"),
        ("own_losses:number", "to be a function or a Loss, found int; correct the name"),
    ],
)
def test_a_wrong_loss_of_the_users_own_is_explained(reference: str, sentence: str) -> None:
    """The error states what was expected, what was found and how to fix it."""
    with pytest.raises(TrainerError, match=f"^loss: expected .*{sentence}"):
        find_loss(reference)
