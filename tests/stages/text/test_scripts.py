"""The writing system of texts."""

import polars as pl
import pytest
from polars.testing import assert_series_equal

from rather.stages.text import scripts as module
from rather.stages.text.scripts import scripts


@pytest.mark.parametrize(
    ("text", "script"),
    [
        ("Hello, world", "Latin"),
        ("“naïve” 😀 — ок", "Latin"),
        ("Привет, world of мир", "Cyrillic"),
        ("مرحبا بالعالم", "Arabic"),
        ("שלום", "Hebrew"),
        ("नमस्ते दुनिया", "Devanagari"),
        ("안녕 漢字 여러분", "Hangul"),
        ("東京都", "Han"),
        ("ｆｕｌｌ", "Latin"),
        ("ᚠᚢᚦ", "Other"),
    ],
)
def test_the_script_of_most_letters(text: str, script: str) -> None:
    """Whatever has most letters names the text; marks, signs and emoji are no letters."""
    assert scripts(pl.Series([text])).to_list() == [script]


@pytest.mark.parametrize("text", [None, "", "42 + 1 = 43!", "😀 …", "\x00\x07", "ー", "\u0301"])
def test_without_letters_there_is_no_script(text: str | None) -> None:
    """Digits, signs, control characters, and letters common to several scripts tell nothing."""
    assert scripts(pl.Series([text], dtype=pl.String)).to_list() == [None]


def test_any_letter_of_ascii_is_latin() -> None:
    """Whether it comes first or after signs that stand next to letters in ASCII."""
    texts = ["A", "Z", "a", "z", "@", "[", "`", "{", "@m", "[M", "`m", "{M", "", "1 é"]
    named = scripts(pl.Series(texts)).to_list()
    assert named == [*["Latin"] * 4, *[None] * 4, *["Latin"] * 4, None, "Latin"]


def test_a_text_that_begins_in_latin_may_be_another_script() -> None:
    """Most letters count, not the first, and missing texts in between keep their places."""
    texts = pl.Series("text", ["A", None, "Word и ещё слова", "", "Ünder", None, "1 b"])
    assert_series_equal(
        scripts(texts),
        pl.Series("text", ["Latin", None, "Cyrillic", None, "Latin", None, "Latin"]),
    )


def test_kana_makes_han_letters_japanese() -> None:
    """Three kana among seven Han letters are Japanese; one among twelve is Chinese quoting it."""
    mixed = pl.Series(["東京都の天気はを話", "中文很多字中文很多字中文の"])
    assert scripts(mixed).to_list() == ["Japanese", "Han"]


def test_equally_many_letters_give_the_first_by_name() -> None:
    """Two Cyrillic letters and two Latin ones are Cyrillic, whichever stand first."""
    assert scripts(pl.Series(["абab", "abаб"])).to_list() == ["Cyrillic", "Cyrillic"]


def test_parts_do_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts looked at a few at a time, or one alone longer than that, are named as together."""
    texts = pl.Series(["аб", "漢" * 50, "x", None, "אב", "αβ"] * 3)
    together = scripts(texts).to_list()
    monkeypatch.setattr(module, "CHARS_AT_ONCE", 5)
    assert (
        scripts(texts).to_list()
        == together
        == ["Cyrillic", "Han", "Latin", None, "Hebrew", "Greek"] * 3
    )


def test_a_million_characters() -> None:
    """A very long text is like any other."""
    assert scripts(pl.Series(["я" * 1_000_000 + "a"])).to_list() == ["Cyrillic"]


def test_no_texts() -> None:
    """Nothing is named of nothing."""
    assert scripts(pl.Series([], dtype=pl.String)).to_list() == []
