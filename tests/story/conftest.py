"""The whole chain, run once, smaller than the demo but as real."""

import pytest

from tests.story.repository import Repository, fresh

SMALL = {
    "demo.num_prompts": 300,
    "demo.num_comparisons": 60,
    "sft.epochs": 2,
    "reward.epochs": 1,
    "train.dpo.epochs": 1,
    "train.kto.epochs": 1,
    "validate.agreement_floor": 0.5,
}


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Repository:
    """The whole chain on a small demo world, run once; tests that change it take a copy."""
    repository = fresh(tmp_path_factory.mktemp("story") / "demo")
    repository.set_params(SMALL)
    repository.run("dvc", "repro")
    return repository
