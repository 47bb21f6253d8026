"""Raters' preferences between two answers: of each rater, and of each objective."""

from collections.abc import Sequence

import numpy as np
import polars as pl

from rather.stages.calibrate.ratings_per_item import (
    OVERALL,
    comparisons_as_judged,
    ratings_as_judged,
)
from rather.stages.pair.couples import Couples, Floats, Ints, every_two, row_numbers

DECIMALS = 9  # scores that differ by less are equal: 0.1 + 0.2 is 0.3


def voices(
    ratings: pl.DataFrame, comparisons: pl.DataFrame, answers: pl.DataFrame, couples: Couples
) -> pl.DataFrame:
    """Count each couple's raters; a rater's comparison takes the place of its scores.

    num_raters: raters who judged both answers
    halves:     2 for each of them who prefers the first, 1 for each who finds them equal
    """
    gaps = gaps_of(ratings_as_judged(ratings), answers, couples)
    if comparisons.height:
        gaps = _side_by_side_first(gaps, votes_on(comparisons, answers, couples))
    couple, sign = gaps["couple"].to_numpy(), gaps["sign"].to_numpy()
    halves = np.bincount(couple, sign + 1, minlength=len(couples))
    num_raters = np.bincount(couple, minlength=len(couples))
    return pl.DataFrame({"num_raters": num_raters, "halves": halves.astype(np.int64)})


def votes_on(comparisons: pl.DataFrame, answers: pl.DataFrame, couples: Couples) -> pl.DataFrame:
    """Return couple, rater and vote of each preference; a vote above zero prefers the first."""
    given = comparisons_as_judged(comparisons).drop_nulls("preference")
    place = couples.find_ids(
        given.select(pl.min_horizontal("first_id", "second_id")).to_series(),
        given.select(pl.max_horizontal("first_id", "second_id")).to_series(),
        answers,
    )
    side = pl.when(pl.col("first_id") < pl.col("second_id")).then(1).otherwise(-1)
    votes = given.select("rater", vote=pl.col("preference") * side, couple=pl.Series(place))
    return votes.filter(pl.col("couple") >= 0)


def gaps_of(scored: pl.DataFrame, answers: pl.DataFrame, couples: Couples) -> pl.DataFrame:
    """Subtract each rater's scores of every two answers that it scored.

    scored: response_id, rater and score
    Returns couple, rater, gap (first's score less second's, on the rater's scale) and its sign.
    """
    names = pl.Enum(scored["rater"].unique().sort())
    rows = row_numbers(answers, scored["response_id"])
    given = (rows.is_not_null() & scored["score"].is_not_null()).to_numpy()
    code = scored["rater"].cast(names).to_physical().to_numpy()[given]
    row = rows.fill_null(-1).to_numpy()[given]
    order = _by_rater_and_row(code, row)
    code, row, score = code[order], row[order], scored["score"].to_numpy()[given][order]
    prompt = answers["prompt"].to_numpy()[row].astype(np.int64)
    one, two = every_two(prompt * len(names.categories) + code)
    couple = couples.find(row[one], row[two])
    gap = np.round(score[one] - score[two], DECIMALS)
    rater = pl.Series(code[one]).cat.to(names)
    return pl.DataFrame(
        {"couple": couple, "rater": rater, "gap": gap, "sign": np.sign(gap).astype(np.int8)}
    ).filter(pl.col("couple") >= 0)


def _by_rater_and_row(code: Ints, row: Ints) -> Ints:
    """Order by rater, then by row; few rows, as a rule, are out of order to begin with."""
    order = np.argsort(row, kind="stable")
    return order[np.argsort(code[order], kind="stable")]


def _side_by_side_first(gaps: pl.DataFrame, votes: pl.DataFrame) -> pl.DataFrame:
    """Replace a rater's score gap on a couple by its votes.

    A rater who compared two answers several times counts once, with the sum of its votes.
    """
    sums = votes.group_by("couple", "rater").agg(gap=pl.col("vote").sum().round(DECIMALS))
    spoken = sums.with_columns(sign=pl.col("gap").sign().cast(pl.Int8))
    unsaid = gaps.cast({"rater": pl.String}).join(spoken, on=["couple", "rater"], how="anti")
    return pl.concat([spoken, unsaid])


def means_of(scored: pl.DataFrame, answers: pl.DataFrame) -> Floats:
    """Average each answer's scores, NaN where it has none."""
    row = row_numbers(answers, scored["response_id"])
    given = row.is_not_null() & scored["score"].is_not_null()
    at = row.filter(given).to_numpy().astype(np.int64)
    sums = np.bincount(at, scored["score"].filter(given).to_numpy(), minlength=answers.height)
    counts = np.bincount(at, minlength=answers.height)
    means: Floats = np.divide(sums, counts, out=np.full(answers.height, np.nan), where=counts > 0)
    return means


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
    """Return the aspects that were judged, but overall."""
    aspects = set(ratings["aspect"].unique()) | set(comparisons["aspect"].unique())
    return sorted(aspects - {OVERALL})


def _signs(
    ratings: pl.DataFrame, comparisons: pl.DataFrame, answers: pl.DataFrame, couples: Couples
) -> Floats:
    """Return 1, 0 or -1 for each couple, NaN without a judgement.

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
