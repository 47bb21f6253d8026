"""Some prompts to choose for, while what is chosen for all others stands."""

from typing import NamedTuple

import numpy as np

from rather.stages.choose.candidates import Candidates, Flags, Floats, Indices
from rather.stages.choose.constraint import Level


class Part(NamedTuple):
    """Some prompts' pairs.

    where: where they stand among all
    rooms: what the standing choice leaves of each side
    worth: what the standing choice is worth
    """

    pairs: Candidates
    where: Indices
    rooms: Floats
    worth: float


def part_of(pairs: Candidates, level: Level, taken: Flags, prompts: Indices) -> Part:
    """Take some prompts' pairs out of a choice."""
    part, where = pairs.of(prompts)
    others = taken.copy()
    others[where] = False
    standing = np.flatnonzero(others)
    rooms = level.slack - level.used(pairs.loads[:, standing])
    return Part(part, where, rooms, float(pairs.worth[standing].sum()))
