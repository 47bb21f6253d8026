"""Rows that hold other rows: trees of replies, lists of answers, an annotation tool's records."""

from collections.abc import Iterator, Sequence

from rather.stages.sources.templates import Row, UnreadableError
from rather.stages.sources.transcripts import read_transcript

SPEAKERS = {"prompter": "user", "assistant": "assistant"}
ULTRAFEEDBACK_ASPECTS = ("helpfulness", "honesty", "instruction_following", "truthfulness")


def openassistant(row: Row) -> list[Row]:
    """Give each prompt of an OpenAssistant tree with the replies to it and their ranks, 0 = best.

    Köpf et al. 2023, OpenAssistant Conversations. A reply without a rank stands in a row of its
    own, as nobody compared it; a question that nobody answered gives none.
    """
    root = row.get("prompt")
    if not isinstance(root, dict):
        raise UnreadableError("no_tree")
    rows: list[Row] = []
    waiting: list[tuple[list[Row], Row]] = [([], root)]
    while waiting:
        before, node = waiting.pop()
        turns = [
            *before,
            {"role": SPEAKERS.get(str(node.get("role"))), "content": node.get("text")},
        ]
        replies = dicts(node.get("replies"))
        if node.get("role") == "prompter":
            rows += _ranked(turns, replies)
        waiting += [(turns, reply) for reply in reversed(replies)]
    if not rows:
        raise UnreadableError("no_replies")
    return rows


def _ranked(prompt: list[Row], replies: list[Row]) -> Iterator[Row]:
    """Give the ranked replies to a prompt as one row, and each other as one."""
    known = [reply for reply in replies if reply.get("rank") is not None]
    groups = [known] if known else []
    groups += [[reply] for reply in replies if reply.get("rank") is None]
    for group in groups:
        yield {
            "prompt": prompt,
            "responses": [reply.get("text") for reply in group],
            "ranks": [reply.get("rank") for reply in group],
        }


def nectar(row: Row) -> Row:
    """Read Nectar's ranked answers to a transcript that ends before the next answer.

    Zhu et al. 2023, Starling-7B: answers hold answer, model and rank, 1 = best.
    """
    answers = dicts(row.get("answers"))
    *asked, last = read_transcript(str(row.get("prompt")))
    waits = last["role"] == "assistant" and not last["content"].strip()
    return {
        "prompt": asked if waits else [*asked, last],
        "responses": [answer.get("answer") for answer in answers],
        "ranks": [answer.get("rank") for answer in answers],
        "generators": [answer.get("model") for answer in answers],
    }


def ultrafeedback(row: Row) -> list[Row]:
    """Give each completion of an UltraFeedback row with its rating per aspect.

    Cui et al. 2023, UltraFeedback: GPT-4 rated four aspects from 1 to 5, or "N/A".
    """
    completions = dicts(row.get("completions"))
    if not completions:
        raise UnreadableError("no_completions")
    return [
        {
            "prompt": row.get("instruction"),
            "category": row.get("source"),
            "rater": "gpt-4",
            "generator": completion.get("model"),
            "response": completion.get("response"),
        }
        | {aspect: _rating(completion, aspect) for aspect in ULTRAFEEDBACK_ASPECTS}
        for completion in completions
    ]


def _rating(completion: Row, aspect: str) -> object:
    """Find an aspect's rating among a completion's annotations."""
    annotations = completion.get("annotations")
    annotation = annotations.get(aspect) if isinstance(annotations, dict) else None
    return annotation.get("Rating") if isinstance(annotation, dict) else None


def helpsteer3(row: Row) -> Row:
    """Give the preference of each annotator of a HelpSteer3 row; they have no names there.

    Wang et al. 2025, HelpSteer3: -3 the first answer is much better, 3 the second.
    """
    given = dicts(row.get("individual_preference"))
    return {**row, "annotator": [each.get("score") for each in given]}


def lift(row: Row, columns: Sequence[str]) -> Row:
    """Add members of nested columns as columns: `metadata.score` beside `metadata`."""
    nested = {column: row.get(column) for column in columns}
    members = {
        f"{column}.{name}": value
        for column, inner in nested.items()
        if isinstance(inner, dict)
        for name, value in inner.items()
    }
    return {**row, **members}


def dicts(value: object) -> list[Row]:
    """Give a list of objects back; raise UnreadableError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableError("not_a_list_of_objects")
    return value
