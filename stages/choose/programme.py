"""The linear programme of a balanced choice, handed to SciPy's HiGHS.

maximise   sum worth_i z_i
subject to sum over a prompt's pairs of z_i <= most,   0 <= z_i <= 1,
           sum sides_ki z_i <= rooms_k                 for each side k of each scale
"""

from importlib import import_module
from threading import Thread
from typing import Any, NamedTuple

import numpy as np

from rather.stages.choose.candidates import Candidates, Flags, Floats

WHOLE = 1e-6  # how far from a whole number the solver may stop
NUM_NODES = 300  # of branch and bound: unlike seconds, they are equal on every machine
OPTIMAL, IMPOSSIBLE = 0, 2  # SciPy's status


def prepare() -> None:
    """Begin to import SciPy, which takes half a second, while other work goes on."""
    Thread(target=import_module, args=["scipy.optimize"]).start()


class Solution(NamedTuple):
    """How much of each pair is chosen, and what a unit of each side's room is worth."""

    shares: Floats
    prices: Floats

    @property
    def split(self) -> Floats:
        """How far each pair's share is from a whole number."""
        return np.asarray(np.abs(self.shares - np.rint(self.shares)))


class Programme:
    """One programme: worth of (pairs,), sides (sides, pairs), their rooms (sides,)."""

    def __init__(self, pairs: Candidates, sides: Floats, rooms: Floats) -> None:
        self.worth = pairs.worth
        self.num_sides = len(rooms)
        self.rows, self.limits = _rows(pairs, sides, rooms)

    def relaxed(self) -> Solution | None:
        """Solve it; as many prompts come out split as sides bind. None where it is impossible."""
        whole = np.zeros(len(self.worth)), np.ones(len(self.worth))
        found = self._run("highs-ipm", *whole)
        if found.status not in (OPTIMAL, IMPOSSIBLE):
            found = self._run("highs-ds", *whole)
        return self._solution(found)

    def whole(self, spare: float) -> Flags | None:
        """Solve it in whole pairs, by depth-first branch and bound; None where none was found.

        A branch that may better the best so far by less than `spare` of worth is not tried.
        """
        best, best_worth = None, -np.inf
        nodes = [(np.inf, np.zeros(len(self.worth)), np.ones(len(self.worth)))]
        for _ in range(NUM_NODES):
            while nodes and nodes[-1][0] <= best_worth + spare:
                nodes.pop()
            if not nodes:
                break
            _, least, most = nodes.pop()
            solution = self._solution(self._run("highs-ds", least, most))
            if solution is None:
                continue
            bound, where = float(solution.shares @ self.worth), int(np.argmax(solution.split))
            if solution.split[where] > WHOLE:
                likely = bool(solution.shares[where] >= 0.5)
                nodes += [(bound, *limits) for limits in _branches(least, most, where, likely)]
            elif bound > best_worth:
                best, best_worth = solution.shares > 0.5, bound
        return best

    def _run(self, method: str, least: Floats, most: Floats) -> Any:
        """Solve it by simplex (ds), or by interior points (ipm): faster if large, may give up."""
        from scipy.optimize import linprog

        return linprog(
            -self.worth,
            A_ub=self.rows,
            b_ub=self.limits,
            bounds=np.stack([least, most], axis=1),
            method=method,
            options={"presolve": False},
        )

    def _solution(self, found: Any) -> Solution | None:
        """Read what the solver found."""
        if found.status != OPTIMAL:
            return None
        prices = -np.asarray(found.ineqlin.marginals)[: self.num_sides]
        return Solution(np.asarray(found.x), prices)


def _branches(least: Floats, most: Floats, where: int, likely: bool) -> list[tuple[Floats, Floats]]:
    """Leave out one pair, and take it: the likelier last, to be tried first."""
    less, more = most.copy(), least.copy()
    less[where], more[where] = 0.0, 1.0
    without, within = (least, less), (more, most)
    return [without, within] if likely else [within, without]


def _rows(pairs: Candidates, sides: Floats, rooms: Floats) -> tuple[Any, Floats]:
    """Lay out one row for each side, then one for each prompt that has more than it may give."""
    from scipy import sparse

    owners = np.repeat(np.arange(pairs.num_prompts), pairs.sizes)
    ones = (np.ones(pairs.num_pairs), (owners, np.arange(pairs.num_pairs)))
    prompts = sparse.csr_array(ones, shape=(pairs.num_prompts, pairs.num_pairs))
    crowded = np.flatnonzero(pairs.sizes > pairs.most)
    rows = sparse.vstack([sparse.csr_array(sides), prompts[crowded]], format="csr")
    return rows, np.concatenate([rooms, np.full(len(crowded), float(pairs.most))])
