"""Set-aside rows: what the source held that could not be read, each with its reason."""

import dataframely as dy


class SetAside(dy.Schema):
    """One row per line or rating of the source that went no further.

    unit:   rows (a whole line), answers (one of a row's several), ratings or comparisons
    source: the file it stands in
    detail: the beginning of what was found there, for a person to look at
    """

    unit = dy.String(regex="^(rows|answers|ratings|comparisons)$")
    reason = dy.String()
    source = dy.String()
    source_line = dy.Int64(min=1)
    detail = dy.String()
