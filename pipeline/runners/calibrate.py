"""Estimate each rater's reliability, and the agreement of all."""

import json
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.runners.shared.counted_judgements import judged_ratings
from rather.stages.agreement import reliability_data
from rather.stages.agreement.agreement_summary import headline, influences, summarise
from rather.stages.agreement.levels import Kind
from rather.stages.calibrate import calibrate
from rather.stages.calibrate.aspects import mixed, require_known
from rather.stages.calibrate.calibrate import Calibration
from rather.stages.calibrate.rating_matrix import Packed, Sheet, sheet
from rather.stages.calibrate.rating_scale import on_one_scale, standardised, usage
from rather.stages.common.ids import text_ids
from rather.stages.common.parallel import prefetch
from rather.tables.atomic_files import write_text
from rather.tables.buckets import PACKED, Bucket
from rather.tables.tables import Frames

LENGTHS = ["response_id", "prompt_id", "num_tokens"]


def run(run: Run) -> None:
    """Estimate raters' scales and scores, and write their agreement."""
    run = run.with_numeric_ids
    ledger, sheets = Ledger("calibrate"), Sheets(run)
    ledger.merge(met.account for met in sheets.met)
    comparisons = pl.concat(met.comparisons for met in sheets.met)
    known = set[str]().union(*(met.aspects for met in sheets.met))
    require_known(run.params.calibrate.aspects, known)
    features = _lengths(run, comparisons)
    found = calibrate.calibrate(sheets, comparisons, features, run.params.calibrate)

    def scored(bucket: Bucket) -> tuple[Frames, Ledger]:
        scores = calibrate.scores(sheets.sheet(bucket), found)
        return (scores,), _judged_responses(run, bucket, scores)

    ledger.merge(run.fill(("calibrate/scores",), scored))
    learned, report = _learned(run, found, comparisons)
    write_text(run.data / "calibrate" / "evidence.json", json.dumps(learned, indent=2) + "\n")
    folded = tallies(run, found.raters, sheets.met)
    run.write("calibrate/raters", _with_influence(found.raters, folded))
    agreement = {kind: summarise(tallied, kind) for kind, tallied in folded.items()}
    path = run.data / "calibrate" / "agreement.json"
    write_text(path, json.dumps(agreement, indent=2) + "\n")
    ledger.note(raters=found.raters.height, notes=list(found.notes), trusted=report)
    ledger.note(agreement=_gist(agreement))
    run.close(ledger)


class BucketStats(NamedTuple):
    """First-pass statistics of one bucket's judgements.

    account:  of its judgements;  aspects: what was judged
    folded:   its ratings, and its comparisons
    comparisons: those that count
    sheet:    its ratings in numbers, None where there is no room to hold those of all buckets
    """

    account: Ledger
    aspects: set[str]
    folded: dict[Kind, pl.DataFrame]
    comparisons: pl.DataFrame
    sheet: Packed | None


class Sheets:
    """The ratings of all buckets as sheets: held where they are few, else made anew each time."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.holds = run.num_responses <= PACKED
        self.met = list(prefetch(self._meet, run.buckets))
        self.sheets = {bucket: met.sheet for bucket, met in zip(run.buckets, self.met, strict=True)}

    def __iter__(self) -> Iterator[Sheet]:
        yield from prefetch(self.sheet, self.run.buckets)

    def sheet(self, bucket: Bucket) -> Sheet:
        """Return one bucket's rating matrix."""
        if packed := self.sheets[bucket]:
            return packed.unpacked()
        return self._sheet(bucket, judged_ratings(self.run, bucket))

    def _meet(self, bucket: Bucket) -> BucketStats:
        """Read one bucket's judgements."""
        options, account = self.run.params.calibrate, Ledger("calibrate")
        rated, compared = self.run.ratings(bucket), self.run.comparisons(bucket)
        judged = ("ratings", rated, "score"), ("comparisons", compared, "preference")
        ratings, comparisons = (calibrate.counted(rows, name, options) for _, rows, name in judged)
        aspects = {aspect for _, rows, _ in judged for aspect in rows["aspect"].unique()}
        for unit, rows, value in judged:
            given = int(rows[value].count())
            account.account(unit, came=rows.height, kept=given, dropped=by_reason(rows))
        return BucketStats(
            account=account,
            aspects=aspects,
            folded={
                "score": reliability_data.tally(reliability_data.of_ratings(ratings)),
                "compare": reliability_data.tally(
                    reliability_data.of_comparisons(text_ids(comparisons))
                ),
            },
            comparisons=comparisons,
            sheet=self._sheet(bucket, ratings).packed() if self.holds else None,
        )

    def _sheet(self, bucket: Bucket, ratings: pl.DataFrame) -> Sheet:
        return sheet(ratings, self.run.read("measure/features", bucket, LENGTHS))


