"""Rows of any mapped file become prompts, responses and ratings."""

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import UserError
from stages.sources.table import Records, messages_of, read_table, score_of
from stages.sources.templates import UnreadableError

GOOD = {"prompt": "p", "response": "a", "score": 3}


def read(folder: Path, *rows: Any, **changes: Any) -> Records:
    """Read rows of a JSON-lines file; a text is a line as it is."""
    path = folder / "ratings.jsonl"
    path.write_text("".join((r if isinstance(r, str) else json.dumps(r)) + "\n" for r in rows))
    return read_table(path, "auto", changes, None)


def ratings(records: Records) -> list[tuple[str, float | None, str | None]]:
    """Give rater, score and reason of each rating."""
    return [(row["rater"], row["score"], row["reason"]) for row in records.ratings.values()]


def set_aside(records: Records) -> list[tuple[str, str, int]]:
    """Give unit, reason and line of what went no further."""
    return [(row["unit"], row["reason"], row["source_line"]) for row in records.set_aside]


def test_a_row_becomes_prompt_response_and_rating(tmp_path: Path) -> None:
    """Joined by their ids, each with its line."""
    records = read(tmp_path, GOOD)
    (prompt,), (response,), (rating,) = (
        list(rows.values()) for rows in (records.prompts, records.responses, records.ratings)
    )
    assert prompt["messages"] == [{"role": "user", "content": "p"}]
    assert response["prompt_id"] == prompt["prompt_id"] == rating["prompt_id"]
    assert response["response_id"] == rating["response_id"]
    assert (rating["rater"], rating["score"], rating["source_line"]) == ("score", 3.0, 1)


@pytest.mark.parametrize(
    ("value", "score"),
    [(3, 3.0), ("3", 3.0), (" 3.5 ", 3.5), ("1e0", 1.0), (-2, -2.0), (0, 0.0)],
)
def test_numbers_and_texts_of_numbers_are_scores(value: object, score: float) -> None:
    """0 is a score like any other."""
    assert score_of(value, None) == (score, None)


@pytest.mark.parametrize("value", [None, "", []])
def test_nothing_is_no_score(value: object) -> None:
    """Missing is not low: null, with the reason."""
    assert score_of(value, None) == (None, "no_score")


@pytest.mark.parametrize(
    "value",
    [
        *("N/A", "three", "3/5", "4_5", " ", "nan", "inf", True, False, [3], {"score": 3}),
        *(float("nan"), float("inf"), 10**400, 1e308),
    ],
)
def test_what_is_no_number_is_unparsable(value: object) -> None:
    """True is not 1, "4_5" is not 45, and a number whose square is none is not one to use."""
    assert score_of(value, None) == (None, "unparsable_score")


@pytest.mark.parametrize(
    ("value", "found"),
    [
        (1, (1.0, None)),
        (5, (5.0, None)),
        (0.9, (None, "outside_scale")),
        (7, (None, "outside_scale")),
    ],
)
def test_a_scale_includes_its_ends(value: float, found: tuple[float | None, str | None]) -> None:
    """Between 1 and 5, both included; anything else is no rating."""
    assert score_of(value, (1, 5)) == found


def test_nan_in_json_is_null_with_a_reason(tmp_path: Path) -> None:
    """Python's JSON reads NaN; the rating says that it could not be parsed."""
    records = read(tmp_path, GOOD, '{"prompt": "p", "response": "b", "score": NaN}')
    assert ratings(records)[1] == ("score", None, "unparsable_score")


def test_a_response_without_a_usable_score_is_still_a_response(tmp_path: Path) -> None:
    """The rating is a row with a reason; the response stays."""
    records = read(tmp_path, GOOD, GOOD | {"response": "b", "score": "N/A"})
    assert len(records.responses) == 2
    assert set_aside(records) == []


def test_a_repeated_rating_keeps_the_last_and_says_so(tmp_path: Path) -> None:
    """The earlier one is set aside with its line and its score, and both are counted."""
    records = read(tmp_path, GOOD, GOOD | {"score": 5})
    assert ratings(records) == [("score", 5.0, None)]
    assert set_aside(records) == [("ratings", "repeated_rating", 1)]
    assert records.set_aside[0]["detail"] == "score: 3.0"
    assert records.num_ratings == 2


def test_the_same_text_of_two_generators_is_rated_as_one_response(tmp_path: Path) -> None:
    """One rater's two scores of one text are a repeated rating, whoever answered."""
    records = read(tmp_path, GOOD | {"generator": "g"}, GOOD | {"generator": "h", "score": 5})
    assert len(records.responses) == 2
    assert ratings(records) == [("score", 5.0, None)]


