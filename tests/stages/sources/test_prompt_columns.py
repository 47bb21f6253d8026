"""What rows ask."""

from typing import Any

import polars as pl
import pytest

from rather.schemas.base import MESSAGES_DTYPE
from rather.stages.common.ids import prompt_id
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.prompt_columns import Asked, messages_of, read_prompts
from rather.stages.sources.row_batches import Batch, UnreadableError

CELLS = [
    "hi",
    ["one", "two"],
    [{"role": "system", "content": "s"}, "u"],
    [{"from": "human", "value": "h"}],
    [{"from": "human", "value": "h"}, {"from": "gpt", "value": "g"}, "again"],
    [{"content": "no role"}],
]


def batch(*rows: Any) -> Batch:
    """Make a batch of objects."""
    return Batch(list(rows), pl.int_range(len(rows), eager=True))


def frame(**columns: Any) -> Batch:
    """Make a batch with types."""
    rows = pl.DataFrame(columns)
    return Batch(rows, pl.int_range(rows.height, eager=True))


def turns(asked: Asked) -> list[list[tuple[str, str]] | None]:
    """Give role and text of each turn of each row, null where it is unreadable."""
    good = asked.each("reason").is_null()
    return [
        [(turn["role"], turn["content"]) for turn in row] if fine else None
        for row, fine in zip(asked.each("messages").to_list(), good, strict=True)
    ]


@pytest.mark.parametrize(
    ("value", "found"),
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
        (
            [{"role": None, "content": None, "from": "gpt", "value": "g"}],
            [("assistant", "g")],
        ),
    ],
)
def test_prompts_come_in_many_shapes(value: object, found: list[tuple[str, str]]) -> None:
    """Text, user turns, messages of OpenAI's or ShareGPT's kind."""
    assert [(turn["role"], turn["content"]) for turn in messages_of(value)] == found


def test_a_turn_without_text_is_unreadable() -> None:
    """One bad turn makes the prompt unreadable, wherever it stands."""
    with pytest.raises(UnreadableError, match="prompt_not_text"):
        messages_of(["one", 2, "three"])


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        (None, "no_prompt"),
        ("", "no_prompt"),
        (" \n", "no_prompt"),
        ([], "no_prompt"),
        (7, "prompt_not_text"),
        ("\ud800", "invalid_unicode"),
        ([{"role": "tool", "content": "x"}], "unknown_role"),
        ([{"role": "user"}], "no_prompt"),
        ([{"role": "user", "content": " "}], "no_prompt"),
        ([{"role": "assistant", "content": "x"}], "last_turn_not_user"),
    ],
)
def test_what_is_no_prompt_has_its_reason(value: object, reason: str) -> None:
    """The row beside it is read."""
    asked = read_prompts(batch({"prompt": value}, {"prompt": "q"}), Mapping())
    assert asked.each("reason").to_list() == [reason, None]
    assert asked.each("prompt_id").is_null().to_list() == [True, False]


def test_texts_are_read_the_same_with_types_and_without() -> None:
    """A column of texts alone, and the same cells among others that are none."""
    texts = ["q", None, " ", "Why?", "Why?\n", "q"]
    alone = read_prompts(frame(prompt=texts), Mapping())
    among = read_prompts(batch(*({"prompt": cell} for cell in (*texts, 7))), Mapping())
    for column in ("prompt_id", "messages", "reason"):
        fine = among.each(column).head(6).to_list()
        if column != "messages":
            assert alone.each(column).to_list() == fine
    assert turns(alone) == turns(among)[:6]
    assert alone.each("prompt_id")[0] == prompt_id([{"role": "user", "content": "q"}])


