"""What is told of a run by several commands: advice on its pairs, and numbers as JSON has them."""

import json
from pathlib import Path

import polars as pl
import pytest

from rather.auditing.accounts import advise
from rather.ledger import plain
from rather.params.params import make_params
from rather.run import Run


def run(*changes: str) -> Run:
    """A run with these parameters, of which nothing is read."""
    return Run(Path(), make_params({}, changes, "--set"))


def chosen(longer: int, shorter: int, split: str = "train") -> pl.DataFrame:
    """Chosen pairs, so many of whose chosen answers are the longer and the shorter."""
    gaps = [1] * longer + [-1] * shorter
    return pl.DataFrame({"split": [split] * len(gaps), "length_gap": gaps})


@pytest.mark.parametrize(
    ("longer", "shorter", "changes", "heard"),
    [
        (150, 50, [], True),
        (104, 96, [], False),
        (2, 1, [], False),
        (150, 50, ["choose.balance=none"], False),
        (150, 50, ["choose.length_target=0.75"], False),
    ],
)
def test_a_missed_length_target_is_said(
    longer: int, shorter: int, changes: list[str], heard: bool
) -> None:
    """Beyond the tolerance, an odd pair apart, and only where lengths were to be balanced."""
    said = [each.sentence for each in advise(run(*changes), chosen(longer, shorter))]
    assert any("the chosen answer is the longer in" in each for each in said) == heard


def test_advice_is_about_what_is_trained_on() -> None:
    """Held-out pairs do not count."""
    held_out = chosen(500, 500, "test")
    (said,) = advise(run(), pl.concat([chosen(2, 2), held_out]))
    assert said.sentence.startswith("4 training pairs")
    assert advise(run(), chosen(2500, 2500)) == []


def test_numbers_are_plain() -> None:
    """Six decimals, no minus zero, and null for what is not finite."""
    told = {"a": [1 / 3, -1e-9], "b": {"c": float("nan"), "d": None, "e": True, "f": 7}}
    assert json.dumps(plain(told)) == (
        '{"a": [0.333333, 0.0], "b": {"c": null, "d": null, "e": true, "f": 7}}'
    )
