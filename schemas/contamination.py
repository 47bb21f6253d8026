"""Contamination: what training data shares with evaluation sets."""

import dataframely as dy

from rather.schemas.ids import id_column


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


class Evaluations(dy.Schema):
    """One row per prompt of an evaluation set.

    name, source_line: the file and line it stands in
    """

    name = dy.String()
    source_line = dy.Int64(min=1)
    text = dy.String()
