"""Pair the answers to each prompt, with all the evidence.

prompts, features, scores, ratings, comparisons, raters -> pairs

Every two scored answers to a prompt make a pair, and every two that were compared. Text ids become
row numbers at the start and return at the end, which makes millions of pairs cheap.
"""

from collections.abc import Sequence

import polars as pl

from rather.schemas.evidence import DroppedPrompts, Pairs
from rather.stages.calibrate.rating_evidence import (
    UNCALIBRATED,
    Evidence,
    calibrated,
    log_odds_of_scores,
)
from rather.stages.common.ids import digests, pair_ids, pair_numbers, text_ids
from rather.stages.pair.compared_pairs import compared, on_couples
from rather.stages.pair.couples import couples
from rather.stages.pair.pair_evidence import NOTHING, Findings, laid_beside
from rather.stages.pair.rater_votes import objectives, voices

NEEDED = ("prompt_id", "response_id", "rater", "aspect", "score", "reason")  # of ratings
FEWEST_TO_AGREE = 2
FEWEST_OBJECTIVES = 2
# The evidence of each answer by itself: `chosen_X` and `rejected_X` of pairs. X, or num_X, is a
# column of features or scores.
SIDED = tuple(
    name.removeprefix("chosen_") for name in Pairs.column_names() if name.startswith("chosen_")
)


def pair(
    prompts: pl.DataFrame,
    features: pl.DataFrame,
    scores: pl.DataFrame,
    ratings: pl.DataFrame,
    comparisons: pl.DataFrame,
    raters: pl.DataFrame,
    seed: int,
    *,
    evidence: Evidence = UNCALIBRATED,
    aspects: Sequence[str] | None = None,
    findings: Findings = NOTHING,
) -> pl.DataFrame:
    """Make the pairs of a range of prompts, each oriented by its evidence.

    evidence: calibration's weights of scores, comparisons and length
    aspects:  the objectives that may be at odds; without, every aspect but overall
    findings: evidence of texts and of other prompts
    """
    answers = _answers(prompts, features, scores)
    judged = compared(
        comparisons, features, raters, answers, evidence, opposite=findings.contradictions
    )
    those = couples(answers, judged)
    both = (
        pl.DataFrame({"first": those.first, "second": those.second})
        .hstack(voices(ratings, comparisons, answers, those))
        .hstack(objectives(ratings, comparisons, answers, those, aspects))
        .hstack(on_couples(judged, those))
    )
    oriented = _orient(_two_of_each(both, answers), seed, evidence)
    return laid_beside(oriented, findings).select(Pairs.column_names())


