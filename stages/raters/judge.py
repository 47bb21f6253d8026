"""A model that is asked for its opinion: scores on a rubric, or preferences between two."""

import polars as pl

from rather.schemas.judgements import Verdicts
from rather.stages.raters.judging.judge_client import Judge
from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.questions import questions
from rather.stages.raters.judging.to_ratings import as_comparisons, as_ratings, position_bias, said
from rather.stages.raters.rating import KEY, Models, Rated, to_rate

__all__ = ["Options", "rate"]


def rate(
    rater: str,
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    options: Options,
    seed: int,
    models: Models,
) -> Rated:
    """Ask the judge of every response, or of couples of responses in both orders.

    An answer that says nothing of an aspect gives null and a reason: cut_off, empty_answer,
    not_json, not_on_scale, not_a_preference; so does a question that cannot be asked.
    """
    asked = to_rate(prompts, responses)
    if asked.is_empty():
        return Rated()
    listed, num_not_asked = questions(asked, options, seed)
    texts = dict(asked.select("response_id", "text").iter_rows())
    verdicts = Judge(rater, models, options, seed).verdicts(listed, texts)
    read = said(verdicts, options)
    table = _table(verdicts, read)
    if options.by == "pointwise":
        return Rated(as_ratings(read, rater), verdicts=table)
    return Rated(
        comparisons=as_comparisons(read, rater),
        verdicts=table,
        num_not_asked=num_not_asked * len(options.aspects),
        figures=position_bias(read),
    )


def _table(verdicts: pl.DataFrame, read: pl.DataFrame) -> pl.DataFrame:
    """Make the table of verdicts: one that tells of no aspect has its reason."""
    silent = pl.col("value").is_null().all()
    why = read.group_by(KEY).agg(reason=pl.when(silent).then(pl.col("why_none").min()))
    rows = verdicts.drop("reason").join(why, on=KEY, how="left", maintain_order="left")
    return rows.rename({KEY: "verdict_id"}).select(Verdicts.column_names())
