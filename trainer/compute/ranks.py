"""Several processes training one model: who does what, and sums over them all.

A batch is divided over the ranks row by row, so an optimizer step sees the same rows however many
processes there are. Every function also holds in a single process, without a process group.
"""

from collections.abc import Iterator, Sized
from typing import Any, Protocol, TypeVar

import torch
import torch.distributed as dist
from accelerate import PartialState
from torch import Tensor
from torch.utils.data import Sampler

from rather.trainer.data.batches import Place
from rather.trainer.errors import TrainerError

T = TypeVar("T")
# Marks a batch that only fills a gap.
IDLE = "idle"


class Places(Sized, Protocol):
    """An order of batches that can be gone through again and again."""

    def __iter__(self) -> Iterator[list[Place]]:
        """Go through the batches of all epochs."""
        ...


def join() -> None:
    """Join the other processes, where torchrun has started any."""
    PartialState(cpu=not torch.accelerator.is_available())


def size() -> int:
    """Count the processes."""
    return dist.get_world_size() if dist.is_initialized() else 1


def rank() -> int:
    """Number this process, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def gather(value: T) -> list[T]:
    """Return the values of all processes, by rank."""
    if size() == 1:
        return [value]
    values: list[Any] = [None] * size()
    dist.all_gather_object(values, value)
    return values


def total(value: Tensor) -> Tensor:
    """Sum a tensor over all processes, in place."""
    if size() > 1:
        dist.all_reduce(value)
    return value


def wait() -> None:
    """Wait until every process has come here."""
    if size() > 1:
        dist.barrier()


class Shares(Sampler[list[Place]]):
    """This process's rows of each batch: every so many-th, so that lengths are divided evenly.

    A batch of fewer rows than processes leaves some without: they are given its first row, which
    `idle` tells to weigh nothing. Raises TrainerError for fewer rows in all than processes.
    """

    def __init__(self, batches: Places, num_rows: int) -> None:
        if num_rows < size():
            raise TrainerError(
                f"expected at least one row for each of {size()} processes, found {num_rows} rows; "
                "give more rows, or start fewer processes"
            )
        self._batches = batches

    def __len__(self) -> int:
        """Count the batches, the same for every process."""
        return len(self._batches)

    def __iter__(self) -> Iterator[list[Place]]:
        """Go through all epochs."""
        for batch in self._batches:
            yield batch[rank() :: size()] or batch[:1]

    def idle(self) -> Iterator[bool]:
        """Return, per batch, whether this process's share is padding."""
        return (len(batch) <= rank() for batch in self._batches)
