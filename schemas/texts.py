"""Prompts, responses, and source rows that could not be read."""

import dataframely as dy
import polars as pl

from rather.schemas.base import id_column, messages_column


class Prompts(dy.Schema):
    """One row per distinct prompt.

    prompt_id:     hash of the normalised messages, so equal prompts have one id
    messages:      the conversation so far, its last turn the user's
    later_turns:   the user's turns after each answer to come; null for none
    split:         train, or test (held out: seen by no training of any kind)
    cluster:       near-duplicate prompts share one: the least prompt_id among them
    category:      the source's own grouping, if any
    demonstration: an answer to imitate, if the source has one
    answer:        the one right answer, if a program can check it
    source_line:   line or row number in the source, from 1
    """

    prompt_id = id_column(primary_key=True)
    messages = messages_column()
    later_turns = dy.List(dy.String(), nullable=True)
    split = dy.String(regex="^(train|test)$")
    cluster = id_column()
    category = dy.String(nullable=True)
    demonstration = dy.String(nullable=True)
    answer = dy.String(nullable=True)
    source = dy.String()
    source_line = dy.Int64(min=1)


class Responses(dy.Schema):
    """One row per sample; a failed one has a null text and a reason.

    generator:     the author: a model, a person, or a source's own name for either
    sample_index:  0, 1, ... within (prompt, generator)
    response_id:   hash of prompt and text; null without a text
    finish_reason: stop (ended by itself), length (cut), null if unknown
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

    count:    samples of the generator with equal text and ending, this one the first
    revision: of the model: a hash of its files, or an endpoint and its model's name
    sampling: every option that the answer depends on, as JSON
    """

    count = dy.Int64(min=1)
    revision = dy.String()
    sampling = dy.String()


class SetAside(dy.Schema):
    """One row per line or rating of the source that was set aside.

    unit:   rows (a whole line), answers (one of a row's several), ratings or comparisons
    source: its file
    detail: the beginning of its content, for inspection
    """

    unit = dy.String(regex="^(rows|answers|ratings|comparisons)$")
    reason = dy.String()
    source = dy.String()
    source_line = dy.Int64(min=1)
    detail = dy.String()


class Evaluations(dy.Schema):
    """One row per prompt of an evaluation set.

    name, source_line: its file and line
    """

    name = dy.String()
    source_line = dy.Int64(min=1)
    text = dy.String()
