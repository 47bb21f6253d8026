"""Sequences as tensors: padded one by one, or packed without padding."""

from array import array

import torch

from rather.trainer.data.layouts import lay_out, num_tokens, pack, pad

PROMPT, OTHER = array("i", [1, 2]), array("i", [3])
GROUPS = [
    (PROMPT, (array("i", [4]), array("i", [5, 6]))),
    (OTHER, (array("i", [7, 8]), array("i", [9]))),
]


def test_first_completions_come_before_second_ones() -> None:
    """Two pairs pad to four sequences: both chosen, then both rejected."""
    batch = lay_out(GROUPS, 0, "padded")
    assert batch["input_ids"].tolist() == [[1, 2, 4, 0], [3, 7, 8, 0], [1, 2, 5, 6], [3, 9, 0, 0]]
    assert batch["completion_mask"].int().tolist() == [
        [0, 0, 1, 0],
        [0, 1, 1, 0],
        [0, 0, 1, 1],
        [0, 1, 0, 0],
    ]
    assert batch["attention_mask"].sum(1).tolist() == [3, 3, 4, 2]
    assert batch["lengths"].tolist() == [1, 2, 2, 1]


def test_a_shared_prompt_stands_once_and_positions_restart_after_it() -> None:
    """Both completions of the first prompt, of two tokens, begin at position 2."""
    batch = lay_out(GROUPS, 0, "shared")
    assert batch["input_ids"].tolist() == [[1, 2, 4, 5, 6, 3, 7, 8, 9]]
    assert batch["position_ids"].tolist() == [[0, 1, 2, 2, 3, 0, 1, 2, 1]]


def test_spans_of_shared_rows_are_in_the_order_of_sequences() -> None:
    """Prompt's start and length, completion's start and length: both chosen, both rejected."""
    batch = lay_out(GROUPS, 0, "shared")
    assert batch["spans"].tolist() == [[0, 2, 2, 1], [5, 1, 6, 2], [0, 2, 3, 2], [5, 1, 8, 1]]
    assert batch["lengths"].tolist() == [1, 2, 2, 1]


def test_packed_sequences_each_have_their_own_prompt() -> None:
    """The same order as padded, without the padding."""
    batch = lay_out(GROUPS, 0, "packed")
    assert batch["input_ids"].tolist() == [[1, 2, 4, 3, 7, 8, 1, 2, 5, 6, 3, 9]]
    assert batch["spans"].tolist() == [[0, 2, 2, 1], [3, 1, 4, 2], [6, 2, 8, 2], [10, 1, 11, 1]]


def test_groups_may_differ_in_completions() -> None:
    """The reference takes all completions of a prompt at once, however many."""
    batch = pack([(PROMPT, (array("i", [4]),)), (OTHER, tuple(array("i", [i]) for i in (7, 8, 9)))])
    assert batch["spans"][:, 0].tolist() == [0, 3, 3, 3]


def test_tokens_are_counted_without_padding() -> None:
    """Twelve tokens in sequences, nine where prompts are shared, whatever the layout computes."""
    counts = {
        layout: int(num_tokens(lay_out(GROUPS, 0, layout))) for layout in ("padded", "shared")
    }
    assert counts == {"padded": 12, "shared": 9}


def test_tokens_apart_are_counted_too() -> None:
    """Mismatched completions cost a forward pass."""
    sequences = [(PROMPT, array("i", [4]))]
    batch = pad(sequences, 0)
    apart = {f"apart/{name}": values for name, values in batch.items()}
    assert int(num_tokens(batch | apart)) == 6
    assert torch.equal(apart["apart/lengths"], torch.tensor([1]))
