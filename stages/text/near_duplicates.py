"""Exact join of near-equal sets among millions.

Two sets are near if their Jaccard index is at least 4/5. Elements are ordered by frequency, rarest
first. Near sets then share an element among the first |A| - ceil(4/5 |A|) + 1 of each
(prefix filter: Bayardo et al. 2007), and from the first they share each has as many left as near
sets have in common (positional filter: Xiao et al. 2008). What passes is compared in full.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from rather.stages.text.shingles import Hashes, Rows, Shingles

Mask = NDArray[np.bool_]

# Frequencies are counted by the low bits of the hash: any common order is exact, rarest is fastest.
NUM_COUNTS = 1 << 22
ELEMENTS_AT_ONCE = 2_000_000


def near(sets: Shingles, labels: Rows) -> Rows:
    """Join near sets: each gets the least label in its chain of near sets.

    labels: a group's label is its least member's number; equal sets share one from the start
    """
    lists, signatures = _Postings.of(sets), _signatures(sets)
    labels, distance = labels.copy(), 1
    # Every two members of a list are met, those side by side first: what they join is met no more.
    at = lists.followed(np.arange(len(lists.owners)), distance)
    while len(at):
        for part in np.array_split(at, len(at) // ELEMENTS_AT_ONCE + 1):
            pairs = lists.met(sets, part, part + distance)
            first, second = _candidates(sets, signatures, labels, *pairs)
            same = _verified(sets, first, second)
            labels = _united(labels, first[same], second[same])
        distance += 1
        if distance & (distance - 1) == 0:
            at = at[lists.divided(labels)[lists.number[at]]]
        at = lists.followed(at, distance)
    return labels


@dataclass(frozen=True)
class _Postings:
    """Inverted index: for each element the sets with it in their prefix, small sets first.

    owners: sets;  left: elements of the set from this one on;  number: of the list
    starts: of each list;  ends: where sets become too large to be near the posting's own
    """

    owners: Rows
    left: Rows
    number: Rows
    starts: Rows
    ends: Rows

    @classmethod
    def of(cls, sets: Shingles) -> "_Postings":
        """Build the lists from the prefixes' elements."""
        owners, hashes, left = _prefixes(sets)
        order = np.lexsort((owners, sets.sizes[owners], hashes))
        owners, hashes, left = owners[order], hashes[order], left[order]
        opens = np.ones(len(hashes), bool)
        opens[1:] = hashes[1:] != hashes[:-1]
        number = np.cumsum(opens) - 1
        sizes = sets.sizes[owners]
        # Near sets have in common at least 4/9 of their two sizes, which must be left in this one.
        largest = np.minimum(9 * left // 4 - sizes, sizes.max(initial=0))
        step = sizes.max(initial=0) + 1
        ends = np.searchsorted(number * step + sizes, number * step + largest, "right")
        return cls(owners, left, number, np.flatnonzero(opens), ends)

    def followed(self, at: Rows, distance: int) -> Rows:
        """Keep the postings with a partner at this distance in their list."""
        return at[at + distance < self.ends[at]]

    def met(self, sets: Shingles, at: Rows, then: Rows) -> tuple[Rows, Rows]:
        """Return pairs of sets at this distance whose second has enough elements left."""
        first, second = self.owners[at], self.owners[then]
        enough = 9 * self.left[then] >= 4 * (sets.sizes[first] + sets.sizes[second])
        return first[enough], second[enough]

    def divided(self, labels: Rows) -> Mask:
        """True for lists with several labels."""
        of_owner = labels[self.owners]
        least: Rows = np.minimum.reduceat(of_owner, self.starts)
        most: Rows = np.maximum.reduceat(of_owner, self.starts)
        several: Mask = least != most
        return several


def _prefixes(sets: Shingles) -> tuple[Rows, Hashes, Rows]:
    """Return the prefixes' elements, with their sets and the numbers of elements left."""
    counts = np.zeros(NUM_COUNTS, np.int64)
    for part in np.array_split(sets.hashes, len(sets.hashes) // ELEMENTS_AT_ONCE + 1):
        counts += np.bincount(_slots(part), minlength=NUM_COUNTS)
    parts = [_prefixes_of(sets, counts, low, high) for low, high in _ranges(sets.starts)]
    if not parts:
        return np.empty(0, np.int64), np.empty(0, np.uint64), np.empty(0, np.int64)
    owners, hashes, left = zip(*parts, strict=True)
    return np.concatenate(owners), np.concatenate(hashes), np.concatenate(left)


def _prefixes_of(sets: Shingles, counts: Rows, low: int, high: int) -> tuple[Rows, Hashes, Rows]:
    sizes = sets.sizes[low:high]
    hashes = sets.hashes[sets.starts[low] : sets.starts[high]]
    owner = np.repeat(np.arange(high - low), sizes)
    count = counts[_slots(hashes)]
    order = np.lexsort((count, owner))
    ends = np.repeat(sets.starts[low + 1 : high + 1] - sets.starts[low], sizes)
    left = ends - np.arange(len(owner))
    met = (5 * left >= 4 * sizes[owner]) & (count[order] > 1)
    return owner[met] + low, hashes[order][met], left[met]


def _slots(hashes: Hashes) -> Rows:
    return (hashes & np.uint64(NUM_COUNTS - 1)).astype(np.int64)


def _ranges(starts: Rows) -> Iterator[tuple[int, int]]:
    """Split sets into ranges of about ELEMENTS_AT_ONCE elements, at least one set in each."""
    low, num_sets = 0, len(starts) - 1
    while low < num_sets:
        high = int(np.searchsorted(starts, starts[low] + ELEMENTS_AT_ONCE, "right")) - 1
        high = min(max(high, low + 1), num_sets)
        yield low, high
        low = high


def _signatures(sets: Shingles) -> Hashes:
    """Compute 64-bit signatures: the parity of the elements that hash to each bit."""
    bits = np.uint64(1) << (sets.hashes >> np.uint64(58))
    filled = sets.sizes > 0
    signatures: Hashes = np.zeros(len(filled), np.uint64)
    signatures[filled] = np.bitwise_xor.reduceat(bits, sets.starts[:-1][filled])
    return signatures


def _candidates(
    sets: Shingles, signatures: Hashes, labels: Rows, first: Rows, second: Rows
) -> tuple[Rows, Rows]:
    """Return the distinct pairs that may be near and are not joined yet.

    Near sets differ in at most a ninth of their elements, which bounds the differing bits.
    """
    bits = np.bitwise_count(signatures[first] ^ signatures[second]).astype(np.int64)
    keep = (labels[first] != labels[second]) & (9 * bits <= sets.sizes[first] + sets.sizes[second])
    pairs = np.unique(first[keep] << 32 | second[keep])
    return pairs >> 32, pairs & 0xFFFFFFFF


def _verified(sets: Shingles, first: Rows, second: Rows) -> Mask:
    """Check pairs of sets: whether their Jaccard index is at least 4/5."""
    ends = np.concatenate([[0], np.cumsum(sets.sizes[first] + sets.sizes[second])])
    parts = [_near(sets, first[low:high], second[low:high]) for low, high in _ranges(ends)]
    return np.concatenate([np.empty(0, bool), *parts])


def _near(sets: Shingles, first: Rows, second: Rows) -> Mask:
    pair = np.arange(len(first))
    owner = np.concatenate([np.repeat(pair, sets.sizes[of]) for of in (first, second)])
    hashes = np.concatenate([_elements(sets, of) for of in (first, second)])
    order = np.lexsort((hashes, owner))
    owner, hashes = owner[order], hashes[order]
    twice = (owner[1:] == owner[:-1]) & (hashes[1:] == hashes[:-1])
    shared = np.bincount(owner[1:][twice], minlength=len(first))
    return 5 * shared >= 4 * (sets.sizes[first] + sets.sizes[second] - shared)


def _elements(sets: Shingles, of: Rows) -> Hashes:
    """Return the concatenated elements of some sets."""
    sizes = sets.sizes[of]
    skipped = sets.starts[:-1][of] - (np.cumsum(sizes) - sizes)
    elements: Hashes = sets.hashes[np.arange(sizes.sum()) + np.repeat(skipped, sizes)]
    return elements


def _united(labels: Rows, first: Rows, second: Rows) -> Rows:
    """Relabel joined groups by their least label."""
    while True:
        one, other = labels[first], labels[second]
        apart = one != other
        if not apart.any():
            return labels
        low, high = np.minimum(one, other)[apart], np.maximum(one, other)[apart]
        np.minimum.at(labels, high, low)
        while (labels[labels] != labels).any():
            labels = labels[labels]
