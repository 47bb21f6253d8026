"""Ratings of one bucket as compact arrays, read once and used several times."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from rather.stages.calibrate.length_slopes import Spread, lengths
from rather.stages.calibrate.quadrature import Codes, Floats
from rather.stages.calibrate.ratings_per_item import ratings_as_judged


@dataclass(frozen=True)
class Sheet:
    """Scores that are not missing, sorted by prompt, response and rater.

    responses: response_id and prompt_id of each response with a score
    prompt:    number of each response's prompt;  length: its centred log length
    names:     the bucket's raters in alphabetical order;  missing: missing judgements of each
    row, rater, score: one entry per given score: number of response, number of rater
    """

    responses: pl.DataFrame
    prompt: Codes
    length: Floats
    names: list[str]
    missing: Codes
    row: Codes
    rater: Codes
    score: Floats
    spread: Spread

    def packed(self) -> "Packed":
        """Return a compact copy of this sheet, in a third of the memory."""
        return Packed(
            responses=self.responses,
            length=self.length,
            names=self.names,
            missing=self.missing,
            num_scores=np.bincount(self.row, minlength=len(self.length)).astype(np.int32),
            rater=self.rater.astype(np.min_scalar_type(len(self.names))),
            score=self.score,
            spread=self.spread,
        )

    def renumbered(self, names: list[str]) -> Codes:
        """Return each score's rater as an index into another list of names, -1 if not in it."""
        place = {name: number for number, name in enumerate(names)}
        known = np.array([place.get(name, -1) for name in self.names], dtype=np.int64)
        return known[self.rater]

    def labels(self) -> pl.DataFrame:
        """Return response_id, rater and label of each score."""
        names = pl.Series(self.names, dtype=pl.String)
        return pl.DataFrame(
            {
                "response_id": self.responses["response_id"].gather(self.row),
                "rater": names.gather(self.rater),
                "label": self.score,
            }
        )


@dataclass(frozen=True)
class Packed:
    """A sheet with narrow types, so that those of all buckets fit in memory."""

    responses: pl.DataFrame
    length: Floats
    names: list[str]
    missing: Codes
    num_scores: NDArray[np.int32]
    rater: NDArray[np.unsignedinteger[Any]]
    score: Floats
    spread: Spread

    def unpacked(self) -> Sheet:
        """Return the sheet."""
        return Sheet(
            responses=self.responses,
            prompt=_runs(self.responses, "prompt_id"),
            length=self.length,
            names=self.names,
            missing=self.missing,
            row=np.repeat(np.arange(len(self.length)), self.num_scores),
            rater=self.rater.astype(np.int64),
            score=self.score,
            spread=self.spread,
        )


def sheet(ratings: pl.DataFrame, features: pl.DataFrame) -> Sheet:
    """Build the sheet of a bucket; an answer without features takes the mean length."""
    judged = ratings_as_judged(ratings)
    names = judged["rater"].unique().sort().to_list()
    code = pl.col("rater").cast(pl.Enum(names)).to_physical().cast(pl.Int64)
    numbered = judged.with_columns(rater=code)
    given = numbered.filter(pl.col("score").is_not_null()).sort("prompt_id", "response_id", "rater")
    row = _runs(given, "response_id")
    responses = given.select("response_id", "prompt_id").filter(_starts(row))
    centred, spread = lengths(features)
    lost = numbered.filter(pl.col("score").is_null())["rater"].to_numpy()
    return Sheet(
        responses=responses,
        prompt=_runs(responses, "prompt_id"),
        length=_lengths(responses, centred),
        names=names,
        missing=np.bincount(lost, minlength=len(names)),
        row=row,
        rater=given["rater"].to_numpy(),
        score=given["score"].to_numpy(),
        spread=spread,
    )


def _runs(rows: pl.DataFrame, column: str) -> Codes:
    return rows.select(pl.col(column).rle_id().cast(pl.Int64)).to_series().to_numpy()


def _starts(row: Codes) -> NDArray[np.bool_]:
    return np.diff(row, prepend=-1) > 0


def _lengths(responses: pl.DataFrame, centred: pl.DataFrame) -> Floats:
    joined = responses.join(centred, on="response_id", how="left", maintain_order="left")
    return joined["length"].fill_null(0.0).to_numpy()
