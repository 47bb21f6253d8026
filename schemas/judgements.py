"""Ratings, comparisons, and a judge's verdicts."""

import dataframely as dy
import polars as pl

from rather.schemas.base import id_column


class Ratings(dy.Schema):
    """One rater's score of one response; a missing score is null, with a reason.

    aspect: what was judged: overall, or the source's own name (helpfulness, honesty ...)
    score:  on the rater's own scale, higher is better; missing is not low
    """

    response_id = id_column(primary_key=True)
    rater = dy.String(primary_key=True)
    aspect = dy.String(primary_key=True)
    prompt_id = id_column()
    score = dy.Float64(nullable=True)
    reason = dy.String(nullable=True)
    source = dy.String(nullable=True)
    source_line = dy.Int64(nullable=True, min=1)

    @dy.rule()
    def score_or_reason(cls) -> pl.Expr:
        """Exactly one of score and reason is given, and a score is a finite number."""
        given = pl.col("score").is_not_null()
        return (given != pl.col("reason").is_not_null()) & (~given | pl.col("score").is_finite())


class Comparisons(dy.Schema):
    """One rater's preference between two responses to one prompt.

    first_id, second_id: in the order that the rater saw, if the source has it
    aspect:     what was judged: overall, or the source's own name
    preference: 1 the first is better, -1 the second, 0 a tie, between them a graded preference;
                null if missing, with a reason
    """

    first_id = id_column(primary_key=True)
    second_id = id_column(primary_key=True)
    rater = dy.String(primary_key=True)
    aspect = dy.String(primary_key=True)
    prompt_id = id_column()
    preference = dy.Float64(nullable=True, min=-1.0, max=1.0)
    reason = dy.String(nullable=True)
    source = dy.String(nullable=True)
    source_line = dy.Int64(nullable=True, min=1)

    @dy.rule()
    def two_responses(cls) -> pl.Expr:
        """A response is never compared with itself."""
        return pl.col("first_id") != pl.col("second_id")

    @dy.rule()
    def preference_or_reason(cls) -> pl.Expr:
        """Exactly one of preference and reason is given."""
        return pl.col("preference").is_null() != pl.col("reason").is_null()


class Verdicts(dy.Schema):
    """One row per question that a judge was asked.

    verdict_id: hash of all that determines the answer: judge, question and sampling
    first_id:   the response that was judged, or was shown first
    second_id:  the response that was shown second, null if one was judged alone
    vote:       0, 1, ... for repeated questions
    text:       the raw answer; null without one
    reason:     why the answer is invalid; null for a valid verdict
    num_tokens: tokens of the answer
    """

    verdict_id = id_column(primary_key=True)
    prompt_id = id_column()
    first_id = id_column()
    second_id = id_column(nullable=True)
    vote = dy.Int64(min=0)
    text = dy.String(nullable=True)
    reason = dy.String(nullable=True)
    num_tokens = dy.Int64(nullable=True, min=0)

    @dy.rule()
    def text_or_reason(cls) -> pl.Expr:
        """No answer has a reason."""
        return pl.col("text").is_not_null() | pl.col("reason").is_not_null()
