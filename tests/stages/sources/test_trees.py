"""Rows out of nested rows."""

from typing import Any

import pytest

from rather.stages.sources.nested_rows import helpsteer3, lift, nectar, openassistant, ultrafeedback
from rather.stages.sources.row_batches import UnreadableError


def user(text: str) -> dict[str, Any]:
    """Make a user's turn."""
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    """Make an assistant's turn."""
    return {"role": "assistant", "content": text}


def node(text: str, role: str, *replies: dict[str, Any], rank: int | None = None) -> dict[str, Any]:
    """Make a message of a tree."""
    return {"text": text, "role": role, "rank": rank, "replies": list(replies)}


def test_every_question_of_a_tree_has_its_ranked_replies() -> None:
    """Two replies to the first question; one of them is asked on, and answered twice itself."""
    later = node("c", "prompter", node("d", "assistant", rank=1), node("e", "assistant", rank=0))
    tree = node(
        "a", "prompter", node("b", "assistant", later, rank=0), node("x", "assistant", rank=1)
    )
    assert openassistant({"prompt": tree}) == [
        {"prompt": [user("a")], "responses": ["b", "x"], "ranks": [0, 1]},
        {
            "prompt": [user("a"), assistant("b"), user("c")],
            "responses": ["d", "e"],
            "ranks": [1, 0],
        },
    ]


def test_a_reply_without_a_rank_stands_alone() -> None:
    """It is a response, but nobody compared it with the others."""
    tree = node("a", "prompter", *(node(text, "assistant") for text in "bc"))
    assert openassistant({"prompt": tree}) == [
        {"prompt": [user("a")], "responses": ["b"], "ranks": [None]},
        {"prompt": [user("a")], "responses": ["c"], "ranks": [None]},
    ]


def test_a_deep_tree_is_read() -> None:
    """A conversation may be longer than Python's stack."""
    tree = node("0", "prompter", node("1", "assistant", rank=0))
    for _ in range(2000):
        tree = node("0", "prompter", node("1", "assistant", tree, rank=0))
    assert len(openassistant({"prompt": tree})) == 2001


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("text", "no_tree"),
        (None, "no_tree"),
        ({"role": "prompter", "text": "a", "replies": "text"}, "not_a_list_of_objects"),
        ({"role": "prompter", "text": "a", "replies": []}, "no_replies"),
    ],
)
def test_what_is_no_tree_is_unreadable(prompt: object, reason: str) -> None:
    """The row is set aside."""
    with pytest.raises(UnreadableError, match=reason):
        openassistant({"prompt": prompt})


def test_nectar_answers_a_transcript() -> None:
    """The transcript ends where the next answer begins; ranks and models are the answers'."""
    answers = [
        {"answer": "b", "model": "m", "rank": 2.0},
        {"answer": "c", "model": "n", "rank": 1.0},
    ]
    assert nectar({"prompt": "\n\nHuman: a\n\nAssistant: ", "answers": answers}) == {
        "prompt": [user("a")],
        "responses": ["b", "c"],
        "ranks": [2.0, 1.0],
        "generators": ["m", "n"],
    }


def test_ultrafeedback_rates_each_completion() -> None:
    """Four aspects; a rating that is "N/A" or not there is handed on as it is."""
    completion = {
        "model": "m",
        "response": "b",
        "annotations": {"helpfulness": {"Rating": "5"}, "honesty": {"Rating": "N/A"}},
    }
    row = {"source": "s", "instruction": "a", "completions": [completion]}
    assert ultrafeedback(row) == [
        {
            "prompt": "a",
            "category": "s",
            "rater": "gpt-4",
            "generator": "m",
            "response": "b",
            "helpfulness": "5",
            "honesty": "N/A",
            "instruction_following": None,
            "truthfulness": None,
        }
    ]


@pytest.mark.parametrize("annotations", [None, "text", {"honesty": 3}])
def test_completions_without_annotations_have_no_ratings(annotations: object) -> None:
    """They are responses all the same."""
    completion = {"response": "b", "annotations": annotations}
    found = ultrafeedback({"instruction": "a", "completions": [completion]})[0]
    assert (found["response"], found["honesty"]) == ("b", None)


@pytest.mark.parametrize("completions", [None, [], "text", ["text"]])
def test_no_completions_are_unreadable(completions: object) -> None:
    """The row is set aside."""
    with pytest.raises(UnreadableError):
        ultrafeedback({"instruction": "a", "completions": completions})


def test_helpsteer3_has_several_annotators() -> None:
    """Each one's score, in the order they stand."""
    given = [{"score": -2, "reasoning": "r"}, {"score": 1}]
    assert helpsteer3({"individual_preference": given})["annotator"] == [-2, 1]


def test_nested_members_become_columns() -> None:
    """Under their full name, so that they hide none of the row's own."""
    row = {"score": 1, "metadata": {"score": 2}, "other": {"x": 3}}
    assert lift(row, ["metadata"]) == {**row, "metadata.score": 2}


@pytest.mark.parametrize("value", [None, "text", [1]])
def test_nothing_nested_adds_nothing(value: object) -> None:
    """A column that holds something else stays as it is."""
    assert lift({"metadata": value}, ["metadata"]) == {"metadata": value}
