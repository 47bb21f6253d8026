"""What one bucket of a run's tables adds to an audit."""

import json
from collections import Counter
from dataclasses import dataclass

import polars as pl

from rather.auditing.totals import OTHERS, Part
from rather.run import Run
from rather.runners.shared.counted_judgements import judged_comparisons, judged_ratings
from rather.stages.audit import (
    answers,
    estimates,
    label_flips,
    leakage,
    objective_conflicts,
    outcomes,
    sources_and_generators,
)
from rather.stages.audit import per_rater as voices
from rather.stages.audit.audit_options import Options
from rather.stages.calibrate.rating_evidence import Evidence
from rather.stages.text import length
from rather.stages.validate.validate import preferred
from rather.tables.buckets import Bucket

UNITS = {"tokens": "num_tokens", "characters": "num_chars"}
NARROW = (
    "margin",
    "p_correct",
    "agreement",
    "length_gap",
    "chosen_tokens",
    "rejected_tokens",
    "chosen_chars",
    "rejected_chars",
)


@dataclass(frozen=True)
class Shared:
    """What every bucket's work looks at."""

    options: Options
    raters: pl.DataFrame
    evidence: Evidence
    evaluations: pl.DataFrame
    labels: list[float] | None
    label: str | None
    near: float

    @classmethod
    def of(cls, run: Run, options: Options) -> "Shared":
        """Read it once."""
        raters = run.read("calibrate/raters")
        scores = [run.ratings(bucket)["score"].unique() for bucket in run.buckets]
        learnt = json.loads((run.data / "calibrate" / "evidence.json").read_text())
        return cls(
            options=options,
            raters=raters,
            evidence=Evidence(**learnt),
            evaluations=run.read("load/evaluations"),
            labels=voices.labels_of(pl.concat(scores)),
            label=label_flips.label_rater(options.label, raters),
            near=answers.nearness(run.params.winnow.rules),
        )


@dataclass(frozen=True)
class Tables:
    """One bucket's tables; judgements are those that count, answers each text once."""

    pairs: pl.DataFrame
    prompts: pl.DataFrame
    answers: pl.DataFrame
    ratings: pl.DataFrame
    comparisons: pl.DataFrame
    features: pl.DataFrame
    scores: pl.DataFrame

    @classmethod
    def of(cls, run: Run, bucket: Bucket) -> "Tables":
        """Read them."""
        return cls(
            pairs=fated(run, bucket),
            prompts=run.read("load/prompts", bucket),
            answers=answered(run, bucket),
            ratings=judged_ratings(run, bucket),
            comparisons=judged_comparisons(run, bucket),
            features=run.read("measure/features", bucket),
            scores=run.read("calibrate/scores", bucket),
        )


def survey(run: Run, shared: Shared, bucket: Bucket) -> Part:
    """Measure one bucket."""
    tables = Tables.of(run, bucket)
    told = voices.signs(tables.pairs, tables.ratings, tables.comparisons)
    finds = {"contamination": run.read("measure/contamination", bucket)}
    if shared.evaluations.height:
        finds["leaks"] = leakage.in_evaluations(tables.prompts, shared.evaluations)
    if shared.label:
        finds["labels"] = label_odds(tables, shared, shared.label)
    return Part(
        pairs=_narrow(tables.pairs),
        sums=_sums(tables.pairs) | {OTHERS: voices.with_others(told)},
        counts=_counts(tables, shared),
        numbers=_numbers(tables, shared),
        finds=finds,
    )


