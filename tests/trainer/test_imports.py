"""Which files of the trainer generating and rating import, at any depth."""

import pytest

from rather.params.import_closure import import_closure
from rather.trainer.losses.catalogue import LOSSES
from tests.paths import ROOT

USED_BY_RATERS = ("data.encoding", "reference.rewards", "reference.implicit_rewards")
OTHERS = ("trainer/losses/", "trainer/loop/", "trainer/watch/", "trainer/compute/objective.py")


def files_of(module: str) -> set[str]:
    """Return the files that a module of the trainer imports, paths from the root."""
    paths = import_closure(f"rather.trainer.{module}").values()
    return {str(path.relative_to(ROOT)) for path in paths}


@pytest.mark.parametrize("module", USED_BY_RATERS)
def test_raters_use_no_loss(module: str) -> None:
    """A new loss, a change of the loop or of a warning makes no rating stale."""
    files = files_of(module)
    assert f"trainer/{module.replace('.', '/')}.py" in files
    assert {file for file in files if file.startswith(OTHERS)} == set()


def test_training_uses_every_loss() -> None:
    """The files of all losses are found from the training entry by its imports."""
    files = files_of("train")
    modules = {loss.function.__module__.rpartition(".")[2] for loss in LOSSES.values()}
    assert {f"trainer/losses/{module}.py" for module in modules} <= files
