"""Numbers taken from text."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace

from schemas.messages import MESSAGES_DTYPE
from schemas.prompts import Prompts
from schemas.responses import Responses
from stages.measure import count_tokens, measure, normalise


def features(*answers: str | dict[str, Any], asked: str = "why", max_length: int = 100) -> Any:
    """Measure answers to one prompt; the text names the response."""
    rows = [{"text": answer} if isinstance(answer, str) else answer for answer in answers]
    prompts = pl.DataFrame(
        {"prompt_id": ["p"], "messages": [[{"role": "user", "content": asked}]]},
        schema_overrides={"messages": MESSAGES_DTYPE},
    )
    responses = pl.DataFrame(
        [{"prompt_id": "p", "response_id": row["text"]} | row for row in rows],
        schema=Responses.create_empty().schema,
    )
    return measure(prompts, responses, max_length, None)


def test_without_a_tokenizer_tokens_are_bytes() -> None:
    """One accented letter is one character and two bytes of UTF-8."""
    row = features("é!").row(0, named=True)
    assert (row["num_chars"], row["num_tokens"]) == (2, 3)


def test_a_tokenizer_counts_its_tokens(tmp_path: Path) -> None:
    """With a tokenizer file a text is as long as its tokens, here its words."""
    tokenizer = Tokenizer(WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_truncation(2)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    assert count_tokens(["a b c", "", "a"], tmp_path / "tokenizer.json") == [3, 0, 1]


def test_one_text_is_measured_once() -> None:
    """The same text from two generators is one response and one row."""
    assert features({"text": "a", "generator": "g"}, {"text": "a", "generator": "h"}).height == 1


def test_a_failed_response_is_not_measured() -> None:
    """Where there is no text there is nothing to measure."""
    found = features("a", {"text": None, "response_id": None, "reason": "timeout"})
    assert found["response_id"].to_list() == ["a"]


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\x00\x07", "\u00a0"])
def test_a_text_without_a_visible_character_is_blank(text: str) -> None:
    """Spaces, zero-width characters and control characters show nothing."""
    assert features(text)["blank"].to_list() == [True]


def test_a_text_with_a_visible_character_is_not_blank() -> None:
    """One full stop is an answer."""
    assert features(".")["blank"].to_list() == [False]


@pytest.mark.parametrize(
    "other", ["yes  sir", " Yes Sir\n", "yes\u200b sir", "ｙｅｓ sir", "yes\x07 sir"]
)
def test_texts_that_read_the_same_have_one_key(other: str) -> None:
    """Case, spacing, invisible characters and full-width letters do not make a difference."""
    assert features("yes sir", other)["key"].n_unique() == 1


def test_texts_that_read_otherwise_have_two_keys() -> None:
    """A full stop is a difference a reader sees."""
    assert features("yes", "yes.")["key"].n_unique() == 2


def test_normalising_again_changes_nothing() -> None:
    """The normal form is its own normal form, even where casefolding makes new letters."""
    text = "  STRASSE \u200b Straße \x00 ﬁn  "
    assert normalise(text) == "strasse strasse fin"
    assert normalise(normalise(text)) == normalise(text)


def test_a_cut_answer_is_unfinished() -> None:
    """Finish reason length means cut; stop and unknown do not."""
    found = features(
        {"text": "a", "finish_reason": "length"}, {"text": "b", "finish_reason": "stop"}, "c"
    )
    assert dict(found.select("response_id", "unfinished").iter_rows()) == {
        "a": True,
        "b": False,
        "c": False,
    }


def test_a_text_that_was_cut_once_is_unfinished() -> None:
    """Where two samples have one text and one of them was cut, the text is not whole."""
    found = features(
        {"text": "a", "finish_reason": "stop"}, {"text": "a", "finish_reason": "length"}
    )
    assert found["unfinished"].to_list() == [True]


def test_truncated_counts_prompt_and_response() -> None:
    """A prompt of 3 bytes leaves room for an answer of 5 within 8, and not for one of 6."""
    found = features("12345", "123456", asked="why", max_length=8)
    assert found["truncated"].to_list() == [False, True]


def test_a_million_characters() -> None:
    """A very long answer is measured like any other."""
    row = features("x" * 1_000_000).row(0, named=True)
    assert row["num_chars"] == row["num_tokens"] == 1_000_000
    assert row["truncated"]


def test_no_responses_give_an_empty_table() -> None:
    """Nothing to measure is not an error."""
    found = measure(Prompts.create_empty(), Responses.create_empty(), 10, None)
    assert found.height == 0
    assert "key" in found.columns
