"""Ratings to convert, whose margins can be worked out by hand."""

import json
from collections.abc import Sequence
from typing import Any

OLD = b"an older file's content"


def lines(rows: Sequence[dict[str, Any]]) -> str:
    """Write rows as JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def rated(*prompts: tuple[str, int, int, int]) -> list[dict[str, Any]]:
    """Give ratings by ann and bob, who agree, of a long, a middling and a short answer each."""
    return [
        {"prompt": prompt, "response": f"{prompt} {answer}", "score": score, "rater": rater}
        for prompt, *scores in prompts
        for answer, score in zip(("long answer", "middling", "short"), scores, strict=True)
        for rater in ("ann", "bob")
    ]


# Mean 3, variance (2 * (4 + 0 + 4) + 2 * (1 + 0 + 1)) / 12 = 5/3: a point is 1 / sqrt(5/3) = .775
# standard deviations, and whatever weighs two raters who always agree gives the same, since scores
# are scaled to a deviation of 1. Best against worst: 4 points (3.10) for q0 and q1, 2 (1.55) for q2
# and q3.
# In q0 and q2 the longest answer is the best, in q1 and q3 the shortest: lengths are balanced.
GOOD = rated(("q0", 5, 3, 1), ("q1", 1, 3, 5), ("q2", 4, 3, 2), ("q3", 2, 3, 4))