def _lengths(run: Run, comparisons: pl.DataFrame) -> pl.DataFrame:
    """Read the lengths of the compared responses."""
    ids = pl.concat([comparisons["first_id"], comparisons["second_id"]]).unique()
    features = run.read("measure/features", columns=LENGTHS)
    return features.filter(pl.col("response_id").is_in(ids.implode()))


def _judged_responses(run: Run, bucket: Bucket, scores: pl.DataFrame) -> Ledger:
    """Account for one bucket's responses: judged, or without any judgement."""
    ledger = Ledger("calibrate")
    features = run.read("measure/features", bucket, ["response_id"])
    compared = run.comparisons(bucket).filter(pl.col("preference").is_not_null())
    judged = pl.concat([scores["response_id"], compared["first_id"], compared["second_id"]])
    kept = features.filter(pl.col("response_id").is_in(judged.unique().implode())).height
    dropped = {"not_judged": features.height - kept} if features.height > kept else {}
    ledger.account("responses", came=features.height, kept=kept, dropped=dropped)
    return ledger


def _learned(
    run: Run, found: Calibration, comparisons: pl.DataFrame
) -> tuple[dict[str, float], dict[str, Any] | None]:
    """Correct the odds by the trusted rater's judgements, if one is named."""
    name = run.params.calibrate.trusted
    if name is None:
        return found.evidence.to_dict(), None
    scores, features = run.read("calibrate/scores"), run.read("measure/features", columns=LENGTHS)
    trusted = trusted_judgements(run, name)
    learned = calibrate.learn_from_trusted(trusted, scores, comparisons, features, found)
    return learned.evidence.to_dict(), learned.report


def trusted_judgements(run: Run, name: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Read the trusted rater's ratings and comparisons, their aspects mixed as everyone's are."""
    ratings, comparisons = (
        pl.concat(read(bucket).filter(pl.col("rater") == name) for bucket in run.buckets)
        for read in (run.ratings, run.comparisons)
    )
    weights = run.params.calibrate.aspects
    return mixed(ratings, weights, "score"), mixed(comparisons, weights, "preference")


def tallies(run: Run, raters: pl.DataFrame, met: Sequence[BucketStats]) -> dict[Kind, pl.DataFrame]:
    """Fold all judgements to the patterns that occur, by kind; a kind that has none is left out.

    Scores of raters who do not share a scale are standardised, rater by rater.
    """
    folded: dict[Kind, pl.DataFrame] = {
        "score": text_ids(reliability_data.merge(_alike(run, raters, met)), ["item"]),
        "compare": reliability_data.merge(each.folded["compare"] for each in met),
    }
    return {kind: tallied for kind, tallied in folded.items() if tallied.height}


def _alike(run: Run, raters: pl.DataFrame, met: Sequence[BucketStats]) -> Iterator[pl.DataFrame]:
    """Return each bucket's ratings, counted by pattern, on one scale."""
    as_given = [each.folded["score"] for each in met]
    if on_one_scale(usage(pl.concat(as_given).rename({"value": "score"}), "num_items")):
        return iter(as_given)
    means = raters.filter(pl.col("kind") == "score")

    def folded(bucket: Bucket) -> pl.DataFrame:
        alike = standardised(judged_ratings(run, bucket), means)
        return reliability_data.tally(reliability_data.of_ratings(alike))

    return prefetch(folded, run.buckets)


def _with_influence(raters: pl.DataFrame, tallies: dict[Kind, pl.DataFrame]) -> pl.DataFrame:
    """Add each rater's influence on alpha, on the aspect that stands for agreement."""
    found = [
        influences(tallied, kind)
        .filter(pl.col("aspect") == headline(tallied))
        .select("rater", "influence", kind=pl.lit(kind))
        for kind, tallied in tallies.items()
    ]
    schema = {"rater": pl.String, "influence": pl.Float64, "kind": pl.String}
    known = pl.concat([pl.DataFrame(schema=schema), *found])
    return raters.drop("influence").join(known, on=["rater", "kind"], how="left")


def _gist(agreement: dict[Kind, dict[str, Any]]) -> dict[str, Any]:
    """Return the agreement figures of the most frequent kind of judgement.

    lower: the lower of both intervals' lower ends
    """
    if not agreement:
        return {"alpha": None, "level": None, "lower": None, "advice": None}
    most = max(agreement.values(), key=lambda told: told["num_judgements"])
    told = most["alpha"][most["level"]]
    ends = [told[name][0] for name in ("jackknife", "bootstrap") if told[name]]
    return {
        "alpha": told["alpha"],
        "level": most["level"],
        "lower": min(ends, default=None),
        "advice": most["advice"],
    }