def test_conversations_are_read_the_same_with_types_and_without() -> None:
    """As Parquet gives them, and as JSON does; ShareGPT's names too."""
    rows: list[Any] = [
        [{"role": "user", "content": "q"}],
        [{"role": "system", "content": "s"}, {"role": "human", "content": "q"}],
        [{"role": "tool", "content": "x"}],
        [{"role": "user", "content": None}],
        [{"role": "user", "content": None}, {"role": "user", "content": "q"}],
        [{"role": None, "content": "q"}],
        [],
        None,
    ]
    single = read_prompts(batch(*({"prompt": cell} for cell in rows)), Mapping())
    column = pl.Series("prompt", rows, MESSAGES_DTYPE)
    at_once = read_prompts(frame(prompt=column), Mapping())
    shared = column.list.eval(
        pl.struct(
            pl.element().struct.field("role").alias("from"),
            pl.element().struct.field("content").alias("value"),
        )
    )
    renamed = read_prompts(frame(prompt=shared), Mapping())
    assert turns(single) == turns(at_once) == turns(renamed)
    for name in ("prompt_id", "reason"):
        found = [asked.each(name).to_list() for asked in (single, at_once, renamed)]
        assert found[0] == found[1] == found[2]


def test_instruction_and_input_are_joined() -> None:
    """By a blank line; a blank or missing one is skipped, with types and without."""
    rows = [{"a": "one", "b": "two"}, {"a": "one", "b": " "}, {"a": None, "b": "two"}]
    mapping = Mapping(prompt=("a", "b"))
    for made in (batch(*rows), frame(a=["one", "one", None], b=["two", " ", "two"])):
        found = turns(read_prompts(made, mapping))
        assert found == [[("user", "one\n\ntwo")], [("user", "one")], [("user", "two")]]
    odd = read_prompts(batch({"a": "one", "b": 2}), mapping)
    assert odd.each("reason").to_list() == ["prompt_not_text"]


def test_a_system_column_stands_first() -> None:
    """Where it is not blank, before a text or a conversation."""
    mapping = Mapping(system="system")
    rows = [{"system": "s", "prompt": "q"}, {"system": "", "prompt": "q"}, {"prompt": "q"}]
    found = turns(read_prompts(batch(*rows), mapping))
    assert found == [[("system", "s"), ("user", "q")], [("user", "q")], [("user", "q")]]
    among = batch({"system": "s", "prompt": ["q"]}, {"system": 3, "prompt": "q"})
    assert turns(read_prompts(among, mapping)) == [[("system", "s"), ("user", "q")], None]


def test_prompts_of_several_turns_are_asked_the_first() -> None:
    """User turns without answers between them: the first is the prompt, the others come later."""
    rows = [
        [("system", "be brief"), ("user", "first"), ("user", "second")],
        [("user", "first"), ("assistant", "yes"), ("user", "second")],
        [("user", "first")],
    ]
    cells = [[{"role": role, "content": text} for role, text in row] for row in rows]
    alone = Mapping(shape="prompts")
    for made in (batch(*({"prompt": cell} for cell in cells)), frame(prompt=cells)):
        found = read_prompts(made, alone)
        assert turns(found) == [rows[0][:2], rows[1], rows[2]]
        assert found.each("later_turns").to_list() == [["second"], None, None]
        assert turns(read_prompts(made, Mapping())) == rows


def test_no_rows_are_no_prompts() -> None:
    """Whether with types or without."""
    for made in (batch(), frame(prompt=pl.Series([], dtype=pl.String))):
        assert read_prompts(made, Mapping()).each("prompt_id").to_list() == []


@pytest.mark.parametrize(
    "cells",
    [
        [["one", "two"], [], None],
        [{"role": "user", "content": "x"}, None],
        [[{"role": "user", "content": "x", "from": None, "value": None}], [None]],
    ],
)
def test_typed_prompts_are_read_as_objects_are(cells: list[Any]) -> None:
    """Lists of turns, messages and messages of two kinds, in Parquet as in JSON."""
    typed = read_prompts(frame(prompt=cells), Mapping())
    objects = read_prompts(batch(*({"prompt": cell} for cell in cells)), Mapping())
    assert turns(typed) == turns(objects)
    assert typed.each("reason").to_list() == objects.each("reason").to_list()