def _counts(tables: Tables, shared: Shared) -> dict[str, pl.DataFrame]:
    """Count what is told apart by names: reasons, files, who answered, who judged."""
    pairs, ratings, comparisons = tables.pairs, tables.ratings, tables.comparisons
    named = sources_and_generators.with_generators(pairs, tables.answers)
    return {
        "reasons": pairs.group_by("stage", "reason").agg(num=pl.len()),
        "by_source": sources_and_generators.by_source(pairs, tables.prompts),
        "by_generator": sources_and_generators.by_generator(named),
        "wins": sources_and_generators.wins(named),
        "conflicts": objective_conflicts.conflicts(pairs, ratings, comparisons),
        "confusion": voices.confusion(ratings, comparisons, shared.labels),
        "gaps": length.judged_gaps(ratings, comparisons, tables.features),
    }


def _numbers(tables: Tables, shared: Shared) -> Counter[str]:
    """Count prompts and pairs."""
    pairs, comparisons, features = tables.pairs, tables.comparisons, tables.features
    marked = answers.marks(tables.answers, tables.prompts)
    numbers = Counter(answers.equality(pairs, marked, shared.near))
    numbers.update(
        prompts=tables.prompts.height,
        prompts_scored=tables.scores["prompt_id"].n_unique(),
        prompts_paired=pairs["prompt_id"].n_unique(),
        prompts_kept=pairs.filter(outcomes.kept())["prompt_id"].n_unique(),
        contradicted=label_flips.contradicted(comparisons, features),
        duplicate_pairs=int(pairs["duplicate_of"].count()),
        contaminated_pairs=int(pairs["contamination"].count()),
    )
    for unit, column in UNITS.items():
        right, num = length.longer_wins(comparisons, features, column)
        numbers.update({f"{unit}_right": right, f"{unit}_judged": num})
    return numbers


def label_odds(tables: Tables, shared: Shared, label: str) -> pl.DataFrame:
    """Weigh the published label of each pair of a bucket by what everyone else says."""
    return label_flips.labelled(
        tables.pairs,
        tables.comparisons,
        tables.scores,
        tables.features,
        shared.raters,
        shared.evidence,
        label,
    )


def fated(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Read one bucket's pairs with their fate; where no stage judged them there is none."""
    winnowed, unchosen = (run.read(f"{stage}/dropped", bucket) for stage in ("winnow", "choose"))
    return outcomes.with_fates(run.read("pair/pairs", bucket), winnowed, unchosen)


def answered(run: Run, bucket: Bucket) -> pl.DataFrame:
    """Read one bucket's answers, each text once, by who gave it first."""
    said = run.responses(bucket).filter(pl.col("text").is_not_null())
    return said.unique("response_id", keep="first", maintain_order=True).select(
        "response_id", "prompt_id", "generator", "text", "source", "source_line"
    )


def _narrow(pairs: pl.DataFrame) -> pl.DataFrame:
    """Keep what is looked at of all pairs together, in few bytes each."""
    return pairs.select(
        pl.col(name).cast(pl.Int32) if dtype.is_integer() else pl.col(name)
        for name, dtype in pairs.select(NARROW).schema.items()
    ).hstack(
        pairs.select(
            pair_id=pl.col("pair_id").str.slice(-1),
            kept=outcomes.kept(),
            train=pl.col("split") == "train",
            tied=sources_and_generators.is_tie(),
            preferred=preferred(),
            passing=(pl.col("failed").list.set_difference(["margin"]).list.len() == 0)
            | (pl.col("stage") == "choose").fill_null(False),
        )
    )


def _sums(pairs: pl.DataFrame) -> dict[str, pl.DataFrame]:
    """Sum up the shares and means that have an interval."""
    known = pl.col("p_correct").is_not_null()
    unequal, longer = pl.col("length_gap") != 0, pl.col("length_gap") > 0
    chosen, decided = pairs.filter(outcomes.kept()), pairs.filter(preferred())
    return {
        "kept": estimates.sums(pairs, outcomes.kept(), pl.col("pair_id").is_not_null()),
        "p_correct": estimates.sums(chosen, pl.col("p_correct").fill_null(0.0), known),
        "longer_before": estimates.sums(decided, longer, unequal),
        "longer_after": estimates.sums(chosen, longer, unequal),
    }
