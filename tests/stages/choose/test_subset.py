"""Prompts to choose for while the others' choice stands."""

import numpy as np
import pytest

from rather.stages.choose.candidates import Candidates, Level, part_of


def test_the_standing_choice_takes_room_and_gives_worth() -> None:
    """Of 3 prompts the second is open: pairs 0 and 4, both longer by 1 and worth 6, stand."""
    loads = np.array([[1.0, -1.0, 1.0, -1.0, 1.0]], np.float32)
    pairs = Candidates(np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([0, 2, 4]), loads, 1)
    taken = np.array([True, False, True, False, True])
    part = part_of(pairs, Level(np.array([0.5]), 0.1, slack=0.5), taken, np.array([1]))
    assert part.where.tolist() == [2, 3]
    assert part.rooms == pytest.approx([0.5 - 2 * (0.5 - 0.1), 0.5 + 2 * (0.5 + 0.1)])
    assert part.worth == 6.0