def test_a_list_of_scores_is_one_rater_per_item(tmp_path: Path) -> None:
    """Numbered from 1, a bad item costing no other."""
    records = read(tmp_path, GOOD | {"score": [4, None, 2]})
    assert ratings(records) == [
        ("score_1", 4.0, None),
        ("score_2", None, "no_score"),
        ("score_3", 2.0, None),
    ]


def test_an_empty_list_of_scores_is_a_missing_score(tmp_path: Path) -> None:
    """The response is accounted for: it has a rating, with a reason in place of a score."""
    assert ratings(read(tmp_path, GOOD, GOOD | {"response": "b", "score": []}))[1] == (
        "score",
        None,
        "no_score",
    )


def test_several_score_columns_are_one_rater_each(tmp_path: Path) -> None:
    """Named by their columns."""
    row = {"prompt": "p", "response": "a", "helpful": 1, "honest": 2}
    records = read(tmp_path, row, scores=("helpful", "honest"))
    assert ratings(records) == [("helpful", 1.0, None), ("honest", 2.0, None)]


def test_a_rater_column_names_the_rater(tmp_path: Path) -> None:
    """Two people's ratings of one response are two ratings."""
    records = read(tmp_path, GOOD | {"rater": "ann"}, GOOD | {"rater": "bob", "score": 1})
    assert ratings(records) == [("ann", 3.0, None), ("bob", 1.0, None)]


def test_a_rater_with_several_scores_is_named_with_each(tmp_path: Path) -> None:
    """Rater and column together, so that neither overwrites the other."""
    row = {"prompt": "p", "response": "a", "x": 1, "y": 2, "rater": "ann"}
    records = read(tmp_path, row, scores=("x", "y"))
    assert [rater for rater, _, _ in ratings(records)] == ["ann_x", "ann_y"]


def test_a_rating_without_a_rater_takes_the_columns_name(tmp_path: Path) -> None:
    """Where the rater's cell is empty."""
    records = read(tmp_path, GOOD | {"rater": None}, GOOD | {"rater": ""})
    assert ratings(records) == [("score", 3.0, None)]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (GOOD | {"response": True}, "response_not_text"),
        (GOOD | {"response": 4}, "response_not_text"),
        (GOOD | {"response": None}, "no_response"),
        ({"prompt": "p", "score": 3}, "no_response"),
        (GOOD | {"prompt": None}, "no_prompt"),
        (GOOD | {"prompt": " \n"}, "no_prompt"),
        (GOOD | {"prompt": []}, "no_prompt"),
        (GOOD | {"prompt": 7}, "prompt_not_text"),
        (GOOD | {"prompt": "\ud800"}, "invalid_unicode"),
        (GOOD | {"response": "half \udfff"}, "invalid_unicode"),
        (GOOD | {"rater": "\ud800"}, "invalid_unicode"),
        (GOOD | {"prompt": [{"role": "tool", "content": "x"}]}, "unknown_role"),
        (GOOD | {"prompt": [{"role": "user"}]}, "no_prompt"),
        (GOOD | {"prompt": [{"role": "assistant", "content": "x"}]}, "last_turn_not_user"),
        ("{", "invalid_json"),
        ("3", "not_an_object"),
    ],
)
def test_an_unreadable_row_is_set_aside_and_adds_nothing(
    row: Any, reason: str, tmp_path: Path
) -> None:
    """With its line and reason; the row before it is read, and both rows are counted."""
    records = read(tmp_path, GOOD | {"prompt": "other", "rater": "r"}, row)
    assert set_aside(records) == [("rows", reason, 2)]
    assert len(records.prompts) == len(records.responses) == len(records.ratings) == 1
    assert records.num_rows == 2


def test_an_empty_response_is_read(tmp_path: Path) -> None:
    """An empty text is an answer, a poor one: measure calls it blank."""
    assert [r["text"] for r in read(tmp_path, GOOD | {"response": ""}).responses.values()] == [""]


def test_control_characters_and_length_are_no_reason(tmp_path: Path) -> None:
    """A million characters, null bytes and escape codes are text like any other."""
    text = "\x00\x1b[31m" + "x" * 1_000_000
    assert [r["text"] for r in read(tmp_path, GOOD | {"response": text}).responses.values()] == [
        text
    ]


