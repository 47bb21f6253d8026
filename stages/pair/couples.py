"""Every two answers of a prompt that were judged, as row numbers: text ids are joined once."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Couples:
    """Pairs of rows of a table of answers that is sorted by prompt and response.

    first, second: the two rows, the smaller number first; those of two scored answers come first
    rank:          each answer's number among the scored ones, -1 for the others
    starts:        where the couples begin of which a scored answer is the first, by rank
    others:        first * len(rank) + second of the couples with an answer that has no score
    """

    first: Ints
    second: Ints
    rank: Ints
    starts: Ints
    others: Ints

    def __len__(self) -> int:
        return len(self.first)

    def find(self, first: Ints, second: Ints) -> Ints:
        """Return the position of each couple, -1 if absent."""
        one, two = self.rank[first], self.rank[second]
        scored = (one >= 0) & (two >= 0)
        place = self.starts[one] + (two - one - 1)
        return np.where(scored, place, self._find_other(first, second))

    def find_ids(self, first: pl.Series, second: pl.Series, answers: pl.DataFrame) -> Ints:
        """Return the position of each couple of response ids, -1 if absent."""
        one, two = row_numbers(answers, first), row_numbers(answers, second)
        place = self.find(one.fill_null(0).to_numpy(), two.fill_null(0).to_numpy())
        return np.where((one.is_not_null() & two.is_not_null()).to_numpy(), place, -1)

    def _find_other(self, first: Ints, second: Ints) -> Ints:
        """Find couples of which one answer has no score."""
        if not len(self.others):
            return np.full(len(first), -1)
        keys = first * len(self.rank) + second
        place = np.searchsorted(self.others, keys)
        there = self.others[np.minimum(place, len(self.others) - 1)] == keys
        return np.where(there, len(self.first) - len(self.others) + place, -1)


def couples(answers: pl.DataFrame, compared: pl.DataFrame) -> Couples:
    """Couple every two scored answers of a prompt, and every two that were compared.

    answers: `prompt` and `score`, sorted by prompt;  compared: `first` and `second`, rows of it
    """
    scored = np.flatnonzero(answers["score"].is_not_null().to_numpy())
    one, two = every_two(answers["prompt"].to_numpy()[scored])
    rank = np.full(answers.height, -1)
    rank[scored] = np.arange(len(scored))
    num_following = np.bincount(one, minlength=len(scored) + 1)
    first, second = compared["first"].to_numpy(), compared["second"].to_numpy()
    partly = (rank[first] < 0) | (rank[second] < 0)
    others = np.unique(first[partly] * answers.height + second[partly])
    return Couples(
        first=np.concatenate([scored[one], others // max(answers.height, 1)]),
        second=np.concatenate([scored[two], others % max(answers.height, 1)]),
        rank=rank,
        starts=np.cumsum(num_following) - num_following,
        others=others,
    )


def every_two(runs: npt.NDArray[np.integer]) -> tuple[Ints, Ints]:
    """Couple every two rows of each run of equal values, in order, the earlier row first."""
    rows = np.arange(len(runs))
    ends = np.append(np.flatnonzero(np.diff(runs)) + 1, len(runs))
    num_following = np.repeat(ends, np.diff(ends, prepend=0)) - rows - 1
    first = np.repeat(rows, num_following)
    starts = np.cumsum(num_following) - num_following
    return first, first + 1 + np.arange(len(first)) - np.repeat(starts, num_following)


def row_numbers(answers: pl.DataFrame, response_ids: pl.Series) -> pl.Series:
    """Return the row of `answers` of each response, null if absent.

    Equal neighbours are looked up once, as when ratings are sorted by response.
    """
    named = response_ids.to_frame("response_id")
    run = named.select(run=pl.col("response_id").rle_id())["run"]
    heads = named.filter(run.ne_missing(run.shift(1)))
    numbers = answers.select("response_id", row=pl.int_range(pl.len()))
    return heads.join(numbers, on="response_id", how="left", maintain_order="left")["row"].gather(
        run
    )
