"""Numbers taken from text."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest
from tokenizers import Tokenizer
from tokenizers.models import BPE, WordLevel
from tokenizers.pre_tokenizers import ByteLevel, Whitespace

from rather.schemas.base import MESSAGES_DTYPE
from rather.schemas.texts import Prompts, Responses
from rather.stages.text.measure import measure, prompt_scripts, token_counts


def features(
    *answers: str | dict[str, Any],
    asked: str = "why",
    max_length: int = 100,
    tokenizer: Path | None = None,
) -> Any:
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
    return measure(prompts, responses, max_length, tokenizer)


def test_without_a_tokenizer_tokens_are_bytes() -> None:
    """One accented letter is one character and two bytes of UTF-8."""
    row = features("é!").row(0, named=True)
    assert (row["num_chars"], row["num_tokens"]) == (2, 3)


@pytest.fixture
def word_tokenizer(tmp_path: Path) -> Path:
    """Save a tokenizer of which each word and each sign is one token."""
    tokenizer = Tokenizer(WordLevel({"<unk>": 0, "a": 1}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.enable_truncation(2)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


@pytest.fixture
def byte_tokenizer(tmp_path: Path) -> Path:
    """Save a tokenizer of which each byte of UTF-8 is one token."""
    vocabulary = {letter: number for number, letter in enumerate(sorted(ByteLevel.alphabet()))}
    tokenizer = Tokenizer(BPE(vocabulary, []))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=False)
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    return tmp_path / "tokenizer.json"


def test_a_tokenizer_counts_its_tokens(word_tokenizer: Path) -> None:
    """With a tokenizer file a text is as long as its tokens, whatever it cuts by itself."""
    assert token_counts(pl.Series(["a b c", "", "a"]), word_tokenizer).to_list() == [3, 0, 1]


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


def test_without_a_tokenizer_nothing_is_truncated() -> None:
    """Nobody knows what a trainer would cut: the long answer keeps the key of its whole text."""
    row = features("x" * 200, max_length=8).row(0, named=True)
    assert (row["truncated"], row["cut_key"]) == (False, row["key"])


def test_truncated_counts_prompt_and_response(byte_tokenizer: Path) -> None:
    """A prompt of 3 bytes leaves room for an answer of 5 within 8, and not for one of 6."""
    found = features("12345", "123456", asked="why", max_length=8, tokenizer=byte_tokenizer)
    assert found["truncated"].to_list() == [False, True]


def test_answers_that_differ_where_the_trainer_cuts_are_equal_to_it(byte_tokenizer: Path) -> None:
    """A prompt of 3 bytes leaves 5 of 8: the first five letters are the same, the keys are not."""
    found = features("12345x", "12345yy", asked="why", max_length=8, tokenizer=byte_tokenizer)
    assert found["key"].n_unique() == 2
    assert found["cut_key"].n_unique() == 1


def test_a_cut_answer_may_equal_a_whole_one(byte_tokenizer: Path) -> None:
    """What is left of the long answer is the short one, which is not cut."""
    found = features("12345x", "12345", asked="why", max_length=8, tokenizer=byte_tokenizer)
    assert found["truncated"].to_list() == [True, False]
    assert found["cut_key"].to_list() == [found["key"][1]] * 2


def test_an_answer_that_is_not_cut_keeps_its_key(byte_tokenizer: Path) -> None:
    """Without truncation the trainer sees the text that a person reads."""
    found = features("yes", "no", tokenizer=byte_tokenizer)
    assert found["cut_key"].equals(found["key"])


def test_a_prompt_without_room_leaves_nothing_of_any_answer(byte_tokenizer: Path) -> None:
    """The trainer never cuts the prompt: what follows one of 3 bytes in 2 is all the same."""
    found = features("a", "b", asked="why", max_length=2, tokenizer=byte_tokenizer)
    assert found["cut_key"].n_unique() == 1


def test_a_cut_never_divides_a_character(byte_tokenizer: Path) -> None:
    """Two bytes of room hold one letter of one byte, and of the next, of two, nothing."""
    found = features("aéb", "aèb", "a", asked="why", max_length=5, tokenizer=byte_tokenizer)
    assert found["cut_key"].n_unique() == 1


def test_a_tokenizer_cuts_between_its_tokens(word_tokenizer: Path) -> None:
    """One token asks and three are left: the fourth word is not seen, the third is."""
    found = features("a b c x", "A  b c y z", "a b d e", max_length=4, tokenizer=word_tokenizer)
    assert found["truncated"].all()
    assert (found["cut_key"] == found["cut_key"][0]).to_list() == [True, True, False]


def test_each_response_is_written_in_a_script() -> None:
    """Most letters decide; without letters there is none."""
    assert features("да", "yes", "42")["script"].to_list() == ["Cyrillic", "Latin", None]


def test_a_prompt_is_in_the_script_of_its_user() -> None:
    """What a system prompt or an earlier answer is written in does not count."""
    turns = [
        {"role": "system", "content": "Answer in the language of the question."},
        {"role": "user", "content": "Что это?"},
    ]
    prompts = pl.DataFrame({"prompt_id": ["p"], "messages": [turns]})
    assert prompt_scripts(prompts).to_dicts() == [{"prompt_id": "p", "script": "Cyrillic"}]


@pytest.mark.parametrize(
    "text", ["👩‍👩‍👧 family", "e\u0301\u0300", "\u202eمرحبا\u202c", "\x00\x1b[0m", "\ud7ff\ue000"]
)
def test_odd_characters_are_measured(text: str) -> None:
    """Emoji, stacked accents, right-to-left marks and control characters are text as any other."""
    row = features(text).row(0, named=True)
    assert (row["num_chars"], row["num_tokens"]) == (len(text), len(text.encode()))
    assert not row["blank"]


def test_the_bucket_does_not_matter(byte_tokenizer: Path) -> None:
    """Each response measured alone has the features that it has among others."""
    texts = ["Yes", "é " * 60, "да\n", "x" * 200, "", "\u200b", "東京"]
    together = features(*texts, tokenizer=byte_tokenizer)
    alone = [features(text, tokenizer=byte_tokenizer) for text in texts]
    assert together.equals(pl.concat(alone))


@pytest.mark.parametrize("cut", [False, True])
def test_a_million_characters(cut: bool, byte_tokenizer: Path) -> None:
    """A very long answer is measured like any other; a trainer, whose model is known, cuts it."""
    answer = "x" * 1_000_000
    row = features(answer, tokenizer=byte_tokenizer if cut else None).row(0, named=True)
    assert row["num_chars"] == row["num_tokens"] == 1_000_000
    assert row["truncated"] is cut


def test_no_responses_give_an_empty_table() -> None:
    """Nothing to measure is not an error."""
    found = measure(Prompts.create_empty(), Responses.create_empty(), 10, None)
    assert found.height == 0
    assert "key" in found.columns
