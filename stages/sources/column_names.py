"""What columns are called, and which of a file's columns is called so."""

from collections.abc import Collection
from typing import Any, Literal, NamedTuple

from rather.stages.sources.column_stats import Profile

Sureness = Literal["sure", "likely", "a guess"]

# Words by which columns are called, the plainest first.
CALLED = {
    "prompt": ("prompt", "instruction", "question", "query", "input", "ask", "context", "in"),
    "response": (
        "response",
        "answer",
        "reply",
        "output",
        "completion",
        "generation",
        "out",
        "text",
    ),
    "chosen": ("chosen", "preferred", "better", "winner", "accepted", "positive", "best"),
    "rejected": ("rejected", "dispreferred", "worse", "loser", "negative", "worst"),
    "preference": ("preference", "preferred", "vote", "choice", "winner", "verdict", "label"),
    "scores": ("score", "scores", "rating", "ratings", "stars", "grade", "mark", "points"),
    "label": ("label", "thumb", "thumbs", "feedback", "vote", "like", "liked", "good", "ok"),
    "ranks": ("rank", "ranks", "ranking"),
    "rater": ("rater", "annotator", "judge", "worker", "evaluator", "labeler", "labeller", "user"),
    "generator": ("generator", "model", "llm"),
    "category": ("category", "topic", "domain"),
    "system": ("system",),
}
ASPECTS = frozenset(
    {
        *("helpfulness", "helpful", "honesty", "honest", "harmlessness", "correctness", "correct"),
        *("coherence", "complexity", "verbosity", "truthfulness", "relevance", "fluency"),
        *("accuracy", "safety", "quality", "clarity", "depth"),
    }
)
LOWER = frozenset(
    {
        *("toxicity", "toxic", "harm", "harmful", "unsafe", "error", "errors", "severity"),
        *("loss", "rank"),
    }
)


class Found(NamedTuple):
    """One field of a mapping: its value, how sure it is, and why."""

    value: Any
    sure: Sureness
    why: str


def called(columns: Collection[Profile], what: str) -> Found | None:
    """Find the column that is called so: by the very word, else by a word of its name."""
    for word in CALLED[what]:
        if exact := [column for column in columns if column.words == (word,)]:
            return Found(exact[0].name, "sure", "named so")
    for word in CALLED[what]:
        if partly := [column for column in columns if word in column.words]:
            return Found(partly[0].name, "likely", f"its name has the word {word!r}")
    return None
