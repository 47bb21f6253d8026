"""A language model that scores responses on a rubric, or compares two of them."""

import polars as pl

from rather.schemas.judgements import Verdicts
from rather.stages.common.ids import digest, digests
from rather.stages.models.response_cache import spoken
from rather.stages.raters.judging.judge_client import Judge
from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.to_ratings import as_comparisons, as_ratings, position_bias, said
from rather.stages.raters.rating import KEY, Models, Rated, to_rate

__all__ = ["Options", "rate"]

BOTH = ["first_id", "second_id"]


def rate(
    rater: str,
    prompts: pl.DataFrame,
    responses: pl.DataFrame,
    options: Options,
    seed: int,
    models: Models,
) -> Rated:
    """Judge every response, or couples of responses in both orders.

    An answer without a value for an aspect gives null and a reason: cut_off, empty_answer,
    not_json, not_on_scale, not_a_preference; so does a question that cannot be asked.
    """
    listed = to_rate(prompts, responses)
    if listed.is_empty():
        return Rated()
    asked, num_not_asked = questions(listed, options, seed)
    texts = dict(listed.select("response_id", "text").iter_rows())
    verdicts = Judge(rater, models, options, seed).verdicts(asked, texts)
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
    """Return the table of verdicts; one without a value for any aspect has its reason."""
    silent = pl.col("value").is_null().all()
    why = read.group_by(KEY).agg(reason=pl.when(silent).then(pl.col("why_none").min()))
    rows = verdicts.drop("reason").join(why, on=KEY, how="left", maintain_order="left")
    return rows.rename({KEY: "verdict_id"}).select(Verdicts.column_names())


def questions(responses: pl.DataFrame, options: Options, seed: int) -> tuple[pl.DataFrame, int]:
    """Return the questions, each `votes` times, and the number of couples left out.

    A question's key is of the judged texts in the order shown, and of the vote.

    Args:
        responses: as `to_rate` returns them.
        seed: draws the couples of prompts that have more than max_pairs.
    """
    shown, num_not_asked = _shown(responses, options, seed)
    votes = pl.DataFrame({"vote": range(options.votes)}, schema={"vote": pl.Int64})
    rows = shown.join(_prompts(responses), on="prompt_id", maintain_order="left")
    keyed = rows.join(votes, how="cross", maintain_order="left").with_columns(
        digests(
            pl.col("conversation"),
            pl.col("first_id"),
            pl.col("second_id").fill_null(""),
            pl.col("vote").cast(pl.String),
        ).alias(KEY)
    )
    return keyed.drop("conversation"), num_not_asked


def _prompts(responses: pl.DataFrame) -> pl.DataFrame:
    """Return each prompt's messages and their hash."""
    prompts = responses.select("prompt_id", "messages").unique("prompt_id", keep="any")
    names = [digest(spoken(turns)) for turns in prompts["messages"].to_list()]
    return prompts.with_columns(conversation=pl.Series(names, dtype=pl.String))


def _shown(responses: pl.DataFrame, options: Options, seed: int) -> tuple[pl.DataFrame, int]:
    """Return the responses alone or the couples in both orders, and the number left out."""
    ids = responses.select("prompt_id", first_id="response_id").sort("prompt_id", "first_id")
    if options.by == "pointwise":
        return ids.with_columns(second_id=pl.lit(None, pl.String)), 0
    couples = ids.join(ids.rename({"first_id": "second_id"}), on="prompt_id").filter(
        pl.col("first_id") < pl.col("second_id")
    )
    drawn = _drawn(couples, options.max_pairs, seed)
    turned = drawn.rename({"first_id": "second_id", "second_id": "first_id"})
    both = pl.concat([drawn, turned.select(drawn.columns)])
    return both.sort("prompt_id", *BOTH), couples.height - drawn.height


def _drawn(couples: pl.DataFrame, at_most: int, seed: int) -> pl.DataFrame:
    """Draw each prompt's couples by a seeded hash of their ids."""
    lot = digests(pl.lit(str(seed)), *map(pl.col, BOTH))
    return couples.filter(lot.rank("ordinal").over("prompt_id") <= at_most)
