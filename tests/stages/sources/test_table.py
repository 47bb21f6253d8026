"""Rows of any mapped file become prompts, responses and judgements."""

import json
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from rather.stages.sources.chunks import Chunk
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.presets import Preset
from rather.stages.sources.row_batches import Batch, Growing, Row, UnreadableError
from rather.stages.sources.table import Limit, Table, read_batch

GOOD = {"prompt": "p", "response": "a", "score": 3}
RATINGS = Mapping(response="response", scores=("score",))
VOTES = Mapping(shape="comparisons", responses=("a", "b"), preference=("x", "y"))
FRAMES = ("prompts", "responses", "ratings", "comparisons", "set_aside")


def table(mapping: Mapping, most: int | None = None, unwrap: Any = None) -> Table:
    """Say how a file called here is read."""
    return Table("here", "ratings", Preset("", frozenset(), mapping, unwrap), mapping, Limit(most))


def read(*rows: Any, mapping: Mapping = RATINGS, **options: Any) -> Chunk:
    """Read rows as objects."""
    growing = Growing()
    for line, row in enumerate(rows, 1):
        growing.add(line, row)
    return balanced(read_batch(growing.batch(), table(mapping, **options)))


def balanced(chunk: Chunk) -> Chunk:
    """Check that what was met was kept or set aside."""
    lost = dict(chunk.set_aside["unit"].value_counts().iter_rows())
    assert chunk.num_rows == chunk.num_read + lost.get("rows", 0)
    assert chunk.num_ratings == chunk.ratings.height + lost.get("ratings", 0)
    assert chunk.num_comparisons == chunk.comparisons.height + lost.get("comparisons", 0)
    return chunk


def set_aside(chunk: Chunk) -> list[tuple[str, str, int]]:
    """Give unit, reason and line of what went no further."""
    return chunk.set_aside.select("unit", "reason", "source_line").rows()


def test_a_row_becomes_prompt_response_and_rating() -> None:
    """Joined by their ids, each with its file and line."""
    chunk = read(GOOD)
    prompt, response, rating = (
        frame.row(0, named=True) for frame in (chunk.prompts, chunk.responses, chunk.ratings)
    )
    assert prompt["messages"] == [{"role": "user", "content": "p"}]
    assert response["prompt_id"] == prompt["prompt_id"] == rating["prompt_id"]
    assert response["response_id"] == rating["response_id"]
    assert (rating["rater"], rating["aspect"], rating["score"]) == ("score", "overall", 3.0)
    assert {(row["source"], row["source_line"]) for row in (prompt, response, rating)} == {
        ("here", 1)
    }


def test_two_votes_become_comparisons() -> None:
    """Of the row's two responses, in the order in which they stand."""
    chunk = read({"prompt": "p", "a": "1", "b": "2", "x": 1, "y": -0.5}, mapping=VOTES)
    ids = dict(chunk.responses.select("text", "response_id").iter_rows())
    assert chunk.comparisons.select("first_id", "second_id", "rater", "preference").rows() == [
        (ids["1"], ids["2"], "x", 1.0),
        (ids["1"], ids["2"], "y", -0.5),
    ]


