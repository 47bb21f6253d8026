"""Declared quality as suites of expectations on the chosen pairs and labels."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import polars as pl
from pydantic import BaseModel, Field

from rather.stages.validate.expectations import Expectation, Suite

PAIRS, LABELS = "chosen", "labels"
# A mean of equal numbers can fall a last binary digit short of them.
ROUNDING = 1e-9
REBUILD = "chosen is not what choose wrote: run `dvc repro` to rebuild it"
COMPLETE = "keep the rule `complete` under winnow in params.yaml"
DISTINCT = "keep the rule `distinct` under winnow in params.yaml"
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class Options(BaseModel, extra="forbid", frozen=True):
    """What the owner of the data declares good enough; what is null is not asked for.

    agreement_floor: convert refuses chosen pairs whose mean agreement is lower
    agreement_aim:   what the team works toward; missing it is reported and stops nothing
    min_pairs:       convert refuses fewer chosen pairs
    length_effect_at_most: how far the share of chosen pairs whose chosen answer is the longer one
                     may be from one half
    margins_at_least: {share: margin}: so large a share of the chosen pairs must have at least this
                     margin, in standard deviations of calibrated score; {0.9: 0.5} is about the
                     lowest tenth
    rarer_label_at_least: share of the rarer kind of KTO labels, desirable or undesirable
    """

    agreement_floor: Share = 0.7
    agreement_aim: Share = 0.85
    min_pairs: int = Field(1, ge=1)
    length_effect_at_most: float | None = Field(None, ge=0.0, le=0.5)
    margins_at_least: dict[Share, float] = {}
    rarer_label_at_least: float | None = Field(None, ge=0.0, le=0.5)


def scalars(chosen: pl.DataFrame) -> pl.DataFrame:
    """Return the columns of the chosen pairs that are judged: an id, numbers and flags.

    two_responses: chosen_id and rejected_id differ
    num_splits:    sides of the split on which the pair's prompt stands: 1, or a leak
    longer:        1 where the chosen answer is the longer, 0 where it is the shorter, else null
    """
    # Great Expectations compares columns row by row in Python; a flag is a hundred times faster.
    gap = pl.col("length_gap")
    return chosen.select(
        "pair_id",
        "margin",
        "agreement",
        "chosen_tokens",
        "rejected_tokens",
        "complete",
        "distinct",
        two_responses=pl.col("chosen_id").ne_missing(pl.col("rejected_id")),
        num_splits=pl.col("split").n_unique().over("prompt_id").cast(pl.Int64),
        longer=pl.when(gap != 0).then((gap > 0).cast(pl.Float64)),
    )


def of_pairs(chosen: pl.DataFrame, options: Options) -> Suite:
    """Return the suite of the chosen pairs."""
    return Suite(PAIRS, scalars(chosen), [*_of_the_corpus(options), *_of_each_pair()])


def _of_the_corpus(options: Options) -> Iterator[Expectation]:
    """List what is expected of all chosen pairs together."""
    floor, fewest, effect = (
        options.agreement_floor,
        options.min_pairs,
        options.length_effect_at_most,
    )
    yield Expectation(
        f"the number of chosen pairs is at least {fewest:,}",
        "ExpectTableRowCountToBeBetween",
        {"min_value": fewest},
        "loosen the rules that dropped most (the ledger counts them): winnow.rules.margin or "
        "agreement; or where choose dropped them for length_balance, since the chosen answers "
        "are all longer or all shorter, set choose.balance to none",
    )
    yield _mean_between(
        f"mean agreement is at least {floor:g}",
        "agreement",
        (floor, None),
        "raise the margin or agreement rule under winnow in params.yaml, leave out a "
        "careless rater, or lower validate.agreement_floor",
    )
    for share, least in options.margins_at_least.items():
        # A quantile's own expectation gives what JSON cannot hold (Great Expectations 1.24).
        yield Expectation(
            f"{share:.0%} of the margins are at least {least:g}",
            "ExpectColumnValuesToBeBetween",
            {"column": "margin", "min_value": least - ROUNDING, "mostly": share},
            "raise winnow.rules.margin, or lower validate.margins_at_least",
        )
    if effect is not None:
        yield _mean_between(
            f"the chosen answer is the longer in half of the pairs, give or take {effect:g}",
            "longer",
            (0.5 - effect, 0.5 + effect),
            "set choose.balance to optimal, or raise validate.length_effect_at_most",
        )


def _mean_between(
    sentence: str, column: str, limits: tuple[float, float | None], mend: str
) -> Expectation:
    """Expect the mean of a column within limits, the last binary digit aside."""
    least, most = limits
    arguments = {"column": column, "min_value": least - ROUNDING}
    if most is not None:
        arguments["max_value"] = most + ROUNDING
    return Expectation(sentence, "ExpectColumnMeanToBeBetween", arguments, mend)


def of_labels(labels: Mapping[str, Any] | None, options: Options) -> list[Suite]:
    """Return the suite of the KTO labels, if there are labels and a declared share."""
    rarer = options.rarer_label_at_least
    if labels is None or rarer is None:
        return []
    told = [1.0] * labels["desirable"] + [0.0] * labels["undesirable"]
    expected = _mean_between(
        f"the rarer kind of label is at least {rarer:g} of all",
        "desirable",
        (rarer, 1 - rarer),
        "move the thresholds under convert.kto, or lower validate.rarer_label_at_least",
    )
    view = pl.DataFrame({"desirable": told}, schema={"desirable": pl.Float64})
    return [Suite(LABELS, view, [expected])]


def _of_each_pair() -> list[Expectation]:
    """List what is expected of every chosen pair by itself."""
    true = [True]
    return [
        _each("pair_id is given", "NotBeNull", "pair_id"),
        _each("pair_id is unique", "BeUnique", "pair_id"),
        _each("a pair has two responses", "BeInSet", "two_responses", value_set=true),
        _each("a prompt is on one side of the split", "BeBetween", "num_splits", max_value=1),
        _each("agreement is from 0 to 1", "BeBetween", "agreement", min_value=0, max_value=1),
        _each("chosen is not empty", "BeBetween", "chosen_tokens", COMPLETE, min_value=1),
        _each("rejected is not empty", "BeBetween", "rejected_tokens", COMPLETE, min_value=1),
        _each("both answers are complete", "BeInSet", "complete", COMPLETE, value_set=true),
        _each("the two texts differ", "BeInSet", "distinct", DISTINCT, value_set=true),
    ]


def _each(
    sentence: str, check: str, column: str, mend: str = REBUILD, **limits: object
) -> Expectation:
    """Expect something of each value of one column."""
    return Expectation(sentence, f"ExpectColumnValuesTo{check}", {"column": column, **limits}, mend)
