"""Verdicts: what a judge was asked and answered, word for word, before it became a judgement."""

import dataframely as dy
import polars as pl

from rather.schemas.ids import id_column


class Verdicts(dy.Schema):
    """One row per question that a judge was asked.

    verdict_id: hash of all that determines the answer: judge, question and sampling
    first_id:   the response that was judged, or was shown first
    second_id:  the response that was shown second, null where one was judged alone
    vote:       0, 1, ... where the same was asked several times
    text:       the answer as it came; null where there was none
    reason:     why it is no verdict; null where it is one
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
