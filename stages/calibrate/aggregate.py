"""Combine several raters' standardised scores into one score per response."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from rather.stages.calibrate import factor
from rather.stages.calibrate.factor import Factor
from rather.stages.calibrate.quadrature import Floats
from rather.stages.calibrate.rating_matrix import Sheet

DECIMALS = 12  # sums of floats differ beyond; scaled up, that noise would be a preference


@dataclass(frozen=True)
class Tally:
    """Count, sum and sum of squares of the scores; tallies of buckets add up."""

    count: int = 0
    total: float = 0.0
    squares: float = 0.0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(
            self.count + other.count, self.total + other.total, self.squares + other.squares
        )

    @property
    def unit(self) -> float:
        """One standard deviation, or 1 where all scores are alike."""
        mean = self.total / max(self.count, 1)
        variance = self.squares / max(self.count, 1) - mean**2
        return round(float(variance**0.5), DECIMALS) if variance > 10.0**-DECIMALS else 1.0


def tally(scores: pl.DataFrame) -> Tally:
    """Compute a bucket's count, sum and sum of squares."""
    score = scores["score"].to_numpy()
    return Tally(len(score), float(score.sum()), float((score**2).sum()))


def weighed(sheet: Sheet, z: Floats, unit: float, model: Factor) -> pl.DataFrame:
    """Compute the posterior mean and variance of quality under the factor model."""
    return _rounded(factor.posterior(sheet, z, unit, model))


def mean(sheet: Sheet, z: Floats) -> pl.DataFrame:
    """Compute the mean of the standardised scores; its variance is null."""
    return _unsure(sheet, np.bincount(sheet.row, z, sheet.responses.height) / counts(sheet))


def median(sheet: Sheet, z: Floats) -> pl.DataFrame:
    """Compute the median, the score that no majority would move (Balinski and Laraki 2007)."""
    rows = pl.DataFrame({"row": sheet.row, "z": z})
    medians = rows.group_by("row").agg(pl.col("z").median()).sort("row")
    return _unsure(sheet, medians["z"].to_numpy())


def labelled(sheet: Sheet, labels: pl.DataFrame) -> pl.DataFrame:
    """Return each response's expected label and its variance."""
    joined = sheet.responses.join(labels, on="response_id", how="left", maintain_order="left")
    return _rounded(joined.select("response_id", "prompt_id", "score", "variance"))


def rated(sheet: Sheet) -> dict[str, pl.Series]:
    """Compute the plain mean of each response's scores, and the number of its raters."""
    num_raters = counts(sheet)
    parts = sheet.score / num_raters[sheet.row]  # divided first: sums may be too large
    rating = np.bincount(sheet.row, parts, sheet.responses.height)
    return {
        "rating": pl.Series(rating.astype(np.float64)).round(DECIMALS),
        "num_raters": pl.Series(num_raters.astype(np.int64)),
    }


def counts(sheet: Sheet) -> Floats:
    """Count the scores of each response."""
    return np.bincount(sheet.row, minlength=sheet.responses.height).astype(np.float64)


def _unsure(sheet: Sheet, score: Floats) -> pl.DataFrame:
    """Return scores with a null variance."""
    unknown = pl.lit(None, pl.Float64)
    return _rounded(sheet.responses.with_columns(score=pl.Series(score), variance=unknown))


def _rounded(scores: pl.DataFrame) -> pl.DataFrame:
    """Round score and variance, so that a sum's order does not change them."""
    return scores.with_columns(pl.col("score", "variance").round(DECIMALS))