@pytest.mark.parametrize(
    ("value", "turns"),
    [
        ("hi", [("user", "hi")]),
        (["one", "two"], [("user", "one"), ("user", "two")]),
        ([{"role": "system", "content": "s"}, "u"], [("system", "s"), ("user", "u")]),
        ([{"from": "human", "value": "h"}], [("user", "h")]),
        (
            [{"from": "human", "value": "h"}, {"from": "gpt", "value": "g"}, "again"],
            [("user", "h"), ("assistant", "g"), ("user", "again")],
        ),
        ([{"content": "no role"}], [("user", "no role")]),
    ],
)
def test_prompts_come_in_many_shapes(value: object, turns: list[tuple[str, str]]) -> None:
    """Text, user turns, messages of OpenAI's or ShareGPT's kind."""
    assert [(turn["role"], turn["content"]) for turn in messages_of(value)] == turns


def test_a_turn_without_text_is_unreadable() -> None:
    """One bad turn makes the prompt unreadable, wherever it stands."""
    with pytest.raises(UnreadableError, match="prompt_not_text"):
        messages_of(["one", 2, "three"])


def test_a_file_of_which_no_row_can_be_read_is_refused(tmp_path: Path) -> None:
    """With the first row of the file as the example, though parsing set aside a later one first."""
    with pytest.raises(UserError, match="none of 2 rows can be read as ratings; the first, line 1"):
        read(tmp_path, GOOD | {"prompt": None}, "{")


def test_a_file_without_one_usable_score_is_refused(tmp_path: Path) -> None:
    """Then scale or column is wrong, not the ratings: what was expected, found, and the mend."""
    with pytest.raises(UserError) as raised:
        read(tmp_path, GOOD, GOOD | {"response": "b"}, scale=(7, 9))
    assert "expected scores (7 to 9) in score, found none among 2 ratings (outside_scale)" in str(
        raised.value
    )
    assert "source.mapping.scale" in str(raised.value)


def test_one_usable_score_is_enough(tmp_path: Path) -> None:
    """Others outside the scale are rows with a reason."""
    records = read(tmp_path, GOOD, GOOD | {"response": "b", "score": 9}, scale=(1, 5))
    assert ratings(records) == [("score", 3.0, None), ("score", None, "outside_scale")]


def test_columns_are_those_of_all_rows(tmp_path: Path) -> None:
    """A column that only a later row has is there."""
    records = read(tmp_path, {"prompt": "p", "response": "a"}, GOOD | {"response": "b"})
    assert ratings(records) == [("score", None, "no_score"), ("score", 3.0, None)]


def test_prompts_alone_have_no_ratings(tmp_path: Path) -> None:
    """The shape "prompts" reads no response column."""
    records = read(tmp_path, {"prompt": "p", "category": "maths"})
    assert [row["category"] for row in records.prompts.values()] == ["maths"]
    assert not records.responses
    assert not records.ratings


def test_prompts_of_several_turns_are_asked_the_first(tmp_path: Path) -> None:
    """User turns without answers between them: the first is the prompt, after the system's."""
    turns = [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "first"},
        {"role": "user", "content": "second"},
    ]
    (prompt,) = read(tmp_path, {"prompt": turns}).prompts.values()
    assert prompt["messages"] == turns[:2]


def test_a_conversation_with_answers_is_asked_whole(tmp_path: Path) -> None:
    """Where the assistant spoke in between, nothing is left out."""
    turns = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "yes"},
        {"role": "user", "content": "second"},
    ]
    (prompt,) = read(tmp_path, {"prompt": turns}).prompts.values()
    assert prompt["messages"] == turns


def test_a_rated_prompt_keeps_every_turn(tmp_path: Path) -> None:
    """An answer that is there was given to all the turns before it."""
    (prompt,) = read(tmp_path, GOOD | {"prompt": ["first", "second"]}).prompts.values()
    assert [turn["content"] for turn in prompt["messages"]] == ["first", "second"]


def test_what_a_later_row_knows_of_a_prompt_is_kept(tmp_path: Path) -> None:
    """The first row has no category; the second row of the same prompt has."""
    rows = [GOOD | {"category": None}, GOOD | {"response": "other", "category": "math"}]
    (prompt,) = read(tmp_path, *rows).prompts.values()
    assert prompt["category"] == "math"


def test_one_score_column_needs_no_list(tmp_path: Path) -> None:
    """`scores: stars` means the same as `scores: [stars]`."""
    row = {"prompt": "p", "response": "r", "stars": 4}
    assert ratings(read(tmp_path, row, scores="stars")) == [("stars", 4.0, None)]
