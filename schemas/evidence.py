"""Features, contamination, raters, scores, and pairs with their evidence."""

import dataframely as dy
import polars as pl

from rather.schemas.base import id_column


class Features(dy.Schema):
    """One row per distinct response.

    key:        hash of the normalised text: equal keys read the same to a person
    num_chars:  length in characters
    num_tokens: length in tokens of the model's tokenizer, or in UTF-8 bytes without one
    blank:      no visible character
    unfinished: the generator was cut before it ended
    truncated:  prompt and response together exceed the trainer's max_length
    cut_key:    hash of what is left of the response after that truncation: equal keys are equal to
                the trainer
    script:     the writing system of most of its letters (Latin, Han ...), null without letters
    """

    response_id = id_column(primary_key=True)
    prompt_id = id_column()
    key = id_column()
    num_chars = dy.Int64(min=0)
    num_tokens = dy.Int64(min=0)
    blank = dy.Bool()
    unfinished = dy.Bool()
    truncated = dy.Bool()
    cut_key = id_column()
    script = dy.String(nullable=True)


class Contamination(dy.Schema):
    """One row per prompt or response that shares text with an evaluation set.

    id:    of the prompt, or of the response
    share: of the evaluation text's words that lie in runs of words both have
    contamination: the evaluation set's file, and the longest stretch of words in common
    """

    id = id_column(primary_key=True)
    prompt_id = id_column()
    share = dy.Float64(min=0.0, max=1.0)
    contamination = dy.String()


class Raters(dy.Schema):
    """One row per rater and kind of judgement.

    kind:         score (of one response) or compare (of two)
    num_ratings:  judgements given;  num_missing: those with a reason in their place
    mean, sd:     of the given scores, on the rater's own scale (sd is the population's)
    reliability:  chance that the rater puts the better of two equally long answers first; with
                  dawid_skene and mace, that a given label is right; null with too few
                  judgements
    num_items:    items, rated by another rater too, that the reliability rests on
    length_slope: what longer answers gain with this rater beyond what they are worth. score: in
                  the rater's standard deviations; compare: in logits; each per standard deviation
                  of log length
    position_bias: compare: share of decided votes for the answer shown first; score: null
    influence:    alpha with this rater minus alpha without; below zero the rater lowers agreement
    """

    rater = dy.String(primary_key=True)
    kind = dy.String(primary_key=True, regex="^(score|compare)$")
    num_ratings = dy.Int64(min=0)
    num_missing = dy.Int64(min=0)
    mean = dy.Float64(nullable=True)
    sd = dy.Float64(nullable=True, min=0.0)
    reliability = dy.Float64(nullable=True, min=0.0, max=1.0)
    num_items = dy.Int64(min=0)
    length_slope = dy.Float64(nullable=True)
    position_bias = dy.Float64(nullable=True, min=0.0, max=1.0)
    influence = dy.Float64(nullable=True)


class Scores(dy.Schema):
    """One row per response that at least one rater scored.

    score:      calibrated over raters, scaled to unit standard deviation over all responses
    variance:   posterior variance of the score; null if the method has none
    rating:     plain mean of the given scores, on the raters' own scale
    num_raters: raters who scored it
    """

    response_id = id_column(primary_key=True)
    prompt_id = id_column()
    score = dy.Float64()
    variance = dy.Float64(nullable=True, min=0.0)
    rating = dy.Float64()
    num_raters = dy.Int64(min=1)


class Pairs(dy.Schema):
    """One row per pair; pair_id hashes the two response ids whatever their order.

    Evidence that a source lacks is null.

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
                 index of 5-grams; null below 0.9, and if not measured
    complete:    both texts are present, not blank, and not cut
    distinct:    the two texts differ once normalised
    distinct_cut: they differ in the part that the trainer reads
    same_script: both are written in the same writing system, and in the prompt's
    contamination: text that prompt or answers share with an evaluation set
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

    weight: the pair's weight in training: 1, or its share of a prompt with several pairs
    """

    weight = dy.Float64(min=0.0)


class ClearPairs(dy.Schema):
    """Pairs that a stage kept, by name; their evidence is in pair/pairs."""

    pair_id = id_column(primary_key=True)
    prompt_id = id_column()


class DroppedPairs(ClearPairs):
    """Pairs that a stage dropped.

    reason: the first rule that failed;  failed: every rule that failed
    """

    reason = dy.String()
    failed = dy.List(dy.String())


class DroppedPrompts(dy.Schema):
    """Prompts without a pair after a stage, each with the reason."""

    prompt_id = id_column(primary_key=True)
    reason = dy.String()
