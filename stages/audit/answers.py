"""Count answers that are equal, repeat the question, or refuse.   texts -> counts"""

from collections.abc import Mapping
from inspect import signature

import polars as pl

from rather.stages.evaluate.refusals import refuses
from rather.stages.winnow.rules import distinct

LONG = 20  # characters: an answer may well open with a short question
MARKS = ("refuses", "leaks")


def marks(responses: pl.DataFrame, prompts: pl.DataFrame) -> pl.DataFrame:
    """Flag answers that refuse, and answers that open with the question itself.

    responses: response_id, prompt_id and text, each text once;  -> response_id, refuses, leaks
    """
    last = pl.col("messages").list.last().struct.field("content").str.strip_chars()
    asked = prompts.select("prompt_id", asked=last)
    opens = pl.col("text").str.strip_chars().str.starts_with(pl.col("asked"))
    return responses.join(asked, on="prompt_id", how="left", maintain_order="left").select(
        "response_id",
        refuses=refuses(),
        leaks=(opens & (pl.col("asked").str.len_chars() >= LONG)).fill_null(False),
    )


def equality(pairs: pl.DataFrame, marked: pl.DataFrame, near: float) -> dict[str, int]:
    """Count pairs by what their texts give away; the counts of several buckets add up.

    identical:  the two read the same;  near: nearly so, from this similarity on
    equal_after_truncation: they differ only where the trainer does not look
    prompt_leak: an answer opens with the question, word for word
    refusals:   chosen opens like a refusal;  refusals_rejected: rejected does
    """
    of = {side: marked.rename({name: f"{side}_{name}" for name in MARKS}) for side in SIDES}
    both = pairs
    for side in SIDES:
        name = f"{side}_id"
        both = both.join(of[side], left_on=name, right_on="response_id", how="left")
    alike = pl.col("similarity").fill_null(0.0) >= near
    found: Mapping[str, pl.Expr] = {
        "identical": ~pl.col("distinct"),
        "near": pl.col("distinct") & alike,
        "equal_after_truncation": pl.col("distinct") & ~pl.col("distinct_cut") & ~alike,
        "prompt_leak": pl.col("chosen_leaks") | pl.col("rejected_leaks"),
        "refusals": pl.col("chosen_refuses"),
        "refusals_rejected": pl.col("rejected_refuses"),
        "incomplete": ~pl.col("complete"),
    }
    counted = both.select(**{name: of.sum() for name, of in found.items()})
    return {name: int(count) for name, count in counted.row(0, named=True).items()}


SIDES = ("chosen", "rejected")


def nearness(rules: Mapping[str, Mapping[str, float]]) -> float:
    """Return the similarity from which two answers count as equal: the rule's, or its default."""
    default = float(signature(distinct).parameters["near"].default)
    return rules.get("distinct", {}).get("near", default)
