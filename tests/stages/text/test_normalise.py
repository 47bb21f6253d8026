"""The normal form and the words of texts."""

import random
import sys
import unicodedata

import polars as pl
import pytest
from polars.testing import assert_series_equal

from rather.stages.text.normalise import EASY, INVISIBLE, normalise, normalised, prompt_texts, words

CHARACTERS = [chr(c) for c in range(sys.maxunicode + 1) if not 0xD800 <= c <= 0xDFFF]
VISIBLE_FORMATS = "\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2"


def easy() -> list[str]:
    """List the characters that are normalised without Unicode's tables, white space left out."""
    found = pl.Series(CHARACTERS).to_frame("c").filter(pl.col("c").str.contains(EASY))
    return [c for c in found["c"].to_list() if c not in " \t\n\r"]


@pytest.mark.parametrize(
    "other",
    ["yes  sir", " Yes Sir\n", "yes\u200b sir", "ｙｅｓ sir", "yes\x07 sir", "yes\tsir\ufe0f"],
)
def test_what_reads_the_same_is_the_same(other: str) -> None:
    """Case, spacing, invisible characters and full-width letters make no difference."""
    assert normalise(other) == "yes sir"


def test_letters_on_either_side_of_something_invisible_meet() -> None:
    """A combining accent joins its letter though a zero-width space stood between them."""
    assert normalise("e\u200b\u0301") == "é"


def test_casefolding_is_not_lower_case() -> None:
    """Sharp s is folded to two letters, a final sigma to sigma, a ligature to its letters."""
    assert normalise("Straße ΟΔΟΣ ﬁn") == "strasse οδοσ fin"


@pytest.mark.parametrize("text", ["", " \n\t", "\u200b", "\x00\x07", "\u00a0", "\u3164", "\ufe0f"])
def test_nothing_visible_leaves_nothing(text: str) -> None:
    """Spaces, zero-width and control characters, fillers and variation selectors show nothing."""
    assert normalise(text) == ""


def test_every_control_character_goes() -> None:
    """No character of category Cc or Cf is left, but the few of Cf that are seen."""
    left = [c for c in CHARACTERS if unicodedata.category(c) in ("Cc", "Cf") and normalise(c)]
    assert [c for c in left if c < "\uffff"] == list(VISIBLE_FORMATS)


def test_the_normal_form_of_every_character_is_its_own() -> None:
    """Normalising a single character again changes nothing."""
    once = [normalise(c) for c in CHARACTERS]
    assert [c for c in once if normalise(c) != c] == []


def test_easy_characters_need_only_lower_case() -> None:
    """Lower case is their NFKC casefold, and none composes with a neighbour or is invisible.

    What composes is a combining character, a Hangul vowel or final, or second in a decomposition.
    """
    found = easy()
    lower = pl.Series(found).str.to_lowercase().to_list()
    composing = {chr(c) for c in (*range(0x1161, 0x1176), *range(0x11A7, 0x11C3))}
    composing |= {
        chr(int(part, 16))
        for parts in (unicodedata.decomposition(c).split() for c in CHARACTERS)
        if parts and not parts[0].startswith("<")
        for part in parts[1:]
    }
    assert len(found) > 30_000
    assert [c for c, low in zip(found, lower, strict=True) if normalise(c) != low] == []
    assert [c for c in found if unicodedata.normalize("NFKC", c) != c] == []
    assert [c for c in found if c in composing or unicodedata.combining(c)] == []
    assert [c for c in found if INVISIBLE.match(c)] == []


def test_columns_and_single_texts_have_one_normal_form() -> None:
    """Random texts of every kind of character, in one column, get what each gets alone."""
    chance = random.Random(0)
    pools = [
        ["a", "B", " ", "\n", "."],
        [*chance.sample(easy(), 300), " ", "\n", "\r", "\t"],
        [*chance.sample(CHARACTERS, 3000), *(chr(c) for c in range(0x300, 0x340)), " ", "\u2028"],
    ]
    texts = [
        "".join(chance.choices(pool, k=chance.randrange(9))) for pool in pools for _ in range(9000)
    ]
    assert normalised(pl.Series(texts)).to_list() == [normalise(text) for text in texts]