def test_a_label_belongs_to_the_response() -> None:
    """Raters who saw two answers in opposite order: a label is about its own row's."""
    one = {"prompt": "p", "a": "good", "b": "bad", "x": 1, "y": None}
    two = {"prompt": "p", "a": "bad", "b": "good", "x": -1, "y": None}
    chunk = read(one, two, mapping=VOTES)
    ids = dict(chunk.responses.select("response_id", "text").iter_rows())
    better = [
        ids[first if value > 0 else second]
        for first, second, value in chunk.comparisons.filter(pl.col("rater") == "x")
        .select("first_id", "second_id", "preference")
        .iter_rows()
    ]
    assert better == ["good", "good"]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (GOOD | {"response": ["a"]}, "response_not_text"),
        (GOOD | {"response": {"content": {}}}, "response_not_text"),
        (GOOD | {"response": None}, "no_response"),
        ({"prompt": "p", "score": 3}, "no_response"),
        (GOOD | {"prompt": None}, "no_prompt"),
        (GOOD | {"prompt": " \n"}, "no_prompt"),
        (GOOD | {"prompt": 7}, "prompt_not_text"),
        (GOOD | {"prompt": "\ud800"}, "invalid_unicode"),
        (GOOD | {"response": "half \udfff"}, "invalid_unicode"),
        (GOOD | {"rater": "\ud800"}, "invalid_unicode"),
        (GOOD | {"category": "\ud800"}, "invalid_unicode"),
        (GOOD | {"prompt": [{"role": "tool", "content": "x"}]}, "unknown_role"),
        (3, "not_an_object"),
    ],
)
def test_an_unreadable_row_is_set_aside_and_adds_nothing(row: Any, reason: str) -> None:
    """With its line and reason; the row before it is read, and both rows are counted."""
    mapping = RATINGS.model_copy(update={"rater": "rater", "category": "category"})
    chunk = read(GOOD | {"prompt": "other", "rater": "r"}, row, mapping=mapping)
    assert set_aside(chunk) == [("rows", reason, 2)]
    assert chunk.set_aside["source"].to_list() == ["here"]
    assert (chunk.num_rows, chunk.num_read) == (2, 1)
    assert chunk.prompts.height == chunk.responses.height == chunk.ratings.height == 1


def test_a_blank_answer_is_an_answer() -> None:
    """A poor one: measure calls it blank, and a rule drops its pairs."""
    assert read(GOOD | {"response": ""}).responses["text"].to_list() == [""]


def test_control_characters_and_length_are_no_reason() -> None:
    """A million characters, null bytes and escape codes are text like any other."""
    text = "\x00\x1b[31m" + "x" * 1_000_000
    assert read(GOOD | {"response": text}).responses["text"].to_list() == [text]


def test_a_response_without_a_usable_score_is_still_a_response() -> None:
    """The rating is a row with a reason; the response stays."""
    chunk = read(GOOD, GOOD | {"response": "b", "score": "N/A"})
    assert chunk.responses.height == 2
    assert chunk.ratings.select("score", "reason").rows() == [
        (3.0, None),
        (None, "unparsable_score"),
    ]
    assert set_aside(chunk) == []


def test_an_answer_that_cannot_be_read_costs_what_was_said_of_it() -> None:
    """A list in an answer's place: the other answer and its score stay."""
    row = {"prompt": "p", "a": ["1"], "b": "2", "x": 1, "y": None, "s": 4, "t": 5}
    chunk = read(row, mapping=VOTES.model_copy(update={"scores": ("s", "t")}))
    assert set_aside(chunk) == [
        ("answers", "response_not_text", 1),
        ("ratings", "response_not_text", 1),
        ("comparisons", "response_not_text", 1),
        ("comparisons", "response_not_text", 1),
    ]
    assert chunk.set_aside["detail"].to_list()[1:] == [
        "source: 4.0",
        "x: 1.0",
        "y: no_preference",
    ]
    assert chunk.responses["text"].to_list() == ["2"]
    assert chunk.ratings["score"].to_list() == [5.0]


def test_a_row_without_any_readable_answer_is_set_aside() -> None:
    """With the reason of its first answer; an empty list has none at all."""
    rows = [{"prompt": "p", "r": [None, ["a"]]}, {"prompt": "p", "r": []}, {"prompt": "p"}]
    chunk = read(*rows, mapping=Mapping(shape="rankings", responses=("r",)))
    assert set_aside(chunk) == [("rows", "no_response", line) for line in (1, 2, 3)]


def test_true_and_false_are_answers() -> None:
    """As text, as they stand in the file: PandaLM has some, to questions of yes and no."""
    chunk = read(GOOD | {"response": True}, GOOD | {"response": False})
    assert chunk.responses["text"].to_list() == ["true", "false"]
    assert set_aside(chunk) == []


