"""Names made of content alone."""

import pytest

from schemas.messages import Message
from stages.ids import digest, pair_id, prompt_id, response_id


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

    The value is BLAKE2b with an 8-byte digest over each part's length (8 bytes, little-endian)
    and its UTF-8 bytes.
    """
    import hashlib

    parts = b"".join(len(part).to_bytes(8, "little") + part for part in (b"user", b"hi"))
    assert prompt_id(user("hi")) == hashlib.blake2b(parts, digest_size=8).hexdigest()
