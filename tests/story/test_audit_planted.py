"""Planted faults are found and counted, and a sound file is not accused."""

from pathlib import Path

import pytest

from rather.auditing.figures import audit_figures
from rather.auditing.worst_rows import audit_rows
from rather.params.params import make_params
from rather.run import Run
from tests.pipeline.audited import with_quality
from tests.pipeline.curated import PAIRS
from tests.story.tainted import Tainted, tainted, untainted

SEED = 0
WITHIN = 0.10  # of what was planted
STAGES = PAIRS


def audited(world: Tainted, root: Path) -> Run:
    """Curate the file as `rather audit` does, the test file given."""
    values = {
        "source": {
            "path": str(world.path),
            "format": "comparisons",
            "mapping": world.mapping,
            "near_duplicates": True,
        },
        "contamination": {"path": str(world.test)},
        "test_fraction": 0,
    }
    return with_quality(Run(root, make_params(values, (), "planted")), STAGES)


@pytest.fixture(scope="module")
def bad(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tainted, Run]:
    """The file with every fault, curated."""
    root = tmp_path_factory.mktemp("bad")
    world = tainted(root / "source", SEED)
    return world, audited(world, root)


def test_the_verdict_on_a_bad_file_is_no(bad: tuple[Tainted, Run]) -> None:
    """Every planted fault is named, with a count within a tenth of what was planted."""
    world, run = bad
    told = audit_figures(run)["verdict"]
    found = {each["name"]: each["count"] for each in told["problems"]}
    assert told["answer"] == "no"
    for name, planted in world.counts.items():
        assert found[name] == pytest.approx(planted, rel=WITHIN), name
    assert set(found) - set(world.counts) == {"low_agreement", "contamination"}


def test_the_adversary_is_named(bad: tuple[Tainted, Run]) -> None:
    """By its column, and nobody else."""
    problems = audit_figures(bad[1])["verdict"]["problems"]
    (adverse,) = (each for each in problems if each["name"] == "adversarial_rater")
    assert adverse["sentence"].startswith("the rater adversary says")


def test_faulty_rows_are_there_to_look_at(bad: tuple[Tainted, Run]) -> None:
    """200 flipped labels, the copies with another prompt, and what is in the test set."""
    world, run = bad
    counts = dict(audit_rows(run)["reason"].value_counts().iter_rows())
    assert counts["flipped_label"] == 200
    assert counts["repeated_prompt"] == world.counts["duplicates"] // 2
    assert counts["in_a_test_set"] == pytest.approx(world.counts["test_leakage"], rel=WITHIN)


def test_the_verdict_on_a_sound_file_is_yes(tmp_path: Path) -> None:
    """Nothing is named, and nearly every pair is kept."""
    figures = audit_figures(audited(untainted(tmp_path / "source", SEED), tmp_path))
    assert figures["verdict"]["problems"] == []
    assert figures["verdict"]["answer"] == "yes"
    assert figures["headline"][0]["value"] > 0.95
