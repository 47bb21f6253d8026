"""What the last records of a run average, and how sure that is."""

from collections.abc import Sequence
from itertools import pairwise
from math import sqrt
from typing import NamedTuple

FEWEST, MOST = 5, 10  # records in a window
NOISE_FROM = 20  # records that tell how much one differs from the next


class Window(NamedTuple):
    """The mean of one quantity over a run's last records, and the standard error of that mean."""

    mean: float
    error: float

    def above(self, bound: float, errors: float = 3.0) -> bool:
        """Check whether the mean exceeds a bound by a number of standard errors."""
        return self.mean - errors * self.error > bound

    def below(self, bound: float, errors: float = 3.0) -> bool:
        """Check whether the mean is below a bound by a number of standard errors."""
        return self.mean + errors * self.error < bound


def window(given: Sequence[float]) -> Window | None:
    """Average the last 5 to 10 of up to 20 values; None where there are fewer than 5."""
    if len(given) < FEWEST:
        return None
    recent = given[-MOST:]
    return Window(sum(recent) / len(recent), noise(given) / sqrt(len(recent)))


def noise(given: Sequence[float]) -> float:
    """Estimate a series' standard deviation about its own trend, from successive differences.

    Half the mean square of the differences: von Neumann et al. 1941,
    doi:10.1214/aoms/1177731746. A slow rise or fall hardly enters it.
    """
    squares = [(later - earlier) ** 2 for earlier, later in pairwise(given)]
    return sqrt(sum(squares) / len(squares) / 2) if squares else 0.0
