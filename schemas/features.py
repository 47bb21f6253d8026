"""Features: the numbers that measure takes from each distinct response's text."""

import dataframely as dy

from rather.schemas.ids import id_column


class Features(dy.Schema):
    """One row per distinct response.

    key:        hash of the normalised text: equal keys read the same to a person
    num_chars:  length in characters
    num_tokens: length in tokens of the model's tokenizer, or in UTF-8 bytes where there is none
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