@pytest.mark.parametrize(
    ("mapping", "row"),
    [
        (Mapping(shape="pairs", chosen="a", rejected="b"), {"a": "{}", "b": "{}-"}),
        (Mapping(shape="pairs", chosen="b", rejected="a"), {"b": "{}", "a": "{}-"}),
        (Mapping(shape="rankings", responses=("r",)), {"r": ["{}", "{}-"]}),
    ],
)
def test_what_nobody_was_shown_has_no_order(mapping: Mapping, row: Row) -> None:
    """The better answer stands first in about half of the pairs, as their ids have it.

    Whichever way, the same answer is preferred.
    """
    rows = [
        {"prompt": "p"} | json.loads(json.dumps(row).replace("{}", str(at))) for at in range(40)
    ]
    chunk = read(*rows, mapping=mapping)
    assert 10 < chunk.comparisons.filter(pl.col("preference") > 0).height < 30
    assert set(chunk.comparisons["preference"]) == {1.0, -1.0}
    better = pl.when(pl.col("preference") > 0).then("first_id").otherwise("second_id")
    ids = dict(chunk.responses.select("response_id", "text").iter_rows())
    assert [ids[name] for name in chunk.comparisons.select(better).to_series()] == [
        str(at) for at in range(40)
    ]


def test_opposite_preferences_are_both_kept() -> None:
    """Said twice is said once; the opposite is not a repeat, but contradicts it."""
    mapping = Mapping(shape="pairs", chosen="c", rejected="r")
    one, other = {"prompt": "p", "c": "a", "r": "b"}, {"prompt": "p", "c": "b", "r": "a"}
    told = read(one, one, other, mapping=mapping).comparisons
    key = told.select("first_id", "second_id").rows()
    assert key[0] == key[1]
    assert key[2] == key[0][::-1]
    assert told["preference"].n_unique() == 1


def test_a_tie_without_order_is_a_plain_zero() -> None:
    """Turning it round makes no minus zero, which is written differently."""
    mapping = Mapping(shape="rankings", responses=("r",), ranks=("n",), inverted=True)
    rows = [{"prompt": "p", "r": [f"{at}", f"{at}-"], "n": [1, 1]} for at in range(20)]
    votes = read(*rows, mapping=mapping).comparisons["preference"]
    assert {str(vote) for vote in votes} == {"0.0"}


def test_an_answer_is_not_compared_with_itself() -> None:
    """Two equal texts are one response; the comparison is set aside with its line."""
    mapping = Mapping(shape="pairs", chosen="c", rejected="r")
    chunk = read({"prompt": "p", "c": "same", "r": "same"}, mapping=mapping)
    assert set_aside(chunk) == [("comparisons", "identical_answers", 1)]
    assert chunk.responses["response_id"].n_unique() == 1


def test_prompts_are_told_apart_by_their_text() -> None:
    """One under two ids is one prompt; two under one id are two, never paired across."""
    rows = [GOOD | {"id": 1}, GOOD | {"id": 2, "response": "b"}, GOOD | {"id": 2, "prompt": "q"}]
    chunk = read(*rows)
    ids = chunk.responses["prompt_id"].to_list()
    assert ids[0] == ids[1] != ids[2]
    assert chunk.prompts.height == 2


def test_a_limit_counts_prompts() -> None:
    """Later answers to the first prompts are still read, in a later batch too; other rows not."""
    here = table(RATINGS, most=1)
    rows = [GOOD, GOOD | {"prompt": "q"}, GOOD | {"response": "b"}]
    first = balanced(read_batch(Batch([*rows], pl.Series([1, 2, 3])), here))
    second = balanced(read_batch(Batch([*rows], pl.Series([4, 5, 6])), here))
    assert first.responses["text"].to_list() == ["a", "b"]
    assert set_aside(first) == [("rows", "beyond_limit", 2)]
    assert set_aside(second) == [("rows", "beyond_limit", 5)]


def test_an_unreadable_row_takes_no_place_within_the_limit() -> None:
    """Its prompt is not one that was read."""
    chunk = read(GOOD | {"prompt": "q", "response": None}, GOOD, most=1)
    assert set_aside(chunk) == [("rows", "no_response", 1)]


def test_what_a_later_row_knows_of_a_prompt_is_kept() -> None:
    """The first row has no category; the second row of the same prompt has."""
    mapping = RATINGS.model_copy(update={"category": "category"})
    chunk = read(GOOD | {"category": None}, GOOD | {"category": "math"}, mapping=mapping)
    assert chunk.prompts["category"].to_list() == ["math"]


def test_the_first_readable_spelling_of_a_prompt_is_kept() -> None:
    """A row that is set aside spells nothing."""
    rows = [GOOD | {"prompt": "p ", "response": None}, GOOD, GOOD | {"prompt": "p\n"}]
    (messages,) = read(*rows).prompts["messages"].to_list()
    assert messages == [{"role": "user", "content": "p"}]


