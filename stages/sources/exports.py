"""What annotation tools export: records with every annotator's judgement inside."""

from rather.stages.sources.templates import Row, UnreadableError
from rather.stages.sources.trees import dicts

# The member of a Label Studio result's value that holds the judgement, by the result's type.
JUDGEMENTS = {"pairwise": "selected", "rating": "rating", "choices": "choices", "number": "number"}


def argilla(row: Row) -> list[Row]:
    """Give each annotator's answers to an Argilla record beside the record's fields.

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
    """Give the option that a ranking puts first, "tie" where several are; anything else as it is.

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
    """Give each annotator's judgements of a Label Studio task beside the task's data.

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
    """Name an annotator, a number or an object with one; an address is nobody's business here."""
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
    """Give one row per annotator; what was shown goes over an answer of the same name."""
    if not raters:
        raise UnreadableError("not_annotated")
    return [{**given, **shown, "rater": rater} for rater, given in raters.items()]
