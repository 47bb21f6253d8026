"""The rows of an audit: the worst pairs of each reason, with their texts and all that was said."""

import polars as pl

from rather.auditing.per_bucket import Shared, Tables, answered, fated, label_odds
from rather.run import Run
from rather.stages.audit.worst_examples import JUDGEMENT, judgements, still_worst, worst
from rather.stages.common.parallel import prefetch
from rather.tables.buckets import Bucket

COLUMNS = (
    "pair_id",
    "prompt_id",
    "reason",
    "stage",
    "failed",
    "prompt",
    "chosen",
    "rejected",
    "margin",
    "agreement",
    "p_correct",
    "similarity",
    "chosen_tokens",
    "rejected_tokens",
    "split",
    "source",
    "source_line",
    "chosen_generator",
    "rejected_generator",
    "contamination",
    "duplicate_of",
    "judgements",
)
SIDES = ("chosen", "rejected")


def audit_rows(run: Run) -> pl.DataFrame:
    """Return the 200 worst pairs of each reason, and the least certain of the kept ones.

    Whole texts; `reason` is `kept` for a chosen pair; the worst of a reason come first.
    """
    options = run.params.audit
    shared = Shared.of(run, options)

    def of_bucket(bucket: Bucket) -> pl.DataFrame:
        return worst(_labelled(run, shared, bucket), options.flipped_from)

    found = still_worst(list(prefetch(of_bucket, run.buckets)))
    told = prefetch(lambda bucket: _told(run, bucket, found), run.buckets)
    order = found.select("pair_id", "reason", place=pl.int_range(pl.len()))
    rows = pl.concat(told).join(order, on=["pair_id", "reason"]).sort("place")
    return rows.select(COLUMNS)


def _labelled(run: Run, shared: Shared, bucket: Bucket) -> pl.DataFrame:
    """Return one bucket's pairs, and the probability of each published label; null without one."""
    if shared.label is None:
        return fated(run, bucket).with_columns(p_label=pl.lit(None, pl.Float64))
    tables = Tables.of(run, bucket)
    odds = label_odds(tables, shared, shared.label).select("pair_id", "p_label")
    return tables.pairs.join(odds, on="pair_id", how="left", maintain_order="left")


def _told(run: Run, bucket: Bucket, found: pl.DataFrame) -> pl.DataFrame:
    """Add what one bucket's tables tell of its pairs."""
    pairs = found.filter(bucket.holds())
    here = pairs["prompt_id"].unique().implode()
    prompts = run.read("load/prompts", bucket).filter(pl.col("prompt_id").is_in(here))
    texts = prompts.select("prompt_id", "source", "source_line", prompt=_conversation())
    unique = pairs.unique("pair_id")
    said = judgements(unique, _of(run.ratings(bucket), here), _of(run.comparisons(bucket), here))
    rows = pairs.join(texts, on="prompt_id", how="left").join(said, on="pair_id", how="left")
    answers = _of(answered(run, bucket), here)
    for side in SIDES:
        names = {"text": side, "generator": f"{side}_generator", "source_line": f"{side}_line"}
        of_side = answers.select("response_id", *names).rename(names)
        rows = rows.join(of_side, left_on=f"{side}_id", right_on="response_id", how="left")
    line = pl.coalesce("chosen_line", "source_line")
    nothing = pl.lit([], dtype=pl.List(pl.Struct(JUDGEMENT)))
    return rows.with_columns(line.alias("source_line"), pl.col("judgements").fill_null(nothing))


def _of(rows: pl.DataFrame, prompts: pl.Series) -> pl.DataFrame:
    """Keep the rows of some prompts."""
    return rows.filter(pl.col("prompt_id").is_in(prompts))


def _conversation() -> pl.Expr:
    """Write a conversation as a text: one turn of the user alone as it is, others by their role."""
    turn = pl.element().struct
    named = pl.concat_str(turn.field("role"), pl.lit(": "), turn.field("content"))
    alone = (pl.col("messages").list.len() == 1) & (
        pl.col("messages").list.first().struct.field("role") == "user"
    )
    plain = pl.col("messages").list.first().struct.field("content")
    whole = pl.col("messages").list.eval(named).list.join("\n\n")
    return pl.when(alone).then(plain).otherwise(whole)
