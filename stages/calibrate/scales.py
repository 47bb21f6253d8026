"""Each rater's own scale: mean and spread over all its ratings, never per prompt."""

from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import polars as pl

from rather.stages.calibrate.length_slopes import Spread
from rather.stages.calibrate.quadrature import Floats
from rather.stages.calibrate.rating_matrix import Sheet

Scale = Literal["z", "quantile"]

COLUMNS = {
    "rater": pl.String,
    "num_ratings": pl.Int64,
    "num_missing": pl.Int64,
    "mean": pl.Float64,
    "squares": pl.Float64,
    "low": pl.Float64,
    "high": pl.Float64,
}
VALUES = {"rater": pl.String, "score": pl.Float64, "count": pl.Int64}


@dataclass(frozen=True)
class Survey:
    """Each rater's distribution of scores; surveys of buckets add up.

    raters: rater, num_ratings, num_missing, mean, squares (summed, about the mean), low, high
    values: rater, score, count; filled for the scale `quantile` only
    lengths: spread of log lengths within prompts
    """

    raters: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=COLUMNS))
    values: pl.DataFrame = field(default_factory=lambda: pl.DataFrame(schema=VALUES))
    lengths: Spread = field(default_factory=Spread)

    def __add__(self, other: "Survey") -> "Survey":
        return Survey(
            _merged(pl.concat([self.raters, other.raters])),
            _counted(pl.concat([self.values, other.values])),
            self.lengths + other.lengths,
        )


def survey(sheet: Sheet, scale: Scale) -> Survey:
    """Compute a bucket's survey."""
    size = len(sheet.names)
    count = np.bincount(sheet.rater, minlength=size)
    with np.errstate(over="ignore", invalid="ignore"):
        mean = np.bincount(sheet.rater, sheet.score, size) / np.maximum(count, 1)
        squares = np.bincount(sheet.rater, (sheet.score - mean[sheet.rater]) ** 2, size)
    low, high = np.full(size, np.inf), np.full(size, -np.inf)
    np.minimum.at(low, sheet.rater, sheet.score)
    np.maximum.at(high, sheet.rater, sheet.score)
    columns = [sheet.names, count, sheet.missing, mean, squares, low, high]
    raters = pl.DataFrame(dict(zip(COLUMNS, columns, strict=True)), schema=COLUMNS)
    values = _values(sheet) if scale == "quantile" else pl.DataFrame(schema=VALUES)
    return Survey(raters, values, sheet.spread)


def described(survey: Survey) -> pl.DataFrame:
    """Return rater, num_ratings, num_missing, mean and sd.

    Mean and sd are null without a score, or if squares overflow.
    """
    some = (pl.col("num_ratings") > 0) & pl.col("squares").is_finite()
    constant = pl.col("low") == pl.col("high")
    sd = (pl.col("squares") / pl.col("num_ratings")).sqrt()
    return survey.raters.sort("rater").select(
        "rater",
        "num_ratings",
        "num_missing",
        mean=pl.when(some).then(pl.when(constant).then(pl.col("low")).otherwise(pl.col("mean"))),
        sd=pl.when(some).then(pl.when(constant).then(0.0).otherwise(sd)),
    )


def standardised(sheet: Sheet, scales: pl.DataFrame, survey: Survey, scale: Scale) -> Floats:
    """Standardise scores by rater; a constant rater gets 0."""
    if scale == "quantile":
        return _normal_scores(sheet, survey.values)
    code = sheet.renumbered(scales["rater"].to_list())
    mean, sd = (scales[name].fill_null(0.0).to_numpy() for name in ("mean", "sd"))
    varies = sd > 0
    factor = np.where(varies, 1 / np.where(varies, sd, 1.0), 0.0)
    result: Floats = (sheet.score - mean[code]) * factor[code]
    return result


def _merged(raters: pl.DataFrame) -> pl.DataFrame:
    count, mean = pl.col("num_ratings"), pl.col("mean")
    overall = (count * mean).sum().over("rater") / count.sum().over("rater").clip(1)
    return (
        raters.with_columns(overall=overall)
        .sort("rater", *COLUMNS)
        .group_by("rater", maintain_order=True)
        .agg(
            pl.col("num_ratings", "num_missing").sum(),
            mean=pl.col("overall").first(),
            squares=(pl.col("squares") + count * (mean - pl.col("overall")) ** 2).sum(),
            low=pl.col("low").min(),
            high=pl.col("high").max(),
        )
    )


def _values(sheet: Sheet) -> pl.DataFrame:
    names = pl.Series(sheet.names, dtype=pl.String)
    given = pl.DataFrame({"code": sheet.rater, "score": sheet.score})
    counted = given.group_by("code", "score").len("count").sort("code", "score")
    rater = names.gather(counted["code"])
    return counted.select(rater.alias("rater"), "score", pl.col("count").cast(pl.Int64))


def _counted(values: pl.DataFrame) -> pl.DataFrame:
    return values.group_by("rater", "score").agg(pl.col("count").sum()).sort("rater", "score")


def _normal_scores(sheet: Sheet, values: pl.DataFrame) -> Floats:
    """Compute normal quantiles of mid-ranks (van der Waerden), rescaled to unit sd per rater."""
    from scipy.special import ndtri

    count = pl.col("count")
    total, below = count.sum().over("rater"), count.cum_sum().over("rater") - count / 2
    ranked = values.sort("rater", "score").with_columns(rank=below / total)
    normal = ranked.with_columns(z=pl.Series(ndtri(ranked["rank"].to_numpy())))
    mean = ((pl.col("z") * count).sum() / count.sum()).over("rater")
    centred = normal.with_columns(z=pl.col("z") - mean)
    sd = ((pl.col("z") ** 2 * count).sum() / count.sum()).sqrt().over("rater")
    several = pl.len().over("rater") > 1
    scaled = centred.with_columns(z=pl.when(several).then(pl.col("z") / sd).otherwise(0.0))
    return _looked_up(sheet, scaled)


def _looked_up(sheet: Sheet, scaled: pl.DataFrame) -> Floats:
    names = pl.DataFrame({"rater": sheet.names}, schema={"rater": pl.String}).with_row_index("code")
    known = scaled.join(names, on="rater").select(pl.col("code").cast(pl.Int64), "score", "z")
    rows = pl.DataFrame({"code": sheet.rater, "score": sheet.score})
    joined = rows.join(known, on=["code", "score"], how="left", maintain_order="left")
    result: Floats = joined["z"].to_numpy()
    return result