@pytest.mark.parametrize(
    "odd",
    [
        *("a\tb", "a\nb", "\r\na", "a  b", " a", "a ", "a   \n", " ", "\n", "a\x0bb", "\x0c"),
        *("a\x00b", "\x1fa", "a\x1cb", "a\x7f", "\x7f", "a\x85b", "a\u00a0b", "\u2003a"),
        *("a\u3000", "a\u2028b", "a\u200bb", "\u200b a", "\ufeffa", "a \u00ad b", " \u0301a"),
        *("e\n\u0301", "e\u0301", "´a", "UPPER Case", "Zz @[`{~!", "Äpfel Öl", "É", "straße ẞ"),
        *("İstanbul ıI", "ΟΔΟΣ ος", "ﬁ", "Ｆｕｌｌ\u3000Ｗ", "Ж Ё", "東京 都", "ｶﾞ", "각"),
        *("😀 A", "👩\u200d👩", "☺\ufe0f", "½ №"),
    ],
)
def test_an_odd_text_among_tidy_ones_gets_its_own_normal_form(odd: str) -> None:
    """Each text of a column gets, in its place, the form that it gets alone."""
    texts = ["Tidy one.", odd, "", "tidy two", odd + "x", "a\nB", odd, "~"]
    assert normalised(pl.Series(texts)).to_list() == [normalise(text) for text in texts]


def test_tidy_texts_are_their_lower_case() -> None:
    """A column in which no text needs more has it done, its empty and missing texts kept."""
    texts = pl.Series("answer", ["", None, "Yes, Sir!", "", "[@Z`z{~]", None, ""])
    assert_series_equal(
        normalised(texts), pl.Series("answer", ["", None, "yes, sir!", "", "[@z`z{~]", None, ""])
    )


def test_what_a_null_hides_does_not_matter() -> None:
    """Texts that were made null, and a slice of a longer column, are as if never there."""
    texts = pl.Series(["A  very long text that is hidden\n", "B", " C", "D", "é "])
    hidden = pl.select(pl.when(pl.Series([False, True, False, True, True])).then(texts)).to_series()
    assert normalised(hidden).to_list() == [None, "b", None, "d", "é"]
    assert normalised(hidden[:4]).to_list() == [None, "b", None, "d"]


def test_a_missing_text_has_no_normal_form() -> None:
    """Null stays null, and no texts give none."""
    assert normalised(pl.Series(["A", None, "é\n"])).to_list() == ["a", None, "é"]
    assert normalised(pl.Series([], dtype=pl.String)).to_list() == []


def test_a_million_characters() -> None:
    """A very long text is normalised like any other."""
    assert normalised(pl.Series(["ß…" * 500_000])).to_list() == ["ss..." * 500_000]


def test_words_are_letters_digits_and_underscores() -> None:
    """Punctuation parts words and is none; case is gone."""
    assert words(pl.Series(["Don't  stop-me_2, NOW!"])).to_list() == [
        ["don", "t", "stop", "me_2", "now"]
    ]


def test_scripts_without_spaces_have_a_word_per_letter() -> None:
    """Han letters are words of their own, and the Latin word between them stays whole."""
    assert words(pl.Series(["東京tower都"])).to_list() == [["東", "京", "tower", "都"]]


def test_a_conversation_is_its_turns_one_below_the_other() -> None:
    """Roles are left out; every turn is there, or those that are asked for."""
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]
    prompts = pl.DataFrame({"messages": [turns]})
    role = pl.element().struct.field("role")
    assert prompt_texts(prompts).to_list() == ["a\nb"]
    assert prompt_texts(prompts, pl.element().filter(role == "user")).to_list() == ["a"]
