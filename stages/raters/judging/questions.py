"""What a judge is asked about.   responses -> questions"""

import polars as pl

from rather.stages.common.ids import digest, digests
from rather.stages.models.response_cache import spoken
from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.rating import KEY

BOTH = ["first_id", "second_id"]


def questions(asked: pl.DataFrame, options: Options, seed: int) -> tuple[pl.DataFrame, int]:
    """List what is asked, each question `votes` times; and count the couples that are not asked.

    asked: as `to_rate` gives it
    key:   names the texts that are judged, in the order shown, and the vote
    """
    shown, num_not_asked = _shown(asked, options, seed)
    votes = pl.DataFrame({"vote": range(options.votes)}, schema={"vote": pl.Int64})
    rows = shown.join(_prompts(asked), on="prompt_id", maintain_order="left")
    named = rows.join(votes, how="cross", maintain_order="left").with_columns(
        digests(
            pl.col("conversation"),
            pl.col("first_id"),
            pl.col("second_id").fill_null(""),
            pl.col("vote").cast(pl.String),
        ).alias(KEY)
    )
    return named.drop("conversation"), num_not_asked


def _prompts(asked: pl.DataFrame) -> pl.DataFrame:
    """Give each prompt's messages and their hash."""
    prompts = asked.select("prompt_id", "messages").unique("prompt_id", keep="any")
    names = [digest(spoken(turns)) for turns in prompts["messages"].to_list()]
    return prompts.with_columns(conversation=pl.Series(names, dtype=pl.String))


def _shown(asked: pl.DataFrame, options: Options, seed: int) -> tuple[pl.DataFrame, int]:
    """List answers alone, or couples in both orders."""
    ids = asked.select("prompt_id", first_id="response_id").sort("prompt_id", "first_id")
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
    """Draw each prompt's couples by the hash of their ids and a seed: more answers, same draw."""
    lot = digests(pl.lit(str(seed)), *map(pl.col, BOTH))
    return couples.filter(lot.rank("ordinal").over("prompt_id") <= at_most)
