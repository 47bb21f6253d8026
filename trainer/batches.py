"""Orders rows into batches of like length, and pads them into tensors."""

import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple, TypeAlias, TypeVar

import torch
from torch import Tensor
from torch.utils.data import Dataset, Sampler

from trainer.config import TrainConfig
from trainer.data import Example, TokenLedger, read_examples
from trainer.encoding import ChatEncoder, Tokens
from trainer.errors import TrainerError
from trainer.losses import Kind

T = TypeVar("T")
Batch: TypeAlias = dict[str, Tensor]
# An epoch, counted from 0, and a row's position in the data.
Place: TypeAlias = tuple[int, int]
# Rows are sorted by length among this many batches: enough to waste little padding, and few
# enough that each epoch still meets its rows in a new order.
BATCHES_SORTED_TOGETHER = 50
# KTO's reference point needs each prompt with another row's completion.
FEWEST_TO_EVALUATE: dict[Kind, int] = {"demonstrations": 1, "pairs": 1, "labels": 2}


class Row(NamedTuple):
    """What a batch holds of one row: sequences to score, and the reference's log-probs of them."""

    prompt: Tokens
    completions: tuple[Tokens, ...]
    reference: tuple[float, ...]
    label: bool | None


class Rows(Dataset[Row]):
    """The rows of all epochs.

    For labels a row scores a second, mismatched completion, KTO's (x_i, y_j): that of its partner
    in this epoch. Raises TrainerError where there are labels but no other row to be the partner.
    """

    def __init__(
        self, examples: Sequence[Example], eats: Kind, epochs: int, seed: int, max_length: int
    ) -> None:
        self.examples = examples
        self.epochs = epochs
        self._max_length = max_length
        self._partners: list[list[int]] | None = None
        self._reference: Callable[[Tokens, Tokens], float] | None = None
        if eats == "labels":
            self._partners = [partners(len(examples), seed, epoch) for epoch in range(epochs)]

    def __len__(self) -> int:
        """Count the rows of one epoch."""
        return len(self.examples)

    def __getitem__(self, place: Place) -> Row:
        """Give a row as an epoch sees it."""
        prompt, label = self.examples[place[1]].prompt, self.examples[place[1]].label
        completions = self.completions(place)
        return Row(prompt, completions, self._logps(prompt, completions), label)

    def completions(self, place: Place) -> tuple[Tokens, ...]:
        """Give the completions scored after a row's prompt, its partner's among them."""
        epoch, row = place
        example = self.examples[row]
        if self._partners is None:
            return example.completions
        partner = self.examples[self._partners[epoch][row]].completions[0]
        return (*example.completions, partner[: self._max_length - len(example.prompt)])

    def sequences(self) -> Iterator[tuple[Tokens, Tokens]]:
        """Visit every prompt and completion scored in any epoch."""
        for epoch in range(self.epochs):
            for row, example in enumerate(self.examples):
                for completion in self.completions((epoch, row)):
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


def read_rows(
    data: Path, eats: Kind, encoder: ChatEncoder, config: TrainConfig
) -> tuple[dict[str, Rows], dict[str, TokenLedger]]:
    """Read a data folder's splits: train, for all epochs, and test, once, where it has rows.

    Raises TrainerError where train has too few rows left; a test split with too few is left out.
    """
    splits, ledgers = {}, {}
    for split, epochs in (("train", config.epochs), ("test", 1)):
        path = data / f"{split}.parquet"
        if split == "test" and not path.exists():
            continue
        examples, ledgers[split] = read_examples(path, eats, encoder, config.max_length)
        if split == "test" and len(examples) < FEWEST_TO_EVALUATE[eats]:
            continue
        if not examples:
            raise _nothing_left(path, eats, ledgers[split], config.max_length)
        splits[split] = Rows(examples, eats, epochs, config.seed, config.max_length)
    return splits, ledgers


def _nothing_left(path: Path, eats: Kind, ledger: TokenLedger, max_length: int) -> TrainerError:
    dropped = ", ".join(f"{count} {reason}" for reason, count in ledger.dropped.items())
    found = f"all {ledger.rows_in} dropped ({dropped})" if ledger.rows_in else "no rows"
    return TrainerError(
        f"{path}: expected {eats} to train on, found {found}; raise max_length, now {max_length}, "
        "or see the report on why there are none"
    )


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


def cut(items: Sequence[T], size: int) -> list[list[T]]:
    """Cut a sequence into runs of a size, the last perhaps shorter."""
    return [list(items[start : start + size]) for start in range(0, len(items), size)]


def collate(rows: Sequence[Row], pad_id: int) -> Batch:
    """Pad B rows of C completions each into a batch of S = C * B sequences.

    The B first completions come first, then the B second ones. input_ids, attention_mask and
    completion_mask are (S, T), padded at the end; reference (S,) fp32 and label (B,) bool are there
    where the rows have them.
    """
    places = range(len(rows[0].completions))
    batch = pad([(row.prompt, row.completions[at]) for at in places for row in rows], pad_id)
    if rows[0].reference:
        by_completion = zip(*(row.reference for row in rows), strict=True)
        batch["reference"] = torch.tensor([logps for column in by_completion for logps in column])
    if rows[0].label is not None:
        batch["label"] = torch.tensor([row.label for row in rows], dtype=torch.bool)
    return batch


def pad(sequences: Sequence[tuple[Tokens, Tokens]], pad_id: int) -> Batch:
    """Pad S sequences of prompt and completion at their ends, with masks over what is real."""
    longest = max(len(prompt) + len(completion) for prompt, completion in sequences)
    ids, attended, scored = [], [], []
    for prompt, completion in sequences:
        length, padding = len(prompt) + len(completion), longest - len(prompt) - len(completion)
        ids.append([*prompt, *completion, *[pad_id] * padding])
        attended.append([1] * length + [0] * padding)
        scored.append([0] * len(prompt) + [1] * len(completion) + [0] * padding)
    return {
        "input_ids": torch.tensor(ids),
        "attention_mask": torch.tensor(attended),
        "completion_mask": torch.tensor(scored, dtype=torch.bool),
    }
