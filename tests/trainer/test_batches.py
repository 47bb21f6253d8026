"""Batches: like lengths together, the same for the same seed, each row once an epoch."""

from array import array

import pytest
import torch

from trainer.batches import Batches, Row, Rows, collate, partners
from trainer.data import Example
from trainer.errors import TrainerError


def rows_of_lengths(lengths: list[int], epochs: int = 1) -> Rows:
    """Make rows whose completions have these lengths."""
    examples = [Example(array("i", [1]), (array("i", [5] * length),)) for length in lengths]
    return Rows(examples, "demonstrations", epochs, seed=0, max_length=100)


def test_every_epoch_visits_every_row_once() -> None:
    """Seven rows in batches of three make three batches, in each of two epochs."""
    batches = Batches(rows_of_lengths([4, 1, 3, 2, 6, 5, 7], epochs=2), batch_size=3, seed=0)
    places = [place for batch in batches for place in batch]
    assert sorted(places) == [(epoch, row) for epoch in range(2) for row in range(7)]
    assert len(batches) == len(list(batches)) == 6


def test_batches_follow_from_the_seed() -> None:
    """One seed gives one order, another seed another, and each epoch its own."""
    rows = rows_of_lengths(list(range(1, 41)), epochs=2)
    first, again, other = (list(Batches(rows, 4, seed)) for seed in (0, 0, 1))
    assert first == again != other
    assert [[row for _, row in batch] for batch in first[:10]] != [
        [row for _, row in batch] for batch in first[10:]
    ]


def test_a_batch_holds_rows_of_like_length() -> None:
    """Twenty rows sorted and cut in fours: no batch spans more than four of the lengths."""
    rows = rows_of_lengths([(7 * at) % 20 + 1 for at in range(20)])
    for batch in Batches(rows, 4, seed=0):
        lengths = [len(rows.examples[row].completions[0]) for _, row in batch]
        assert max(lengths) - min(lengths) == 3


def test_a_partner_is_never_the_row_itself() -> None:
    """Partners are a permutation without fixed point, whatever the size, seed and epoch."""
    for size in range(2, 30):
        for seed in range(5):
            found = partners(size, seed, epoch=seed + 1)
            assert sorted(found) == list(range(size))
            assert all(row != partner for row, partner in enumerate(found))


def test_partners_follow_from_seed_and_epoch() -> None:
    """The same draw is found again, and another epoch draws anew."""
    assert partners(50, 3, 1) == partners(50, 3, 1) != partners(50, 3, 2)
    assert partners(50, 3, 1) != partners(50, 4, 1)


def test_one_row_has_no_partner() -> None:
    """KTO of a single row is refused, with the reason."""
    with pytest.raises(TrainerError, match="another row's completion"):
        partners(1, 0, 0)


def test_labels_are_scored_with_their_partners_completion() -> None:
    """Of two rows each is the other's partner, its completion cut to the room the prompt leaves."""
    examples = [
        Example(array("i", [1, 2, 3]), (array("i", [4]),), True),
        Example(array("i", [1]), (array("i", [5, 6, 7]),), False),
    ]
    rows = Rows(examples, "labels", epochs=1, seed=0, max_length=5)
    assert rows.completions((0, 0)) == (array("i", [4]), array("i", [5, 6]))
    assert rows.completions((0, 1)) == (array("i", [5, 6, 7]), array("i", [4]))


def test_first_completions_come_before_second_ones() -> None:
    """Two pairs pad to four sequences: both chosen, then both rejected."""
    rows = [
        Row(array("i", [1]), (array("i", [2, 3]), array("i", [4])), (-1.0, -2.0), None),
        Row(array("i", [1]), (array("i", [5]), array("i", [6])), (-3.0, -4.0), None),
    ]
    batch = collate(rows, pad_id=0)
    assert batch["input_ids"].tolist() == [[1, 2, 3], [1, 5, 0], [1, 4, 0], [1, 6, 0]]
    assert batch["completion_mask"].int().tolist() == [[0, 1, 1], [0, 1, 0], [0, 1, 0], [0, 1, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 1, 0], [1, 1, 0], [1, 1, 0]]
    assert torch.equal(batch["reference"], torch.tensor([-1.0, -3.0, -2.0, -4.0]))
