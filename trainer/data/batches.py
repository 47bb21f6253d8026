"""Orders rows into batches of like length, and makes tensors of them."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from rather.trainer.config import Kind
from rather.trainer.data.dataset import EVIDENCE, NOTHING, Example
from rather.trainer.data.encoding import Tokens
from rather.trainer.data.layouts import APART, Batch, Layout, cut, lay_out
from rather.trainer.errors import TrainerError

# An epoch, counted from 0, and a row's position in the data.
Place: TypeAlias = tuple[int, int]
# Rows are sorted by length among this many batches: enough to waste little padding, and few
# enough that each epoch still meets its rows in a new order.
BATCHES_SORTED_TOGETHER = 50
# A token's backward pass, head included, in forward passes through the layers alone.
BACKWARD_COST = 3


class Row(NamedTuple):
    """What a batch holds of one row: sequences to score, and the reference's log-probs of them.

    reference_heads: the log-probs of as many first tokens as both completions of a pair have.
    evidence: numbers that losses take, by name, where all rows of the data have them.
    """

    prompt: Tokens
    completions: tuple[Tokens, ...]
    reference: tuple[float, ...]
    label: bool | None
    reference_heads: tuple[float, ...] = ()
    evidence: Mapping[str, float] = NOTHING


class Rows(Dataset[Row]):
    """The rows of all epochs.

    For labels a row scores a second, mismatched completion, KTO's (x_i, y_j): that of its partner
    in this epoch. Raises TrainerError where there are labels but no other row to be the partner.
    needs_partners: whether the loss takes those; needs_heads: whether it takes the reference's
    log-probs of first tokens.
    """

    def __init__(
        self,
        examples: Sequence[Example],
        eats: Kind,
        epochs: int,
        seed: int,
        max_length: int,
        needs_partners: bool = True,
        needs_heads: bool = False,
    ) -> None:
        self.examples = examples
        self.epochs = epochs
        self._needs_heads = needs_heads
        self._evidence = [n for n in EVIDENCE if all(n in each.evidence for each in examples)]
        self._max_length = max_length
        self._partners: list[list[int]] | None = None
        self._reference: Callable[[Tokens, Tokens], float] | None = None
        if eats == "labels" and needs_partners:
            self._partners = [partners(len(examples), seed, epoch) for epoch in range(epochs)]

    def __len__(self) -> int:
        """Count the rows of one epoch."""
        return len(self.examples)

    def __getitem__(self, place: Place) -> Row:
        """Return a row with the partner of one epoch."""
        example, completions = self.examples[place[1]], self.completions(place)
        return Row(
            example.prompt,
            completions,
            self._logps(example.prompt, completions),
            example.label,
            self._logps(example.prompt, self._heads(completions)),
            {name: example.evidence[name] for name in self._evidence},
        )

    def completions(self, place: Place) -> tuple[Tokens, ...]:
        """Return the completions scored after a row's prompt, its partner's included."""
        epoch, row = place
        example = self.examples[row]
        if self._partners is None:
            return example.completions
        partner = self.examples[self._partners[epoch][row]].completions[0]
        return (*example.completions, partner[: self._max_length - len(example.prompt)])

    def _heads(self, completions: tuple[Tokens, ...]) -> tuple[Tokens, ...]:
        shortest = min(map(len, completions))
        return tuple(ids[:shortest] for ids in completions) if self._needs_heads else ()

    def sequences(self) -> Iterator[tuple[Tokens, Tokens]]:
        """Visit every prompt and completion whose log-prob the reference is asked for."""
        for epoch in range(self.epochs if self._partners else 1):
            for row, example in enumerate(self.examples):
                completions = self.completions((epoch, row))
                for completion in (*completions, *self._heads(completions)):
                    yield example.prompt, completion

    def refer_to(self, reference: Callable[[Tokens, Tokens], float]) -> None:
        """Attach the reference's log-probs, looking each up once so that a gap shows now."""
        self._reference = reference
        for prompt, completion in self.sequences():
            reference(prompt, completion)

    def _logps(self, prompt: Tokens, completions: tuple[Tokens, ...]) -> tuple[float, ...]:
        if self._reference is None:
            return ()
        return tuple(self._reference(prompt, completion) for completion in completions)


