"""Set-aside rows: what the source held that could not be read, each with its reason."""

import dataframely as dy


class SetAside(dy.Schema):
    """One row per line or rating of the source that went no further.

    unit:   rows (a whole line) or ratings
    detail: the beginning of what was found there, for a person to look at
    """

    unit = dy.String(regex="^(rows|ratings)$")
    reason = dy.String()
    source_line = dy.Int64(min=1)
    detail = dy.String()
