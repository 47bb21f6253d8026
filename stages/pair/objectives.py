"""Which objectives prefer the first of two answers, and which the second."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from rather.stages.calibrate.ratings_per_item import OVERALL
from rather.stages.pair.couples import Couples, Floats
from rather.stages.pair.rater_votes import DECIMALS, gaps_of, means_of, votes_on


def objectives(
    ratings: pl.DataFrame,
    comparisons: pl.DataFrame,
    answers: pl.DataFrame,
    couples: Couples,
    names: Sequence[str] | None = None,
) -> pl.DataFrame:
    """Count each couple's objectives: num_judged, num_first that prefer the first, num_second.

    names: the objectives; without, every aspect but overall
    """
    judged, first, second = (np.zeros(len(couples), dtype=np.int64) for _ in range(3))
    for name in _aspects(ratings, comparisons) if names is None else names:
        of = pl.col("aspect") == name
        sign = _signs(ratings.filter(of), comparisons.filter(of), answers, couples)
        judged += ~np.isnan(sign)
        first += sign > 0
        second += sign < 0
    return pl.DataFrame({"num_judged": judged, "num_first": first, "num_second": second})


def _aspects(ratings: pl.DataFrame, comparisons: pl.DataFrame) -> list[str]:
    """List what was judged beside the whole."""
    found = set(ratings["aspect"].unique()) | set(comparisons["aspect"].unique())
    return sorted(found - {OVERALL})


def _signs(
    ratings: pl.DataFrame, comparisons: pl.DataFrame, answers: pl.DataFrame, couples: Couples
) -> Floats:
    """Give 1, 0 or -1 for each couple, NaN where nobody judged it.

    Votes come first, then the gaps of raters who scored both answers, whose leanings cancel; only
    where there is neither are the answers' means compared.
    """
    mean = means_of(ratings, answers)
    tiers = (
        _summed(votes_on(comparisons, answers, couples), "vote", len(couples)),
        _summed(gaps_of(ratings, answers, couples), "gap", len(couples)),
        mean[couples.first] - mean[couples.second],
    )
    total = tiers[0]
    for tier in tiers[1:]:
        total = np.where(np.isnan(total), tier, total)
    return np.sign(np.round(total, DECIMALS))


def _summed(judged: pl.DataFrame, column: str, size: int) -> Floats:
    """Sum a column over each couple, NaN where there is nothing to sum."""
    couple = judged["couple"].to_numpy()
    sums = np.bincount(couple, judged[column].to_numpy(), minlength=size)
    return np.where(np.bincount(couple, minlength=size) > 0, sums, np.nan)
