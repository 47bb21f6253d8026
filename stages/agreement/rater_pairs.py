"""Pairwise agreement of raters on the items that both judged."""

import numpy as np
import polars as pl

from rather.stages.agreement.levels import MAX_CATEGORIES
from rather.stages.agreement.units import Ints

MAX_RATERS = 100  # with most judgements; their pairs are 4,950
MAX_PAIRS = 50
CHUNK = 20_000  # profiles in memory at a time, as a row for each
PAIR = ["first", "second"]


def rater_pairs(tallied: pl.DataFrame, aspect: str) -> tuple[pl.DataFrame, int]:
    """Compare the 50 pairs of raters who share most items; count the pairs that share any.

    first, second: raters, in order of name;  num_items: that both judged
    percent_agreement: share of these with equal values
    kappa:          Cohen's (1960); null where both gave a single value, or values are no
                    categories
    weighted_kappa: the same in quadratic weights (Cohen 1968); null where values are text

    Only the 100 raters with most judgements are paired.
    """
    given = tallied.filter((pl.col("aspect") == aspect) & pl.col("value").is_not_null())
    raters = _busiest(given)
    rows = given.filter(pl.col("rater").is_in(raters.to_list())).select(
        "profile", "num_items", "value", rater=pl.col("rater").cast(pl.Enum(raters)).to_physical()
    )
    shared = np.triu(_shared(rows, raters.len()), 1)
    first, second = np.nonzero(shared)
    pairs_of = {"first": first, "second": second, "num_items": shared[first, second]}
    order = (
        pl.DataFrame(pairs_of, schema_overrides=dict.fromkeys(PAIR, pl.UInt32))
        .sort("num_items", *PAIR, descending=[True, False, False])
        .head(MAX_PAIRS)
    )
    names = [raters.gather(order[side]).alias(side) for side in PAIR]
    return _compare(rows, order).with_columns(names), first.size


def _busiest(given: pl.DataFrame) -> pl.Series:
    """List the raters with most judgements, sorted by name."""
    raters = given.group_by("rater").agg(pl.col("num_items").sum())
    busiest = raters.sort("num_items", "rater", descending=[True, False]).head(MAX_RATERS)
    return busiest["rater"].sort()


def _shared(rows: pl.DataFrame, num_raters: int) -> Ints:
    """Count the items judged by both raters of each pair: (R, R)."""
    placed = rows.sort("profile").with_columns(profile=pl.col("profile").rle_id())
    profile, rater, weight = (placed[name].to_numpy() for name in ("profile", "rater", "num_items"))
    num_profiles = int(profile[-1]) + 1 if profile.size else 0
    shared = np.zeros((num_raters, num_raters))
    for start in range(0, num_profiles, CHUNK):
        held = slice(*np.searchsorted(profile, [start, start + CHUNK]))
        judged = np.zeros((min(CHUNK, num_profiles - start), num_raters))
        judged[profile[held] - start, rater[held]] = 1
        items = np.zeros((len(judged), 1))
        items[profile[held] - start, 0] = weight[held]
        shared += judged.T @ (judged * items)
    return shared.astype(np.int64)


def _compare(rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Add each pair's coefficients, in the order of the pairs."""
    cells = _cells(rows, pairs)
    weight, equal = pl.col("weight"), pl.col("value") == pl.col("other")
    agreed, chance = pl.col("percent_agreement"), pl.col("by_chance")
    coefficients = cells.group_by(PAIR).agg(
        percent_agreement=weight.filter(equal).sum() / weight.sum(),
        weighted_kappa=_weighted_kappa(rows["value"]),
    )
    if rows["value"].n_unique() > MAX_CATEGORIES:
        coefficients = coefficients.with_columns(by_chance=pl.lit(None, pl.Float64))
    else:
        coefficients = coefficients.join(_by_chance(cells), on=PAIR)
    return (
        pairs.join(coefficients, on=PAIR, maintain_order="left")
        .with_columns(kappa=pl.when(chance < 1).then((agreed - chance) / (1 - chance)))
        .select(*PAIR, "num_items", "percent_agreement", "kappa", "weighted_kappa")
    )


def _cells(rows: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Count the value combinations of each pair of raters, sorted."""
    values = rows.select("profile", "rater", "value", "num_items")
    other = values.select("profile", second="rater", other="value")
    return (
        pairs.select(PAIR)
        .join(values, left_on="first", right_on="rater")
        .join(other, on=["profile", "second"])
        .group_by(*PAIR, "value", "other")
        .agg(weight=pl.col("num_items").sum())
        .sort(*PAIR, "value", "other")
    )


def _by_chance(cells: pl.DataFrame) -> pl.DataFrame:
    """Compute each pair's chance agreement from the raters' own value frequencies."""
    total = pl.col("weight").sum()
    first = cells.group_by(*PAIR, "value").agg(total)
    second = cells.group_by(*PAIR, "other").agg(total.alias("weight_other"))
    both = pl.col("weight") * pl.col("weight_other").fill_null(0)
    return (
        first.join(second, left_on=[*PAIR, "value"], right_on=[*PAIR, "other"], how="left")
        .group_by(PAIR)
        .agg(by_chance=both.sum() / total**2)
    )


def _weighted_kappa(values: pl.Series) -> pl.Expr:
    """Compute 1 - mean squared difference / its expectation; null for text values."""
    if not values.dtype.is_numeric():
        return pl.lit(None, pl.Float64)
    weight, centre = pl.col("weight"), pl.lit(values.mean(), pl.Float64)
    mine, theirs = pl.col("value") - centre, pl.col("other") - centre

    def mean(of: pl.Expr) -> pl.Expr:
        return (weight * of).sum() / weight.sum()

    expected = mean(mine**2) + mean(theirs**2) - 2 * mean(mine) * mean(theirs)
    return pl.when(expected > 0).then(1 - mean((mine - theirs) ** 2) / expected)