def partners(num_rows: int, seed: int, epoch: int) -> list[int]:
    """Draw each row's partner: a seeded permutation in one cycle, so never the row itself.

    Raises TrainerError for fewer than two rows.
    """
    if num_rows < 2:
        raise TrainerError(
            f"expected at least 2 rows, found {num_rows}: KTO's reference point needs each prompt "
            "with another row's completion; give more rows"
        )
    cycle = list(range(num_rows))
    random.Random(f"partners {seed} {epoch}").shuffle(cycle)
    found = [0] * num_rows
    for at, row in enumerate(cycle):
        found[row] = cycle[(at + 1) % num_rows]
    return found


class Batches(Sampler[list[Place]]):
    """The batches of all epochs, one after the other, determined by seed and epoch.

    Each epoch is shuffled, sorted by length within spans of many batches, cut into batches, and
    the order of the batches shuffled again; its last batch may be smaller.
    """

    def __init__(self, rows: Rows, batch_size: int, seed: int) -> None:
        self._lengths = [
            len(example.prompt) + max(map(len, example.completions)) for example in rows.examples
        ]
        self._epochs = rows.epochs
        self._batch_size = batch_size
        self._seed = seed

    def __len__(self) -> int:
        """Count the batches of all epochs."""
        return self._epochs * -(-len(self._lengths) // self._batch_size)

    def __iter__(self) -> Iterator[list[Place]]:
        """Go through all epochs."""
        for epoch in range(self._epochs):
            for batch in self._epoch(random.Random(f"batches {self._seed} {epoch}")):
                yield [(epoch, row) for row in batch]

    def _epoch(self, rng: random.Random) -> list[list[int]]:
        order = list(range(len(self._lengths)))
        rng.shuffle(order)
        spans = cut(order, BATCHES_SORTED_TOGETHER * self._batch_size)
        by_length = [row for span in spans for row in sorted(span, key=self._lengths.__getitem__)]
        batches = cut(by_length, self._batch_size)
        rng.shuffle(batches)
        return batches


def collate(rows: Sequence[Row], pad_id: int, layout: Layout = "padded") -> Batch:
    """Lay B rows of C completions each out as a batch of S = C * B sequences.

    The B first completions come first, then the B second ones. Beside the tensors of the layout
    there are, where the rows have them, reference (S,) and reference_heads (S,), p_correct and
    score_margin (B,), all fp32, and label (B,) bool. KTO's mismatched completions, which need no
    gradient, may be laid apart.
    """
    batch = _labels(rows, pad_id, layout) if rows[0].label is not None else None
    batch = batch or lay_out([(row.prompt, row.completions) for row in rows], pad_id, layout)
    if rows[0].reference:
        batch["reference"] = _by_completion([row.reference for row in rows])
    if rows[0].reference_heads:
        batch["reference_heads"] = _by_completion([row.reference_heads for row in rows])
    for name in rows[0].evidence:
        batch[name] = torch.tensor([row.evidence[name] for row in rows])
    if rows[0].label is not None:
        batch["label"] = torch.tensor([row.label for row in rows], dtype=torch.bool)
    return batch


def _by_completion(logps: Sequence[tuple[float, ...]]) -> Tensor:
    """Order what rows hold of each of their completions as sequences are: (B, C) -> (S,)."""
    return torch.tensor(logps).T.flatten()


def _labels(rows: Sequence[Row], pad_id: int, layout: Layout) -> Batch | None:
    """Lay mismatched completions apart, unless sharing the prompt with them costs less.

    Sharing spares the prompt's forward pass, and costs the mismatched completions' backward pass:
    twice a forward one in the layers, and more in the head, which is some third again.
    """
    prompts = sum(len(row.prompt) for row in rows)
    mismatched = sum(len(row.completions[-1]) for row in rows)
    together = layout == "shared" and prompts > BACKWARD_COST * mismatched
    if len(rows[0].completions) < 2 or together:
        return None
    own, apart = (
        lay_out([(row.prompt, row.completions[at : at + 1]) for row in rows], pad_id, layout)
        for at in (0, 1)
    )
    return own | {APART + name: values for name, values in apart.items()}
