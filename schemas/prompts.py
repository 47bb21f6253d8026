"""Prompts: the questions, and which side of the split each one stands on."""

import dataframely as dy

from rather.schemas.ids import id_column
from rather.schemas.messages import messages_column


class Prompts(dy.Schema):
    """One row per distinct prompt.

    prompt_id:     hash of the normalised messages, so one prompt under several ids meets itself
    messages:      the conversation so far, its last turn the user's
    later_turns:   what the user says after each answer to come; null for nothing
    split:         train, or test (held out: seen by no training of any kind)
    cluster:       near-duplicate prompts share one: the least prompt_id among them
    category:      the source's own grouping, where it has one
    demonstration: an answer to imitate, where the source has one
    answer:        the one right answer, where a program can check it
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