def unpaired(prompts: pl.DataFrame, features: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """Return each prompt without a pair, with the reason."""
    counts = features.group_by("prompt_id").agg(num_responses=pl.len())
    reason = (
        pl.when(pl.col("num_responses").is_null())
        .then(pl.lit("no_response"))
        .when(pl.col("num_responses") == 1)
        .then(pl.lit("one_response"))
        .otherwise(pl.lit("fewer_than_two_scored"))
    )
    return (
        prompts.join(pairs, on="prompt_id", how="anti")
        .join(counts, on="prompt_id", how="left")
        .select("prompt_id", reason=reason)
        .select(DroppedPrompts.column_names())
        .sort("prompt_id")
    )


def _answers(prompts: pl.DataFrame, features: pl.DataFrame, scores: pl.DataFrame) -> pl.DataFrame:
    """Join features and scores of each response; `prompt` numbers the prompts.

    Keys become numbers, for they are only compared.
    """
    joined = (
        features.join(prompts.select("prompt_id", "split"), on="prompt_id")
        .join(scores.drop("prompt_id"), on="response_id", how="left")
        .sort("prompt_id", "response_id")
        .with_columns(id="response_id")
    )
    sided = {name: name if name in joined.columns else f"num_{name}" for name in SIDED}
    return joined.select(
        "response_id",
        "prompt_id",
        "split",
        "variance",
        "script",
        prompt=pl.col("prompt_id").rle_id(),
        key=pl.col("key").hash(),
        cut_key=pl.col("cut_key").hash(),
        complete=~(pl.col("blank") | pl.col("unfinished")),
        **sided,
    )


def _two_of_each(both: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """Join both answers of each couple in one row, sorted by prompt and pair."""
    first, second = (answers["id"].gather(both[side]) for side in ("first", "second"))
    named = both.with_columns(
        prompt=answers["prompt"].gather(both["first"]), pair_id=_pair_ids(first, second)
    ).sort("prompt", "pair_id")
    sides = answers.drop("prompt", "prompt_id", "split")
    return named.hstack(answers.select("prompt_id", "split")[named["first"]]).hstack(
        pl.concat(
            [
                sides[named[side]].select(pl.all().name.prefix(f"{side}_"))
                for side in ("first", "second")
            ],
            how="horizontal",
        )
    )


def _pair_ids(first: pl.Series, second: pl.Series) -> pl.Series:
    """Return pair ids, of the type of the response ids."""
    if first.dtype == pl.UInt64:
        return pair_numbers(first, second)
    ids = pl.DataFrame({"first": first, "second": second})
    return ids.select(pair_ids(pl.col("first"), pl.col("second"))).to_series()


def _orient(both: pl.DataFrame, seed: int, evidence: Evidence) -> pl.DataFrame:
    """Return pairs whose chosen answer is the one that the evidence prefers.

    A tie is decided by a seeded coin; its p_correct is 0.5.
    """
    weighed = both.with_columns(
        gap=pl.col("first_score") - pl.col("second_score"), total=_log_odds(evidence)
    )
    leaning = [pl.when(pl.col(name) != 0).then(pl.col(name)) for name in ("total", "lead", "gap")]
    wins = weighed.select(pl.coalesce(leaning) > 0).to_series()
    tied = wins.is_null()
    coins = _coins(weighed["pair_id"].filter(tied), seed)
    turned = weighed.with_columns(tied=tied, wins=wins.scatter(tied.arg_true(), coins))
    return turned.select(
        "pair_id",
        "prompt_id",
        "split",
        "num_raters",
        "contradicted",
        "back_arc",
        *(side for name in SIDED for side in _sided(name)),
        *_objectives(),
        margin=_turned(pl.col("gap"), -pl.col("gap")),
        p_correct=pl.when("tied").then(0.5).otherwise(1 / (1 + (-pl.col("total").abs()).exp())),
        agreement=_agreement(),
        complete=pl.col("first_complete") & pl.col("second_complete"),
        distinct=pl.col("first_key") != pl.col("second_key"),
        distinct_cut=pl.col("first_cut_key") != pl.col("second_cut_key"),
        script=pl.when(pl.col("first_script") == pl.col("second_script")).then("first_script"),
        same_script=pl.col("first_script") == pl.col("second_script"),
    ).with_columns(length_gap=pl.col("chosen_tokens") - pl.col("rejected_tokens"))


def _log_odds(evidence: Evidence) -> pl.Expr:
    """Return the log-odds for the first answer, null without scores and comparisons."""
    variance = pl.col("first_variance") + pl.col("second_variance")
    of_scores = log_odds_of_scores(pl.col("first_score") - pl.col("second_score"), variance)
    both = pl.sum_horizontal(of_scores, "log_odds")
    known = pl.when(of_scores.is_not_null() | pl.col("log_odds").is_not_null()).then(both)
    return calibrated(known, pl.col("first_tokens"), pl.col("second_tokens"), evidence)


def _coins(names: pl.Series, seed: int) -> pl.Series:
    """Return a coin for each tie, from a hash of the seed and the pair."""
    digit = digests(pl.lit(str(seed)), pl.col("pair_id")).str.tail(1)
    ids = text_ids(names.to_frame("pair_id"))
    return ids.select(digit.is_in(list("02468ace"))).to_series()


def _turned(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    """Return the chosen answer's value: the first where the first wins."""
    return pl.when("wins").then(first).otherwise(second)


def _sided(name: str) -> list[pl.Expr]:
    """Return chosen_X and rejected_X for a column X of both answers."""
    first, second = pl.col(f"first_{name}"), pl.col(f"second_{name}")
    return [
        _turned(first, second).alias(f"chosen_{name}"),
        _turned(second, first).alias(f"rejected_{name}"),
    ]


def _agreement() -> pl.Expr:
    """Share of raters who prefer chosen; one alone is no evidence of agreement: null."""
    most = 2 * pl.col("num_raters")
    share = _turned(pl.col("halves"), most - pl.col("halves")) / most
    return pl.when(pl.col("num_raters") >= FEWEST_TO_AGREE).then(share)


def _objectives() -> list[pl.Expr]:
    """Count the objectives for chosen and against it; null where fewer than two were judged."""
    first, second = pl.col("num_first"), pl.col("num_second")
    judged = pl.when(pl.col("num_judged") >= FEWEST_OBJECTIVES)
    return [
        judged.then(_turned(first, second)).alias("objectives_for"),
        judged.then(_turned(second, first)).alias("objectives_against"),
    ]
