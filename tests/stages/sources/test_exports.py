"""Records that annotation tools export."""

from typing import Any

import pytest

from rather.stages.sources.nested_rows import argilla, label_studio, preferred
from rather.stages.sources.row_batches import UnreadableError


def test_each_annotator_of_an_argilla_record_is_a_row() -> None:
    """Fields beside what the annotator said to each question."""
    record = {
        "fields": {"prompt": "a", "response": "b"},
        "responses": {
            "rating": [{"value": 4, "user_id": "u1"}, {"value": 2, "user_id": "u2"}],
            "comment": [{"value": "fine", "user_id": "u1"}],
        },
        "suggestions": {},
    }
    assert argilla(record) == [
        {"prompt": "a", "response": "b", "rater": "u1", "rating": 4, "comment": "fine"},
        {"prompt": "a", "response": "b", "rater": "u2", "rating": 2},
    ]


def test_a_field_goes_over_an_answer_of_its_name() -> None:
    """What was shown is never replaced by what was said of it."""
    responses = {"response": [{"value": "better", "user_id": "u"}]}
    assert argilla({"fields": {"response": "b"}, "responses": responses})[0]["response"] == "b"


@pytest.mark.parametrize(
    ("value", "option"),
    [
        (["response-2", "response-1"], "response-2"),
        ([{"value": "a", "rank": 2}, {"value": "b", "rank": 1}], "b"),
        ([{"value": "a", "rank": 1}, {"value": "b", "rank": 1}], "tie"),
        ("response-1", "response-1"),
        (3, 3),
        ([], []),
        (None, None),
    ],
)
def test_a_ranking_prefers_its_first(value: object, option: object) -> None:
    """Options in order, or with ranks, where two may be equal."""
    assert preferred(value) == option


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"fields": {}, "responses": {}}, "not_annotated"),
        ({"fields": {}, "responses": {"rating": []}}, "not_annotated"),
        ({"fields": "text", "responses": {}}, "no_record"),
        ({"fields": {}, "responses": []}, "no_record"),
        ({"fields": {}, "responses": {"rating": 3}}, "not_a_list_of_objects"),
    ],
)
def test_records_that_tell_nothing_are_unreadable(row: dict[str, Any], reason: str) -> None:
    """Nobody has answered yet, or it is no record."""
    with pytest.raises(UnreadableError, match=reason):
        argilla(row)


def annotation(by: object, *results: dict[str, Any], cancelled: bool = False) -> dict[str, Any]:
    """Make one annotator's annotation."""
    return {"completed_by": by, "was_cancelled": cancelled, "result": list(results)}


def result(kind: str, name: str, **value: object) -> dict[str, Any]:
    """Make one region of an annotation."""
    return {"type": kind, "from_name": name, "to_name": "answer1,answer2", "value": value}


def test_each_annotator_of_a_task_is_a_row() -> None:
    """A judgement has the name of its type and of its tag."""
    task = {
        "id": 7,
        "data": {"prompt": "a", "answer1": "b", "answer2": "c"},
        "annotations": [
            annotation(1, result("pairwise", "better", selected="left")),
            annotation({"id": 2, "email": "x@y.z"}, result("pairwise", "better", selected="right")),
        ],
    }
    shown = {"prompt": "a", "answer1": "b", "answer2": "c"}
    assert label_studio(task) == [
        {**shown, "rater": "1", "pairwise": "left", "better": "left"},
        {**shown, "rater": "2", "pairwise": "right", "better": "right"},
    ]


def test_several_judgements_of_one_annotator_keep_their_names() -> None:
    """Two stars and a choice; comments and regions of other types are no judgements."""
    given = annotation(
        1,
        result("rating", "helpful", rating=4),
        result("rating", "honest", rating=2),
        result("choices", "safe", choices=["yes"]),
        result("textarea", "why", text=["so"]),
    )
    found = label_studio({"data": {"prompt": "a"}, "annotations": [given]})[0]
    assert (found["helpful"], found["honest"], found["safe"]) == (4, 2, "yes")
    assert "why" not in found


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ({"data": {}, "annotations": []}, "not_annotated"),
        ({"data": {}, "annotations": [annotation(1, cancelled=True)]}, "not_annotated"),
        ({"data": None, "annotations": []}, "no_task"),
        ({"data": {}, "annotations": "text"}, "not_a_list_of_objects"),
    ],
)
def test_tasks_that_tell_nothing_are_unreadable(row: dict[str, Any], reason: str) -> None:
    """Nobody has annotated it, all skipped it, or it is no task."""
    with pytest.raises(UnreadableError, match=reason):
        label_studio(row)
