"""Pairs: two responses to one prompt, oriented by score, with the evidence for the preference."""

import dataframely as dy
import polars as pl


class Pairs(dy.Schema):
    """One row per pair; pair_id hashes the two response ids whatever their order.

    margin:     chosen's score minus rejected's, in standard deviations of the calibrated score
    agreement:  share of the raters of both responses who prefer chosen, a tie counting one half
    num_raters: raters who scored both
    *_tokens:   lengths, as in features;  length_gap: chosen_tokens - rejected_tokens
    complete:   both texts are there, not blank, and ended by themselves
    distinct:   the two texts differ once normalised
    """

    pair_id = dy.String(primary_key=True, regex="^[0-9a-f]{16}$")
    prompt_id = dy.String(regex="^[0-9a-f]{16}$")
    split = dy.String(regex="^(train|test)$")
    chosen_id = dy.String(regex="^[0-9a-f]{16}$")
    rejected_id = dy.String(regex="^[0-9a-f]{16}$")
    chosen_score = dy.Float64()
    rejected_score = dy.Float64()
    margin = dy.Float64(min=0.0)
    agreement = dy.Float64(nullable=True, min=0.0, max=1.0)
    num_raters = dy.Int64(min=0)
    chosen_tokens = dy.Int64(min=0)
    rejected_tokens = dy.Int64(min=0)
    length_gap = dy.Int64()
    complete = dy.Bool()
    distinct = dy.Bool()

    @dy.rule()
    def two_responses(cls) -> pl.Expr:
        """A response is never paired with itself."""
        return pl.col("chosen_id") != pl.col("rejected_id")


class DroppedPairs(Pairs):
    """Pairs that a stage dropped.

    reason: the first rule that failed, which owns the row;  failed: every rule that would have
    """

    reason = dy.String()
    failed = dy.List(dy.String())


class DroppedPrompts(dy.Schema):
    """Prompts that a stage left without a single pair, each with the reason."""

    prompt_id = dy.String(primary_key=True, regex="^[0-9a-f]{16}$")
    reason = dy.String()
