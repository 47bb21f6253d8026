"""Raters and scores: each rater's scale, and one calibrated score for each response."""

import dataframely as dy


class Raters(dy.Schema):
    """One row per rater.

    num_ratings: scores given;  num_missing: ratings with a reason in place of a score
    mean, sd:    of the given scores, on the rater's own scale (sd is the population's)
    """

    rater = dy.String(primary_key=True)
    num_ratings = dy.Int64(min=0)
    num_missing = dy.Int64(min=0)
    mean = dy.Float64(nullable=True)
    sd = dy.Float64(nullable=True, min=0.0)


class Scores(dy.Schema):
    """One row per response that at least one rater scored.

    score:      mean over raters of their globally standardised scores, itself scaled to unit
                standard deviation over all responses
    num_raters: raters it rests on
    """

    response_id = dy.String(primary_key=True, regex="^[0-9a-f]{16}$")
    prompt_id = dy.String(regex="^[0-9a-f]{16}$")
    score = dy.Float64()
    num_raters = dy.Int64(min=1)
