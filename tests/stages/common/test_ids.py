"""Names made of content alone."""

import polars as pl
import pytest

from rather.schemas.base import Message
from rather.stages.common.ids import (
    digest,
    digests,
    numbers,
    numeric_ids,
    pair_id,
    pair_ids,
    pair_numbers,
    prompt_id,
    response_id,
    response_ids,
    text_ids,
    texts,
)


def user(content: str) -> list[Message]:
    """Make a prompt of one user turn."""
    return [{"role": "user", "content": content}]


def test_prompts_meet_across_outer_white_space() -> None:
    """A prompt with a trailing newline is the prompt without it."""
    assert prompt_id(user("Why?\n ")) == prompt_id(user("Why?"))


def test_prompts_meet_across_unicode_forms() -> None:
    """An e with a combining accent is the letter é."""
    assert prompt_id(user("caf\u0065\u0301")) == prompt_id(user("caf\u00e9"))


def test_prompts_differ_by_inner_white_space() -> None:
    """White space between words is part of a prompt."""
    assert prompt_id(user("a  b")) != prompt_id(user("a b"))


def test_prompts_differ_by_role() -> None:
    """The same text said by the system is another prompt."""
    assert prompt_id([{"role": "system", "content": "hi"}]) != prompt_id(user("hi"))


def test_prompts_differ_by_where_turns_end() -> None:
    """Two turns are not the one turn that has their text."""
    assert prompt_id(user("a") + user("b")) != prompt_id(user("a" + "userb"))


def test_a_response_keeps_its_exact_text() -> None:
    """Unlike prompts, responses that differ in a trailing space are two."""
    assert response_id("p", "yes") != response_id("p", "yes ")


def test_a_response_belongs_to_its_prompt() -> None:
    """The same text in answer to two prompts is two responses."""
    assert response_id("p", "yes") != response_id("q", "yes")


def test_a_pair_has_no_order() -> None:
    """A pair is named by its two responses, whichever comes first."""
    assert pair_id("a", "b") == pair_id("b", "a")


def test_digest_keeps_parts_apart() -> None:
    """Where one part ends and the next begins is part of what is hashed."""
    assert digest(["ab", "c"]) != digest(["a", "bc"])


@pytest.mark.parametrize("text", ["", "a", "\ud800", "x" * 1_000_000])
def test_digest_is_16_hex_digits(text: str) -> None:
    """Whatever the text, half a surrogate pair and a million characters included."""
    assert len(digest([text])) == 16
    assert set(digest([text])) <= set("0123456789abcdef")


def test_ids_never_change() -> None:
    """Ids name rows that were paid for, so a new version must give the old ones.

    The value is the beginning of SHA-256 over each part's length in bytes, a colon and its UTF-8.
    """
    import hashlib

    assert prompt_id(user("hi")) == hashlib.sha256(b"4:user2:hi").hexdigest()[:16]


def test_columns_give_the_ids_of_single_values() -> None:
    """A text of many bytes a character, an empty one, and a pair in either order."""
    frame = pl.DataFrame({"a": ["é", "", "x"], "b": ["y", "z", "w"]})
    a, b = pl.col("a"), pl.col("b")
    found = frame.select(digests(a, b).alias("d"), pair_ids(b, a).alias("p"))
    assert found["d"].to_list() == [digest(row) for row in frame.rows()]
    assert found["p"].to_list() == [pair_id(*row) for row in frame.rows()]


def test_a_pair_has_one_name_in_texts_and_in_numbers() -> None:
    """In either order, and with leading zeros."""
    rows = pl.DataFrame({"a_id": ["00" * 8, "fe" * 8], "b_id": ["0a" * 8, "7f" * 8]})
    read = numeric_ids(rows)
    named = rows.select(pair_ids(pl.col("b_id"), pl.col("a_id"))).to_series()
    assert texts(pair_numbers(read["a_id"], read["b_id"])).equals(named)
    assert named.n_unique() == 2


def test_a_pair_with_an_id_that_is_not_there_is_refused() -> None:
    """A number in its place would name a pair that does not exist."""
    known, missing = (pl.Series([at], dtype=pl.UInt64) for at in (1, None))
    with pytest.raises(TypeError):
        pair_numbers(known, missing)


def test_no_text_has_no_id() -> None:
    """A failed sample is null all the way."""
    frame = pl.DataFrame({"a": ["p"], "b": [None]}, schema={"a": pl.String, "b": pl.String})
    assert frame.select(response_ids(pl.col("a"), pl.col("b"))).item() is None


def test_ids_are_spelt_as_they_were_read() -> None:
    """An id keeps its leading zeros on the way through a number."""
    ids = pl.DataFrame({"prompt_id": ["00000000000000ff", "ffffffffffffffff", "0123456789abcdef"]})
    read = ids.select(numbers("prompt_id"))["prompt_id"]
    assert texts(read).equals(ids["prompt_id"])


def test_all_ids_of_a_table_become_numbers_and_come_back() -> None:
    """Those of every column that is an id, an id that is not there among them; no other column."""
    rows = pl.DataFrame({"prompt_id": ["00" * 8, "fe" * 8], "first_id": [None, "0a" * 8], "n": "7"})
    assert numeric_ids(rows).dtypes == [pl.UInt64, pl.UInt64, pl.String]
    assert text_ids(numeric_ids(rows)).equals(rows)
