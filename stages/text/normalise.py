"""Normal form and words of a text.

The normal form is NFKC, without invisible characters, with single spaces, and casefolded.
"""

import re
import unicodedata
from collections.abc import Callable

import numpy as np
import polars as pl

# Unicode's Default_Ignorable_Code_Point, its control characters that are no white space, and the
# interlinear annotation marks.
INVISIBLE = re.compile(
    "[\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]"
)
# Characters that NFKC leaves alone wherever they stand and whose casefold is their lower case:
# ASCII, most of Latin-1 and Cyrillic, quotation marks and dashes, kana, Han, Hangul, emoji.
CALM = (
    r" -~\u{a1}-\u{a7}\u{a9}\u{ab}\u{ac}\u{ae}\u{b0}\u{b1}\u{b6}\u{b7}\u{bb}\u{bf}-\u{de}"
    r"\u{e0}-\u{ff}\u{100}-\u{12f}\u{410}-\u{44f}\u{451}\u{401}\u{2010}\u{2012}-\u{2016}"
    r"\u{2018}-\u{2022}\u{2030}\u{2190}-\u{21ff}\u{2200}-\u{222b}\u{3001}-\u{3003}"
    r"\u{3005}-\u{3029}\u{3041}-\u{3096}\u{30a1}-\u{30fe}\u{4e00}-\u{9fa5}\u{ac00}-\u{d7a3}"
    r"\u{1f300}-\u{1f64f}\u{1f680}-\u{1f6c5}"
)
EASY = rf"^[{CALM}\t\n\r]*$"
TEXT = pl.col("text")
LOWER = TEXT.str.to_lowercase()
# A single pattern for both replacements takes three times as long.
SPACED = TEXT.str.replace_all(r"[\t\n\r]", " ").str.replace_all(" {2,}", " ").str.strip_chars(" ")

# Scripts that write no space between words: each of their letters is a word here.
UNSPACED = "".join(
    rf"\p{{{script}}}"
    for script in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
)
WORD = rf"[{UNSPACED}]|[\w--[{UNSPACED}]]+"


def normalise(text: str) -> str:
    """Compute a text's normal form; the operation is idempotent."""
    seen = unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    # Casefolding may write letters that NFKC writes otherwise.
    folded = unicodedata.normalize("NFKC", seen.casefold())
    return " ".join(folded.split())


def normalised(texts: pl.Series) -> pl.Series:
    """Compute texts' normal forms, as `normalise` does; null stays null."""
    return _either(texts, _tidy(texts), _lower, _normalised_untidy)


def _normalised_untidy(texts: pl.Series) -> pl.Series:
    """Normalise texts of which most need a change of white space only."""
    spaced = _computed(texts, SPACED)
    return _either(spaced, _tidy(spaced), _lower, _normalised_unusual)


def _normalised_unusual(texts: pl.Series) -> pl.Series:
    """Normalise texts that may have any character, but no white space in ASCII to reduce."""
    return _either(texts, _computed(texts, TEXT.str.contains(EASY)), _lower, _one_by_one)


def _lower(texts: pl.Series) -> pl.Series:
    """Normalise texts whose normal form is their lower case."""
    return _computed(texts, LOWER)


def _one_by_one(texts: pl.Series) -> pl.Series:
    """Normalise the few texts with characters that need Unicode's tables."""
    return _computed(texts, TEXT.map_elements(normalise, pl.String))


def _computed(texts: pl.Series, result: pl.Expr) -> pl.Series:
    """Compute an expression of the column `text` from texts, on every core."""
    computed = pl.LazyFrame({"text": texts}).select(result).collect(engine="streaming")
    return computed.to_series().rename(texts.name)


def _either(
    texts: pl.Series,
    chosen: pl.Series,
    one: Callable[[pl.Series], pl.Series],
    other: Callable[[pl.Series], pl.Series],
) -> pl.Series:
    """Apply `one` to the chosen texts and `other` to the rest, and keep the order."""
    if chosen.all():
        return one(texts)
    forms = pl.concat([one(texts.filter(chosen)), other(texts.filter(~chosen))], rechunk=True)
    rows = pl.concat([chosen.arg_true(), (~chosen).arg_true()])
    return forms.gather(rows.arg_sort())


def _tidy(texts: pl.Series) -> pl.Series:
    """True for null, and for printable ASCII with single spaces and none at an end."""
    single = ~texts.str.contains("  ", literal=True)
    return (single & _printable(texts)) | texts.is_null()


def _printable(texts: pl.Series) -> pl.Series:
    """True for printable ASCII without a space at an end."""
    _, offsets, data = texts.to_arrow().buffers()
    edges, codes = np.frombuffer(offsets, np.int64), np.frombuffer(data, np.uint8)
    filled = np.diff(edges) > 0
    starts, ends = edges[:-1][filled], edges[1:][filled]
    low, high = np.minimum.reduceat(codes, starts), np.maximum.reduceat(codes, starts)
    printable = ~filled
    printable[filled] = (low >= ord(" ")) & (high <= ord("~"))
    printable[filled] &= (codes[starts] != ord(" ")) & (codes[ends - 1] != ord(" "))
    return pl.Series(printable)


def words(texts: pl.Series) -> pl.Series:
    """List each text's words: runs of letters, digits, marks and underscores of its normal form.

    A letter of a script that writes no space between words is a word of its own.
    """
    return _computed(normalised(texts), TEXT.str.extract_all(WORD))


def prompt_texts(prompts: pl.DataFrame, messages: pl.Expr | None = None) -> pl.Series:
    """Join the contents of each prompt's messages, or of those selected, each on its own line."""
    content = (pl.element() if messages is None else messages).struct.field("content")
    joined = pl.col("messages").list.eval(content).list.join("\n")
    return prompts.select(text=joined).to_series()
