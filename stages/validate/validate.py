"""Compare the chosen pairs with the declared quality.   chosen -> quality.json, Data Docs"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

import polars as pl

from rather.schemas.base import QualityError
from rather.stages.text.length import share_longer
from rather.stages.validate.declared_quality import (
    LABELS,
    PAIRS,
    ROUNDING,
    Options,
    of_labels,
    of_pairs,
)
from rather.stages.validate.expectations import Expectation, Results, Suite, failure, judge, verdict

Quality = dict[str, Any]

QUANTILES = {"min": 0, "p10": 0.1, "p25": 0.25, "median": 0.5, "p75": 0.75, "p90": 0.9, "max": 1}
# What is looked at of each chosen pair: numbers, few enough to hold every pair's.
COLUMNS = (
    "pair_id",
    "prompt_id",
    "split",
    "chosen_id",
    "rejected_id",
    "margin",
    "agreement",
    "chosen_tokens",
    "rejected_tokens",
    "length_gap",
    "complete",
    "distinct",
)
OPTIONAL = {"margin", "agreement", "longer", "desirable"}  # columns that a source may leave empty
TIE = 0.5


def validate(
    chosen: pl.DataFrame,
    pairs: pl.DataFrame,
    options: Options,
    folder: Path,
    *,
    labels: Mapping[str, Any] | None = None,
    tables: Sequence[Suite] = (),
) -> Quality:
    """Judge the chosen pairs, build Data Docs of the judgement, and never fail on low quality.

    chosen and pairs are Pairs; pairs holds every pair before any rule. labels counts KTO labels,
    desirable and undesirable, where they are wanted. tables are suites of other tables, which
    stand in the docs beside the chosen pairs. `folder` receives docs/ (index.html) and gx/ (the
    Great Expectations project), both built anew. Both carry times and random ids; the returned
    dict carries neither and is equal for equal input:

    success:      whether every applicable expectation holds; `require` refuses where not
    agreement:    mean over the chosen pairs that have agreement, null where none has
    agreement_before: the same over all pairs that are no tie, before any rule. An
                  agreement rule keeps what agrees, so part of `agreement` is bought by
                  dropping: read the two together
    margin:       quantiles, in standard deviations of the calibrated score
    share_longer: share of pairs of unequal length whose chosen answer is the longer one,
                  among all pairs that are no tie (before) and the chosen (after)
    labels:       as given
    expectations: what was checked; success is null where it is not applicable
    not_applicable: one sentence for each of those
    failures:     one sentence for each that does not hold: expected, found, where to mend
    tables:       each judged table's rows judged, number of expectations, and failures
    """
    suites = [of_pairs(chosen, options), *of_labels(labels, options)]
    told = [each for suite in suites for each in _applicable(suite)]
    results = judge(
        [*(suite._replace(expected=_applicable(suite)) for suite in suites), *tables], folder
    )
    verdicts = [
        verdict(each, results[suite.name].get(each.sentence))
        for suite in suites
        for each in suite.expected
    ]
    agreement, aim = _mean(chosen["agreement"]), options.agreement_aim
    scored = pairs.filter(preferred())
    judged = [
        _table(suite, _applicable(suite), results[suite.name]) for suite in (*suites, *tables)
    ]
    return {
        "success": all(each["success"] for each in judged),
        "num_pairs": chosen.height,
        "agreement": agreement,
        "agreement_before": _mean(scored["agreement"]),
        "agreement_floor": options.agreement_floor,
        "agreement_aim": aim,
        "aim_reached": None if agreement is None else agreement >= aim - ROUNDING,
        "margin": {name: chosen["margin"].quantile(q, "linear") for name, q in QUANTILES.items()},
        "share_longer": {"before": share_longer(scored), "after": share_longer(chosen)},
        "labels": labels,
        "expectations": verdicts,
        "not_applicable": [
            f"{each.sentence}: not applicable, no chosen pair has {each.arguments['column']}"
            for suite in suites
            for each in suite.expected
            if each not in told
        ],
        "failures": [sentence for each in judged for sentence in each["failures"]],
        "tables": judged,
    }


def _applicable(suite: Suite) -> list[Expectation]:
    """Return the expectations on columns that have a value."""
    columns = OPTIONAL & set(suite.view.columns)
    idle = {column for column in columns if not suite.view[column].count()}
    return [each for each in suite.expected if each.arguments.get("column") not in idle]


def _table(suite: Suite, asked: Sequence[Expectation], results: Results) -> dict[str, Any]:
    """Return the judgement of one table."""
    verdicts = [verdict(each, results[each.sentence]) for each in asked]
    of = "" if suite.name in (PAIRS, LABELS) else f"{suite.name}: "
    return {
        "table": suite.name,
        "num_rows": suite.view.height,
        "num_expectations": len(asked),
        "success": all(each["success"] for each in verdicts),
        "failures": [
            of + failure(each, found["observed"], suite.view.height)
            for each, found in zip(asked, verdicts, strict=True)
            if not found["success"]
        ],
    }


def preferred() -> pl.Expr:
    """Return an expression for pairs that are no tie, by margin, or else by agreement."""
    tied = pl.coalesce(pl.col("margin") <= 0, pl.col("agreement") == TIE)
    return ~tied.fill_null(False)


def require(quality: Quality) -> None:
    """Raise QualityError, with every failure, for pairs below the declared quality."""
    if not quality["success"]:
        failures = "".join(f"\n- {failure}" for failure in quality["failures"])
        raise QualityError(f"The chosen pairs are below their declared quality:{failures}")


def _mean(column: pl.Series) -> float | None:
    """Return the mean of the given values, None without any."""
    return cast("float | None", column.rechunk().mean())  # chunks change the last digit
