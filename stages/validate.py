"""Say whether the chosen pairs are as good as declared.   chosen -> quality.json, Data Docs"""

import os
import shutil
from pathlib import Path
from typing import Any, NamedTuple, cast

import polars as pl
from pydantic import BaseModel, Field

from schemas.errors import QualityError
from stages.length import share_longer

Quality = dict[str, Any]

# A mean of equal numbers can fall a last binary digit short of them.
ROUNDING = 1e-9
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
TIE = 0.5
REBUILD = "chosen is not what choose wrote: run `dvc repro` to rebuild it"
COMPLETE = "keep the rule `complete` under winnow in params.yaml"
DISTINCT = "keep the rule `distinct` under winnow in params.yaml"


class Options(BaseModel, extra="forbid", frozen=True):
    """What the owner of the data declares good enough.

    agreement_floor: convert refuses chosen pairs whose mean agreement is lower
    agreement_aim:   what the team works toward; missing it is reported and stops nothing
    min_pairs:       convert refuses fewer chosen pairs
    """

    agreement_floor: float = Field(0.7, ge=0.0, le=1.0)
    agreement_aim: float = Field(0.85, ge=0.0, le=1.0)
    min_pairs: int = Field(1, ge=1)


class Expectation(NamedTuple):
    """One sentence that must hold of the chosen pairs, the check behind it, and how to mend it."""

    sentence: str
    check: str
    arguments: dict[str, Any]
    mend: str

    @property
    def in_corpus(self) -> bool:
        """Whether it is about all pairs together: a failure is then one figure, not some rows."""
        return self.check in ("ExpectTableRowCountToBeBetween", "ExpectColumnMeanToBeBetween")


def validate(chosen: pl.DataFrame, pairs: pl.DataFrame, options: Options, folder: Path) -> Quality:
    """Judge the chosen pairs, build Data Docs of the judgement, and never fail on low quality.

    chosen and pairs are Pairs; pairs holds every pair before any rule. `folder` receives
    docs/ (index.html) and gx/ (the Great Expectations project), both built anew. Both carry
    times and random ids; the returned dict carries neither and is equal for equal input:

    success:      whether every applicable expectation holds; `require` refuses where not
    agreement:    mean over the chosen pairs that have agreement, null where none has
    agreement_before: the same over all pairs that are no tie, before any rule. An
                  agreement rule keeps what agrees, so part of `agreement` is bought by
                  dropping: read the two together
    margin:       quantiles, in standard deviations of the calibrated score
    share_longer: share of pairs of unequal length whose chosen answer is the longer one,
                  among all pairs that are no tie (before) and the chosen (after)
    expectations: what was checked; success is null where it is not applicable
    not_applicable: one sentence for each of those
    failures:     one sentence for each that does not hold: expected, found, where to mend
    """
    asked = [*_of_the_corpus(options), *_of_each_pair()]
    view = scalars(chosen)
    rated = view["agreement"].count() > 0
    applicable = [each for each in asked if rated or each.arguments.get("column") != "agreement"]
    results = _great_expectations(view, applicable, folder)
    verdicts = [_verdict(each, results.get(each.sentence)) for each in asked]
    agreement, aim = _mean(chosen["agreement"]), options.agreement_aim
    scored = pairs.filter(preferred())
    return {
        "success": all(verdict["success"] is not False for verdict in verdicts),
        "num_pairs": chosen.height,
        "agreement": agreement,
        "agreement_before": _mean(scored["agreement"]),
        "agreement_floor": options.agreement_floor,
        "agreement_aim": aim,
        "aim_reached": None if agreement is None else agreement >= aim - ROUNDING,
        "margin": {name: chosen["margin"].quantile(q, "linear") for name, q in QUANTILES.items()},
        "share_longer": {"before": share_longer(scored), "after": share_longer(chosen)},
        "expectations": verdicts,
        "not_applicable": [
            f"{each.sentence}: not applicable, no chosen pair has agreement"
            for each in asked
            if each not in applicable
        ],
        "failures": [
            _failure(each, verdict["observed"], chosen.height)
            for each, verdict in zip(asked, verdicts, strict=True)
            if verdict["success"] is False
        ],
    }


def preferred() -> pl.Expr:
    """Say which pairs are no tie: by their margin, or without one by those who compared them."""
    tied = pl.coalesce(pl.col("margin") <= 0, pl.col("agreement") == TIE)
    return ~tied.fill_null(False)


