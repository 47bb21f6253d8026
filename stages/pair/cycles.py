"""Preferences that close a cycle: the fewest and weakest to give up so that none is left.

That is a minimum feedback arc set. It is exact for up to 12 answers that beat one another in a
circle (Lawler, 1964, by dynamic programming over subsets), and greedy beyond (Eades, Lin and
Smyth, 1993, with weights).
"""

from dataclasses import dataclass

import numpy as np

from rather.stages.pair.couples import Bools, Floats, Ints

MOST_EXACT = 12
CELLS = 1 << 20  # subsets of nodes, of all components at work at once


def back_arcs(winner: Ints, loser: Ints, weight: Floats) -> Bools:
    """Mark arcs to give up; nodes are any whole numbers, one arc at most between two of them.

    Of several sets of equal weight the one is taken that keeps smaller nodes before larger.
    """
    back = np.zeros(len(winner), dtype=bool)
    entangled = np.flatnonzero(_in_circles(winner, loser))
    if len(entangled):
        circles = _circles(winner, loser, weight, entangled)
        back[circles.arc] = _placed(circles)
    return back


@dataclass(frozen=True)
class Circles:
    """Arcs within strongly connected components, one row each, sorted by component.

    arc: its number;  part, size: of its component;  one, two: its ends' numbers in the component
    """

    arc: Ints
    part: Ints
    size: Ints
    one: Ints
    two: Ints
    weight: Floats


def _in_circles(winner: Ints, loser: Ints) -> Bools:
    """Peel off, again and again, the arcs of nodes that nobody beats or that beat nobody."""
    size = int(max(winner.max(), loser.max())) + 1 if len(winner) else 0
    alive = np.arange(len(winner))
    while len(alive):
        beaten = np.zeros(size, dtype=bool)
        beats = np.zeros(size, dtype=bool)
        beaten[loser[alive]], beats[winner[alive]] = True, True
        kept = alive[beaten[winner[alive]] & beats[loser[alive]]]
        if len(kept) == len(alive):
            break
        alive = kept
    found = np.zeros(len(winner), dtype=bool)
    found[alive] = True
    return found


def _circles(winner: Ints, loser: Ints, weight: Floats, arcs: Ints) -> Circles:
    """Part arcs by the strongly connected component in which both their ends lie."""
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import connected_components

    nodes, ends = np.unique([winner[arcs], loser[arcs]], return_inverse=True)
    one, two = ends.reshape(2, -1)
    graph = csr_array((np.ones(len(arcs)), (one, two)), shape=(len(nodes), len(nodes)))
    _, label = connected_components(graph, connection="strong")
    sizes = np.bincount(label)
    order = np.argsort(label, kind="stable")
    local = np.empty(len(nodes), dtype=np.int64)
    local[order] = np.arange(len(nodes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    inner = np.flatnonzero(label[one] == label[two])
    inner = inner[np.argsort(label[one][inner], kind="stable")]
    one, two, arcs = one[inner], two[inner], arcs[inner]
    part = label[one].astype(np.int64)
    return Circles(arcs, part, sizes[part], local[one], local[two], weight[arcs])


def _placed(circles: Circles) -> Bools:
    """Order the nodes of each component and mark the arcs that point backward."""
    back = np.zeros(len(circles.arc), dtype=bool)
    for size in np.unique(circles.size):
        rows = np.flatnonzero(circles.size == size)
        starts = np.flatnonzero(np.diff(circles.part[rows], prepend=-1))
        at_once = max(1, CELLS >> int(size)) if size <= MOST_EXACT else 1
        for some in np.split(rows, starts[at_once::at_once]):
            number = np.unique(circles.part[some], return_inverse=True)[1]
            one, two, weight = circles.one[some], circles.two[some], circles.weight[some]
            if size <= MOST_EXACT:
                weights = np.zeros((size, size, number[-1] + 1))
                weights[one, two, number] = weight
                place = _exact(weights)
            else:
                place = _greedy(one, two, weight)[:, None]
            back[some] = place[one, number] > place[two, number]
    return back


def _exact(weights: Floats) -> Ints:
    """Place nodes in the order in which the weight of arcs from later to earlier is least.

    weights: (winner, loser, component);  gives (node, component). Subsets are numbers, a bit for
    each node; the last of a subset's nodes is the one that makes the subset cheapest.
    """
    size, _, number = weights.shape
    backward = _weights_into(weights)
    cost, last = np.zeros((1 << size, number)), np.zeros((1 << size, number), dtype=np.int64)
    for members in range(1, 1 << size):
        cost[members] = np.inf
        for node in reversed(range(size)):
            if members >> node & 1:
                before = members ^ (1 << node)
                total = np.round(cost[before] + backward[node, before], 12)
                better = total < cost[members]
                cost[members][better], last[members][better] = total[better], node
    return _read_back(last, size)


def _weights_into(weights: Floats) -> Floats:
    """Sum each node's weights into every subset of nodes: (node, subset, component)."""
    size, _, number = weights.shape
    sums = np.zeros((size, 1 << size, number))
    for node in range(size):
        half = 1 << node
        sums[:, half : 2 * half] = sums[:, :half] + weights[:, node, None]
    return sums


def _read_back(last: Ints, size: int) -> Ints:
    """Follow the last node of each best subset back to the first: (node, component)."""
    every = np.arange(last.shape[1])
    place, members = np.zeros((size, len(every)), dtype=np.int64), np.full(len(every), 2**size - 1)
    for at in reversed(range(size)):
        node = last[members, every]
        place[node, every], members = at, members ^ (1 << node)
    return place


def _greedy(winner: Ints, loser: Ints, weight: Floats) -> Ints:
    """Place next, at the front, the node that wins most beyond what it loses among those left."""
    size = int(max(winner.max(), loser.max())) + 1
    lead = np.bincount(winner, weight, size) - np.bincount(loser, weight, size)
    place = np.zeros(size, dtype=np.int64)
    for at in range(size):
        node = int(np.argmax(np.round(lead, 9)))
        place[node] = at
        wins, losses = winner == node, loser == node
        lead[loser[wins]] += weight[wins]
        lead[winner[losses]] -= weight[losses]
        lead[node] = -np.inf
    return place
