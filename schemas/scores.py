"""Raters and scores: each rater's character, and one calibrated score for each response."""

import dataframely as dy

from rather.schemas.ids import id_column


class Raters(dy.Schema):
    """One row per rater and kind of judgement.

    kind:         score (of one response) or compare (of two)
    num_ratings:  judgements given;  num_missing: those with a reason in their place
    mean, sd:     of the given scores, on the rater's own scale (sd is the population's)
    reliability:  chance that the rater puts the better of two equally long answers first; with
                  dawid_skene and mace, that a given label is right; null where too few judgements
                  tell
    num_items:    items, rated by another rater too, that the reliability rests on
    length_slope: what longer answers gain with this rater beyond what they are worth. score: in
                  the rater's standard deviations; compare: in logits; each per standard deviation
                  of log length
    position_bias: compare: share of decided votes for the answer shown first; score: null
    influence:    alpha with this rater minus alpha without; below zero the rater harms agreement
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
    variance:   of the score, given what its raters said; null where the method tells none
    rating:     plain mean of the given scores, on the raters' own scale
    num_raters: raters it rests on
    """

    response_id = id_column(primary_key=True)
    prompt_id = id_column()
    score = dy.Float64()
    variance = dy.Float64(nullable=True, min=0.0)
    rating = dy.Float64()
    num_raters = dy.Int64(min=1)
