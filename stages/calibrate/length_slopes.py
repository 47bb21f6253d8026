"""Log length of answers, centred within prompts."""

from dataclasses import dataclass

import polars as pl

FARTHEST = 3.0  # sd; what lies beyond is a broken answer, and must not steer a slope


@dataclass(frozen=True)
class Spread:
    """Sum of squared deviations from the prompts' mean log lengths; additive."""

    num_responses: int = 0
    squares: float = 0.0

    def __add__(self, other: "Spread") -> "Spread":
        return Spread(self.num_responses + other.num_responses, self.squares + other.squares)

    @property
    def unit(self) -> float:
        """One standard deviation of log length within prompts; 1 where all lengths are alike."""
        return (self.squares / self.num_responses) ** 0.5 if self.squares > 0 else 1.0


def log_lengths() -> pl.Expr:
    """Compute the logarithm of the number of tokens; 0 for an empty answer."""
    return pl.col("num_tokens").log1p()


def centred() -> pl.Expr:
    """Compute log length minus its mean over the prompt's answers."""
    return log_lengths() - log_lengths().mean().over("prompt_id")


def lengths(features: pl.DataFrame) -> tuple[pl.DataFrame, Spread]:
    """Compute response_id and centred log length of a bucket's answers, and their spread.

    A prompt with one answer adds nothing to the spread. Squares are sorted before they are summed,
    so that the order of rows does not matter.
    """
    rows = features.select("response_id", length=centred(), num=pl.len().over("prompt_id"))
    squares = rows.select((pl.col("length") ** 2).sort().sum()).item()
    return rows.drop("num"), Spread(int((rows["num"] > 1).sum()), squares)


def length_difference(low_tokens: pl.Expr, high_tokens: pl.Expr, unit: float | pl.Expr) -> pl.Expr:
    """Compute low's log length minus high's, in standard deviations, clipped to -3 ... 3."""
    difference = (low_tokens.log1p() - high_tokens.log1p()) / unit
    return difference.clip(-FARTHEST, FARTHEST)
