"""Responses: what a model or a person answered, or why there is no answer."""

import dataframely as dy
import polars as pl

from rather.schemas.ids import id_column


class Responses(dy.Schema):
    """One row per sample; a failed one has a null text and a reason.

    generator:     who answered: a model, a person, a source's own name for either
    sample_index:  0, 1, ... within (prompt, generator)
    response_id:   hash of prompt and text; null where there is no text
    finish_reason: stop (ended by itself), length (cut), null where nobody knows
    num_tokens:    tokens generated, the end token included
    logprob:       their summed log-probability under the sampling model, in nats
    source, source_line: the file and line it was read from
    """

    prompt_id = id_column(primary_key=True)
    generator = dy.String(primary_key=True)
    sample_index = dy.Int64(primary_key=True, min=0)
    response_id = id_column(nullable=True)
    text = dy.String(nullable=True)
    finish_reason = dy.String(nullable=True, regex="^(stop|length)$")
    num_tokens = dy.Int64(nullable=True, min=0)
    logprob = dy.Float64(nullable=True, max=0.0)
    reason = dy.String(nullable=True)
    source = dy.String(nullable=True)
    source_line = dy.Int64(nullable=True, min=1)

    @dy.rule()
    def text_or_reason(cls) -> pl.Expr:
        """Exactly one of text and reason is given."""
        return pl.col("text").is_null() != pl.col("reason").is_null()

    @dy.rule()
    def id_with_text(cls) -> pl.Expr:
        """A text has its id, and nothing else has one."""
        return pl.col("text").is_null() == pl.col("response_id").is_null()


class Generated(Responses):
    """Responses that a generator of this run made, with how they were sampled.

    count:    samples of the generator that read the same and ended alike, this one the first
    revision: the model's, as of then: a hash of its files, or an endpoint and what it serves
    sampling: every option that the answer depends on, as JSON
    """

    count = dy.Int64(min=1)
    revision = dy.String()
    sampling = dy.String()
