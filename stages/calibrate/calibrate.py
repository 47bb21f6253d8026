"""Calibrate raters to one scale.   ratings, comparisons, features -> raters, scores, evidence

Ratings come as sheets, one per bucket of prompts, and are read three times: for each rater's scale,
for the raters' covariances, and for the spread of the scores. Comparisons are one table.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

import polars as pl
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat

from rather.schemas.evidence import Scores
from rather.stages.calibrate import aggregate, crowd, factor, scales
from rather.stages.calibrate.aggregate import Tally
from rather.stages.calibrate.aspects import mixed
from rather.stages.calibrate.crowd import Labels
from rather.stages.calibrate.factor import Factor
from rather.stages.calibrate.quadrature import Floats
from rather.stages.calibrate.rater_table import Method, compared, of_scores
from rather.stages.calibrate.rating_evidence import Evidence
from rather.stages.calibrate.rating_matrix import Sheet, sheet
from rather.stages.calibrate.scales import Scale, Survey
from rather.stages.calibrate.trusted import Learned, learn, trusted_pairs, with_odds
from rather.stages.common.parallel import prefetch

LEAST_LOADING = 0.1  # on shared quality: one hundredth of a rater's variance


class Options(BaseModel):
    """Options of calibrate: how judgements are weighed.

    method:  bradley_terry weighs raters by reliability and takes out their length slopes; mean and
             majority take all raters alike (majority: the median of scores, the count of votes);
             dawid_skene and mace are for labels of a few kinds, and need three raters
    scale:   z, in standard deviations, or quantile, by rank; of each rater over all its ratings
    trusted: name of a rater whose judgements are taken as true, and used for nothing else
    aspects: weights of the aspects that make up a judgement, such as {helpfulness: 2, honesty: 1};
             of one alone it makes the data set of that objective. None takes the overall
             judgement, or the mean of all aspects if that is missing
    length_worth: what a standard deviation of log length is truly worth, in standard deviations of
             quality; null takes what it is worth to the median rater
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    method: Method = "bradley_terry"
    scale: Scale = "z"
    trusted: str | None = None
    aspects: dict[str, PositiveFloat] = Field(default_factory=dict)
    length_worth: float | None = None


DEFAULT = Options()


@dataclass(frozen=True)
class Calibration:
    """The fitted raters, and the models that `scores` applies.

    raters:   the table;  evidence: the other numbers that turn judgements into odds
    notes:    sentences on options that could not be applied
    survey, scales, model: of scores;  unit: one standard deviation of them before they are scaled
    weighing: how scores are combined: factor, mean, majority or labels
    labels:   response_id, score and variance by a label model
    """

    raters: pl.DataFrame
    evidence: Evidence
    notes: tuple[str, ...]
    survey: Survey
    scales: pl.DataFrame
    model: Factor
    scale: Scale
    weighing: Literal["factor", "mean", "majority", "labels"]
    labels: pl.DataFrame
    unit: float = 1.0


def calibrate(
    sheets: Iterable[Sheet],
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    options: Options = DEFAULT,
) -> Calibration:
    """Fit the raters' models; the trusted rater is left out.

    sheets:   the buckets' ratings, by `sheet`, without the trusted rater's; iterated three times
    features: response_id and num_tokens of the compared responses at least
    """
    others = without(comparisons, options.trusted)
    surveys = prefetch(lambda s: scales.survey(s, options.scale), sheets)
    survey = reduce(Survey.__add__, surveys, Survey())
    described = scales.described(survey)
    model = _factor(sheets, described, survey, options)
    labels = _labels(sheets, options)
    unit, worth = survey.lengths.unit, options.length_worth
    fitted = compared(others, features, unit, options.method, worth)
    first = Calibration(
        raters=pl.concat([of_scores(described, model, labels.raters), fitted.raters]),
        evidence=Evidence(
            *(round(x, aggregate.DECIMALS) for x in (unit, fitted.worth, fitted.tie))
        ),
        notes=tuple(note for note in (_note(model, options), labels.note, fitted.note) if note),
        survey=survey,
        scales=described,
        model=model,
        scale=options.scale,
        weighing=_weighing(model, labels, options),
        labels=labels.items,
    )
    tallies = prefetch(lambda s: aggregate.tally(_scores(s, first)), sheets)
    spread = reduce(Tally.__add__, tallies, Tally())
    return replace(first, unit=spread.unit)