def require(quality: Quality) -> None:
    """Refuse pairs below the declared quality; raises QualityError with every failure."""
    if not quality["success"]:
        failures = "".join(f"\n- {failure}" for failure in quality["failures"])
        raise QualityError(f"The chosen pairs are below their declared quality:{failures}")


def _mean(column: pl.Series) -> float | None:
    """Give the mean of the values that are there, null without any."""
    return cast("float | None", column.rechunk().mean())  # chunks change the last digit


def scalars(chosen: pl.DataFrame) -> pl.DataFrame:
    """Give the narrow view of the chosen pairs that is judged: an id, numbers and flags.

    two_responses: chosen_id and rejected_id differ
    num_splits:    sides of the split on which the pair's prompt stands: 1, or a leak
    """
    # Great Expectations compares columns row by row in Python; a flag is a hundred times faster.
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
    )


def _of_the_corpus(options: Options) -> list[Expectation]:
    """List what is expected of all chosen pairs together."""
    floor, fewest = options.agreement_floor, options.min_pairs
    return [
        Expectation(
            f"the number of chosen pairs is at least {fewest:,}",
            "ExpectTableRowCountToBeBetween",
            {"min_value": fewest},
            "loosen the rules that dropped most (the ledger counts them): winnow.rules.margin or "
            "agreement; or where choose dropped them for length_balance, since the chosen answers "
            "are all longer or all shorter, set choose.balance to none",
        ),
        Expectation(
            f"mean agreement is at least {floor:g}",
            "ExpectColumnMeanToBeBetween",
            {"column": "agreement", "min_value": floor - ROUNDING},
            "raise the margin or agreement rule under winnow in params.yaml, leave out a "
            "careless rater, or lower validate.agreement_floor",
        ),
    ]


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


def _verdict(expected: Expectation, result: dict[str, Any] | None) -> dict[str, Any]:
    """Give one judgement: observed is the corpus figure, or the number of pairs that fail."""
    found = result["result"] if result else {}
    observed = found.get("observed_value", found.get("unexpected_count"))
    return {
        "name": expected.sentence,
        "check": expected.check,
        "column": expected.arguments.get("column"),
        "in_corpus": expected.in_corpus,
        "success": result["success"] if result else None,
        # A mean arrives as numpy's own float, which YAML does not know.
        "observed": float(observed) if isinstance(observed, float) else observed,
    }


def _failure(expected: Expectation, observed: float | None, num_pairs: int) -> str:
    """Say what was expected, what was found and where to mend it."""
    if observed is None:
        found = "could not be judged, see the Data Docs"
    elif expected.in_corpus:
        found = f"found {observed:.4g}" if isinstance(observed, float) else f"found {observed:,}"
    else:
        found = f"{observed:,} of {num_pairs:,} fail"
    return f"{expected.sentence}: {found}; {expected.mend}"


def _great_expectations(
    view: pl.DataFrame, asked: list[Expectation], folder: Path
) -> dict[str, dict[str, Any]]:
    """Let Great Expectations judge the view and build its Data Docs; results by sentence."""
    # Read when the package is imported: no usage statistics leave the machine.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx

    context = _context(folder)
    view.write_parquet(folder / "gx" / "chosen.parquet")
    source = context.data_sources.add_pandas_filesystem("pairs", base_directory=folder / "gx")
    asset = source.add_parquet_asset("chosen", columns=view.columns)
    suite = gx.ExpectationSuite("chosen")
    for each in asked:
        kind = getattr(gx.expectations, each.check)
        suite.add_expectation(kind(**each.arguments, description=each.sentence))
    definition = gx.ValidationDefinition(
        name="chosen",
        data=asset.add_batch_definition_path("chosen", path="chosen.parquet"),
        suite=context.suites.add(suite),
    )
    judged = context.validation_definitions.add(definition).run(result_format="SUMMARY")
    context.build_data_docs()
    results = judged.to_json_dict()["results"]
    return {result["expectation_config"]["description"]: result for result in results}


def _context(folder: Path) -> Any:
    """Open a new Great Expectations project in folder/gx whose Data Docs go to folder/docs.

    `folder` is used as given: a relative one keeps the machine's paths out of the docs.
    """
    import great_expectations as gx
    from great_expectations.data_context.store.store import DataDocsSiteConfigTypedDict
    from great_expectations.data_context.types.base import ProgressBarsConfig

    for built in (folder / "gx", folder / "docs"):
        shutil.rmtree(built, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="file", project_root_dir=folder)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": "../docs/"}
    site: DataDocsSiteConfigTypedDict = {
        "class_name": "SiteBuilder",
        "store_backend": store,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.update_data_docs_site("local_site", site)
    return context