def test_prompts_alone_have_no_answers() -> None:
    """The shape "prompts" reads no other column."""
    chunk = read({"prompt": "p", "c": "maths"}, mapping=Mapping(shape="prompts", category="c"))
    assert chunk.prompts["category"].to_list() == ["maths"]
    assert chunk.responses.height == chunk.ratings.height == chunk.comparisons.height == 0


def nested(row: Row) -> list[Row]:
    """Cut a row with several answers into one row each."""
    if "all" not in row:
        raise UnreadableError("no_tree")
    return [{"prompt": "p", "response": text, "score": 1} for text in row["all"]]


def test_a_row_cut_into_several_is_counted_once() -> None:
    """It is read where one of its parts is; a part that is not is one of its answers."""
    rows = [{"all": ["a", "b"]}, {"all": ["c", {}]}, {"all": [[1], None]}, {"all": []}, {}]
    chunk = read(*rows, unwrap=nested)
    assert (chunk.num_rows, chunk.num_read) == (5, 2)
    assert chunk.responses["text"].to_list() == ["a", "b", "c"]
    assert set_aside(chunk) == [
        ("answers", "no_response", 2),
        ("rows", "response_not_text", 3),
        ("rows", "nothing_in_it", 4),
        ("rows", "no_tree", 5),
    ]
    assert chunk.set_aside["detail"][1] == '{"all": [[1], null]}'


ROWS: list[Row] = [
    {"prompt": "p", "response": "a", "score": 3.0, "rater": "w", "generator": "m"},
    {"prompt": "p ", "response": "", "score": None, "rater": None, "generator": "m"},
    {"prompt": None, "response": "b", "score": 1.0, "rater": "w", "generator": None},
    {"prompt": "q", "response": None, "score": 2.0, "rater": "", "generator": ""},
    {"prompt": "q", "response": "c", "score": 9.0, "rater": "v", "generator": ""},
    {"prompt": "q", "response": "c", "score": float("nan"), "rater": "v", "generator": "n"},
]


@pytest.mark.parametrize(
    "mapping",
    [
        RATINGS.model_copy(update={"rater": "rater", "generator": "generator", "scale": (1, 5)}),
        Mapping(shape="pairs", chosen="response", rejected="generator", category="rater"),
        Mapping(shape="comparisons", responses=("response", "generator"), preference=("score",)),
        Mapping(shape="prompts", system="generator"),
    ],
)
def test_rows_with_types_are_read_as_objects_are(mapping: Mapping) -> None:
    """Expressions over columns, and cells one by one: the same tables."""
    lines = pl.int_range(1, len(ROWS) + 1, eager=True)
    frame = read_batch(Batch(pl.DataFrame(ROWS), lines), table(mapping))
    odd = [*ROWS, {"prompt": ["odd"], "response": 1, "generator": [1], "score": [], "rater": {}}]
    lines = pl.int_range(1, len(odd) + 1, eager=True)
    objects = read_batch(Batch(odd, lines), table(mapping))
    for name in FRAMES:
        found = getattr(objects, name)
        fine = found.filter(pl.col("source_line") <= len(ROWS))
        assert_frame_equal(getattr(frame, name), fine.select(getattr(frame, name).columns))


def test_tables_do_not_depend_on_where_batches_end() -> None:
    """Two batches give together what one gives."""
    lines = pl.int_range(1, len(ROWS) + 1, eager=True)
    whole = read_batch(Batch(ROWS, lines), table(RATINGS))
    parts = [
        read_batch(Batch(ROWS[at : at + 2], lines[at : at + 2]), table(RATINGS)) for at in (0, 2, 4)
    ]
    for name in FRAMES[1:]:
        together = pl.concat([getattr(part, name) for part in parts])
        assert_frame_equal(getattr(whole, name), together)


def test_no_rows_are_no_tables() -> None:
    """Of the same columns and types as ever."""
    some, none = read(GOOD), read()
    for name in FRAMES:
        assert getattr(none, name).schema == getattr(some, name).schema
    assert replace(none, format="x").num_rows == 0