def scores(sheet: Sheet, calibration: Calibration) -> pl.DataFrame:
    """Compute the calibrated score of each response with a rating in a bucket.

    A rater's scores are standardised over all its ratings, never per prompt: that would give a
    prompt whose answers are all alike the spread of one whose answers differ. A constant rater's
    scores are 0.
    """
    unit = calibration.unit
    return (
        _scores(sheet, calibration)
        .with_columns(pl.col("score") / unit, pl.col("variance") / unit**2)
        .with_columns(**aggregate.rated(sheet))
        .select(Scores.column_names())
    )


def without(rows: pl.DataFrame, rater: str | None) -> pl.DataFrame:
    """Remove a rater's rows: trusted judgements test the others, and do not vote."""
    return rows if rater is None else rows.filter(pl.col("rater") != rater)


def counted(rows: pl.DataFrame, value: str, options: Options) -> pl.DataFrame:
    """Return the rows that count: without the trusted rater's, and with their aspects mixed."""
    return mixed(without(rows, options.trusted), options.aspects, value)


def in_memory(
    ratings: pl.DataFrame,
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    options: Options = DEFAULT,
) -> tuple[Calibration, pl.DataFrame]:
    """Calibrate tables that fit in memory, and compute the scores."""
    one = sheet(counted(ratings, "score", options), features)
    calibration = calibrate([one], comparisons, features, options)
    return calibration, scores(one, calibration)


def learn_from_trusted(
    trusted: tuple[pl.DataFrame, pl.DataFrame],
    scores: pl.DataFrame,
    comparisons: pl.DataFrame,
    features: pl.DataFrame,
    calibration: Calibration,
) -> Learned:
    """Fit the odds' correction to the trusted rater's ratings and comparisons.

    scores, comparisons, features: of the responses it judged at least; comparisons by others only
    """
    pairs, evidence = trusted_pairs(*trusted), calibration.evidence
    known = with_odds(pairs, scores, comparisons, features, calibration.raters, evidence)
    return learn(known, features, evidence)


def _factor(
    sheets: Iterable[Sheet], described: pl.DataFrame, survey: Survey, options: Options
) -> Factor:
    names, measured = described["rater"].to_list(), factor.measured(described)

    def moments(one: Sheet) -> factor.Moments:
        standard = _standard(one, described, survey, options.scale)
        return factor.moments(one, standard, survey.lengths.unit, names, measured)

    parts = prefetch(moments, sheets)
    total = reduce(factor.Moments.__add__, parts, factor.no_moments(len(names), len(measured)))
    return factor.fit(total, names, measured, options.length_worth)


def _standard(one: Sheet, described: pl.DataFrame, survey: Survey, scale: Scale) -> Floats:
    return scales.standardised(one, described, survey, scale)


def _weighing(
    model: Factor, labels: Labels, options: Options
) -> Literal["factor", "mean", "majority", "labels"]:
    if options.method == "bradley_terry":
        return "factor" if model.known.any() and not _is_deaf(model) else "mean"
    if options.method == "majority":
        return "majority"
    return "labels" if labels.raters is not None else "mean"


def _note(model: Factor, options: Options) -> str | None:
    """Return a sentence if the factor model has no use, else None."""
    if options.method != "bradley_terry" or not _is_deaf(model):
        return None
    return (
        "length explains all that the raters have in common, or nothing does: scores are plain "
        "means; look at the lengths, and at `rather agreement`, before you train on them"
    )


def _is_deaf(model: Factor) -> bool:
    """Check whether the known raters have nothing in common but their length slopes."""
    return bool(model.known.any() and (model.loading[model.known] < LEAST_LOADING).all())


def _scores(one: Sheet, fitted: Calibration) -> pl.DataFrame:
    """Combine a bucket's scores, before they are scaled to unit standard deviation."""
    if fitted.weighing == "labels":
        return aggregate.labelled(one, fitted.labels)
    z = _standard(one, fitted.scales, fitted.survey, fitted.scale)
    if fitted.weighing == "factor":
        return aggregate.weighed(one, z, fitted.survey.lengths.unit, fitted.model)
    return (aggregate.median if fitted.weighing == "majority" else aggregate.mean)(one, z)


def _labels(sheets: Iterable[Sheet], options: Options) -> Labels:
    """Aggregate scores by a label model, if the method is one."""
    if options.method == "dawid_skene" or options.method == "mace":
        rows = pl.concat(one.labels() for one in sheets)
        return crowd.aggregate(rows, ["response_id"], options.method)
    return Labels(pl.DataFrame())
