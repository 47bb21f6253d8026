"""Rows that a format nests or templates: judge templates, trees, and annotation tools' exports."""

import re
from collections.abc import Iterator, Sequence

from rather.stages.sources.row_batches import Row, UnreadableError
from rather.stages.sources.transcripts import read_transcript

_PROMETHEUS = re.compile(
    r"###The instruction to evaluate:\n(?P<prompt>.*?)\n+"
    r"###Response to evaluate:\n(?P<response>.*?)\n+"
    r"###Reference Answer \(Score 5\):\n(?P<demonstration>.*?)\n+"
    r"###Score Rubrics:",
    re.DOTALL,
)


def prometheus(row: Row) -> Row:
    """Cut prompt, response and reference answer out of Prometheus' judge template.

    The template: Kim et al. 2023, Prometheus, appendix; its reference answer is a demonstration.
    """
    found = _PROMETHEUS.search(str(row.get("instruction")))
    if found is None:
        raise UnreadableError("no_judge_template")
    return {**row, **found.groupdict()}


def self_instruct(row: Row) -> Row:
    """Join an instruction and its first instance's input into one prompt."""
    instances = row.get("instances") or [{}]
    if not isinstance(instances, list) or not isinstance(instances[0], dict):
        raise UnreadableError("no_instances")
    parts = [row.get("instruction"), instances[0].get("input")]
    texts = [part for part in parts if isinstance(part, str) and part.strip()]
    return {**row, "prompt": "\n\n".join(texts) or None}


def pandalm(row: Row) -> Row:
    """Cut the names of the two models out of PandaLM's key, such as bloom-7b_llama-7b."""
    names = str(row.get("cmp_key")).split("_")
    first, second = names if len(names) == 2 else (None, None)
    return {**row, "generator1": first, "generator2": second}


SPEAKERS = {"prompter": "user", "assistant": "assistant"}
ULTRAFEEDBACK_ASPECTS = ("helpfulness", "honesty", "instruction_following", "truthfulness")


def openassistant(row: Row) -> list[Row]:
    """Return each prompt of an OpenAssistant tree with its replies and their ranks, 0 = best.

    Köpf et al. 2023, OpenAssistant Conversations. A reply without a rank stands in a row of its
    own, as it was not compared; a question without replies gives no row.
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
    """Yield one row with the ranked replies to a prompt, and one row per unranked reply."""
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
    """Return each completion of an UltraFeedback row with its rating per aspect.

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
    """Return an aspect's rating from a completion's annotations."""
    annotations = completion.get("annotations")
    annotation = annotations.get(aspect) if isinstance(annotations, dict) else None
    return annotation.get("Rating") if isinstance(annotation, dict) else None


def helpsteer3(row: Row) -> Row:
    """Return a HelpSteer3 row with its unnamed annotators' preferences as a list.

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
    """Return a list of objects; raise UnreadableError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UnreadableError("not_a_list_of_objects")
    return value


# The member of a Label Studio result's value that holds the judgement, by the result's type.
JUDGEMENTS = {"pairwise": "selected", "rating": "rating", "choices": "choices", "number": "number"}


def argilla(row: Row) -> list[Row]:
    """Return a row per annotator of an Argilla record: the record's fields and the answers.

    Argilla 2, `dataset.records.to_json`: responses hold a list of value and user_id per question.
    """
    fields, responses = row.get("fields"), row.get("responses")
    if not isinstance(fields, dict) or not isinstance(responses, dict):
        raise UnreadableError("no_record")
    raters: dict[str, Row] = {}
    for question, answers in responses.items():
        for answer in dicts(answers):
            given = raters.setdefault(str(answer.get("user_id")), {})
            given[question] = preferred(answer.get("value"))
    return _each_annotator(fields, raters)


def preferred(value: object) -> object:
    """Return a ranking's first option, "tie" if several are first; return other values unchanged.

    Argilla writes a ranking as options in order, or as value and rank.
    """
    if not isinstance(value, list) or not value:
        return value
    if not all(isinstance(item, dict) and isinstance(item.get("rank"), int) for item in value):
        return value[0]
    best = min(item["rank"] for item in value)
    first = [item.get("value") for item in value if item["rank"] == best]
    return first[0] if len(first) == 1 else "tie"


def label_studio(row: Row) -> list[Row]:
    """Return a row per annotator of a Label Studio task: the task's data and the judgements.

    A judgement is named by its type (pairwise, rating ...) and by its tag; skipped tasks have none.
    """
    data = row.get("data")
    if not isinstance(data, dict):
        raise UnreadableError("no_task")
    raters: dict[str, Row] = {}
    for annotation in dicts(row.get("annotations")):
        if not annotation.get("was_cancelled"):
            raters[_annotator(annotation.get("completed_by"))] = _judgements(annotation)
    return _each_annotator(data, raters)


def _annotator(completed_by: object) -> str:
    """Return an annotator's number, from an object too; email addresses are left out."""
    return str(completed_by.get("id") if isinstance(completed_by, dict) else completed_by)


def _judgements(annotation: Row) -> Row:
    """Collect an annotation's judgements."""
    found: Row = {}
    for result in dicts(annotation.get("result")):
        kind, value = str(result.get("type")), result.get("value")
        if kind in JUDGEMENTS and isinstance(value, dict):
            judged = preferred(value.get(JUDGEMENTS[kind]))
            found |= {str(result.get("from_name")): judged, kind: judged}
    return found


def _each_annotator(shown: Row, raters: dict[str, Row]) -> list[Row]:
    """Return one row per annotator; a shown field replaces an answer of the same name."""
    if not raters:
        raise UnreadableError("not_annotated")
    return [{**given, **shown, "rater": rater} for rater, given in raters.items()]
