"""Batches: like lengths together, the same for the same seed, each row once an epoch."""

from array import array
from typing import Any

import pytest

from rather.trainer.data.batches import Batches, Row, Rows, collate, partners
from rather.trainer.data.dataset import Example
from rather.trainer.data.layouts import Layout
from rather.trainer.errors import TrainerError


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


def pair(prompt: int, chosen: int, rejected: int, **more: Any) -> Row:
    """Make a pair of one-token prompt and completions of these lengths."""
    ids = (array("i", [5] * length) for length in (chosen, rejected))
    return Row(array("i", [1] * prompt), tuple(ids), (-1.0, -2.0), None, **more)


@pytest.mark.parametrize("layout", ["padded", "packed", "shared"])
def test_reference_log_probs_are_in_the_order_of_sequences(layout: Layout) -> None:
    """Two pairs: both chosen, then both rejected, in every layout."""
    rows = [pair(1, 2, 1), pair(3, 1, 4)]
    batch = collate([rows[0], rows[1]._replace(reference=(-3.0, -4.0))], 0, layout)
    assert batch["reference"].tolist() == [-1, -3, -2, -4]
    assert batch["lengths"].tolist() == [2, 1, 1, 4]


def test_evidence_travels_with_its_row() -> None:
    """What raters said of each pair, (B,), under the names that losses use."""
    rows = [pair(1, 1, 1, evidence={"p_correct": p, "score_margin": 2 * p}) for p in (0.5, 0.75)]
    batch = collate(rows, 0)
    assert batch["p_correct"].tolist() == [0.5, 0.75]
    assert batch["score_margin"].tolist() == [1.0, 1.5]


def labelled(prompt: int, own: int, mismatched: int) -> Row:
    """Make a labelled row of these lengths."""
    ids = (array("i", [5] * length) for length in (own, mismatched))
    return Row(array("i", [1] * prompt), tuple(ids), (-1.0, -2.0), True)


def test_mismatched_completions_stand_apart_where_that_is_cheaper() -> None:
    """A prompt of three tokens again, forward, is less than two tokens backward."""
    batch = collate([labelled(3, 1, 2)], 0, "shared")
    assert batch["input_ids"].shape == (1, 4)
    assert batch["apart/input_ids"].shape == (1, 5)
    assert batch["reference"].tolist() == [-1, -2]


def test_mismatched_completions_share_a_long_prompt() -> None:
    """Seven tokens again, forward, are more than two backward, which count for six."""
    batch = collate([labelled(7, 1, 2)], 0, "shared")
    assert batch["input_ids"].shape == (1, 10)
    assert "apart/input_ids" not in batch


def test_evidence_that_some_row_lacks_is_left_out() -> None:
    """A batch has a number for all of its rows or for none."""
    given = [{"p_correct": 0.9, "score_margin": 1.0}, {"score_margin": 2.0}]
    pairs = (array("i", [2]), array("i", [3]))
    examples = [Example(array("i", [1]), pairs, evidence=evidence) for evidence in given]
    rows = Rows(examples, "pairs", epochs=1, seed=0, max_length=9)
    assert [rows[(0, at)].evidence for at in (0, 1)] == [{"score_margin": 1}, {"score_margin": 2}]


def test_heads_are_as_many_first_tokens_as_both_completions_have() -> None:
    """Of two and three tokens, two each; the reference is asked for these as well."""
    pairs = (array("i", [2, 3]), array("i", [4, 5, 6]))
    rows = Rows([Example(array("i", [1]), pairs)], "pairs", 1, 0, 9, needs_heads=True)
    rows.refer_to(lambda _, completion: -float(sum(completion)))
    assert rows[(0, 0)].reference == (-5, -15)
    assert rows[(0, 0)].reference_heads == (-5, -9)
    assert [list(completion) for _, completion in rows.sequences()] == [
        [2, 3],
        [4, 5, 6],
        [2, 3],
        [4, 5],
    ]


def test_a_loss_without_reference_point_needs_no_partners() -> None:
    """Then one labelled row is enough."""
    example = Example(array("i", [1]), (array("i", [2]),), True)
    rows = Rows([example], "labels", 1, 0, 9, needs_partners=False)
    assert rows.completions((0, 0)) == (array("i", [2]),)
