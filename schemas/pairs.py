"""Pairs: two responses to one prompt, oriented by what raters said, with all the evidence."""

import dataframely as dy
import polars as pl

from rather.schemas.ids import id_column


class Pairs(dy.Schema):
    """One row per pair; pair_id hashes the two response ids whatever their order.

    Evidence that a source cannot give is null.

    *_score:     calibrated, in standard deviations;  *_rating: mean on the raters' own scale
    margin:      chosen_score - rejected_score; below zero where comparisons outweigh the scores
    p_correct:   probability that chosen is truly better, given raters' reliability
    agreement:   share of the judgements of both responses that prefer chosen, a tie counting half
    num_raters:  raters who judged both
    contradicted: the very same two answers were compared more than once, with opposite outcomes
    back_arc:    the preference closes a cycle among the prompt's pairs, and is its weakest part
    objectives_*: aspects that prefer chosen, and that prefer rejected
    *_tokens:    lengths, as in features;  length_gap: chosen_tokens - rejected_tokens
    similarity:  of the normalised texts, 0 to 1: the larger of edit similarity and the Jaccard
                 index of 5-grams; null below 0.9, and where nobody measured it
    complete:    both texts are there, not blank, and ended by themselves
    distinct:    the two texts differ once normalised
    distinct_cut: they differ in what the trainer sees of them
    same_script: both are written in the same writing system, and in the prompt's
    contamination: what prompt or answers share with an evaluation set
    duplicate_of: the earlier prompt that this pair's prompt nearly repeats
    """

    pair_id = id_column(primary_key=True)
    prompt_id = id_column()
    split = dy.String(regex="^(train|test)$")
    chosen_id = id_column()
    rejected_id = id_column()
    chosen_score = dy.Float64(nullable=True)
    rejected_score = dy.Float64(nullable=True)
    chosen_rating = dy.Float64(nullable=True)
    rejected_rating = dy.Float64(nullable=True)
    margin = dy.Float64(nullable=True)
    p_correct = dy.Float64(nullable=True, min=0.0, max=1.0)
    agreement = dy.Float64(nullable=True, min=0.0, max=1.0)
    num_raters = dy.Int64(min=0)
    contradicted = dy.Bool(nullable=True)
    back_arc = dy.Bool(nullable=True)
    objectives_for = dy.Int64(nullable=True, min=0)
    objectives_against = dy.Int64(nullable=True, min=0)
    chosen_tokens = dy.Int64(min=0)
    rejected_tokens = dy.Int64(min=0)
    length_gap = dy.Int64()
    chosen_chars = dy.Int64(min=0)
    rejected_chars = dy.Int64(min=0)
    similarity = dy.Float64(nullable=True, min=0.0, max=1.0)
    complete = dy.Bool()
    distinct = dy.Bool()
    distinct_cut = dy.Bool()
    same_script = dy.Bool(nullable=True)
    contamination = dy.String(nullable=True)
    duplicate_of = id_column(nullable=True)

    @dy.rule()
    def two_responses(cls) -> pl.Expr:
        """A response is never paired with itself."""
        return pl.col("chosen_id") != pl.col("rejected_id")


class ChosenPairs(Pairs):
    """Pairs that were chosen.

    weight: what the pair counts in training: 1, or its share of a prompt that gives several
    """

    weight = dy.Float64(min=0.0)


class ClearPairs(dy.Schema):
    """Pairs that a stage kept, by name; their evidence is in pair/pairs."""

    pair_id = id_column(primary_key=True)
    prompt_id = id_column()


class DroppedPairs(ClearPairs):
    """Pairs that a stage dropped.

    reason: the first rule that failed, which owns the row;  failed: every rule that would have
    """

    reason = dy.String()
    failed = dy.List(dy.String())


class DroppedPrompts(dy.Schema):
    """Prompts that a stage left without a single pair, each with the reason."""

    prompt_id = id_column(primary_key=True)
    reason = dy.String()
