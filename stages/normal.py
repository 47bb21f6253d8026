"""The normal form of a text, what a reader sees of it, and its words.

NFKC, nothing invisible, one space where there is white space, casefolded.
"""

import re
import unicodedata

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
TIDY = r"^(?:[!-~]+(?: [!-~]+)*)?$"
EASY = rf"^[{CALM}\t\n\r]*$"
WHITE_SPACE = r"[ \t\n\r]{2,}|[\t\n\r]"

# Scripts that write no space between words: each of their letters is a word here.
UNSPACED = "".join(
    rf"\p{{{script}}}"
    for script in ("Han", "Hiragana", "Katakana", "Thai", "Lao", "Khmer", "Myanmar")
)
WORD = rf"[{UNSPACED}]|[\w--[{UNSPACED}]]+"


def normalise(text: str) -> str:
    """Reduce a text to its normal form, which is its own normal form."""
    seen = unicodedata.normalize("NFKC", INVISIBLE.sub("", text))
    # Casefolding may write letters that NFKC writes otherwise.
    folded = unicodedata.normalize("NFKC", seen.casefold())
    return " ".join(folded.split())


def normalised(texts: pl.Series) -> pl.Series:
    """Reduce texts to their normal forms, as `normalise` does; null where a text is."""
    text = pl.col("text")
    kinds = pl.LazyFrame({"text": texts}).with_row_index("row")
    tidy, easy = text.str.contains(TIDY), text.str.contains(EASY)
    found = kinds.with_columns(tidy=tidy).collect(engine="streaming")
    untidy = found.filter(~pl.col("tidy")).with_columns(easy=easy)
    spaced = text.str.replace_all(WHITE_SPACE, " ").str.strip_chars(" ")
    forms = (
        found.filter(pl.col("tidy").fill_null(True)).lazy().select("row", text.str.to_lowercase()),
        untidy.filter("easy").lazy().select("row", spaced.str.to_lowercase()),
        untidy.filter(~pl.col("easy")).lazy().select("row", _one_by_one(text)),
    )
    merged = pl.concat(pl.collect_all(forms, engine="streaming"))
    return merged.sort("row")["text"].rename(texts.name)


def _one_by_one(text: pl.Expr) -> pl.Expr:
    """Normalise the few texts with characters that need Unicode's tables."""
    return text.map_elements(normalise, pl.String)


def words(texts: pl.Series) -> pl.Series:
    """List each text's words: runs of letters, digits, marks and underscores of its normal form.

    A letter of a script that writes no space between words is a word of its own.
    """
    forms = pl.LazyFrame({"text": normalised(texts)})
    found = forms.select(pl.col("text").str.extract_all(WORD)).collect(engine="streaming")
    return found["text"].rename(texts.name)


def prompt_texts(prompts: pl.DataFrame, messages: pl.Expr | None = None) -> pl.Series:
    """Join the contents of each prompt's messages, or of those selected, each on its own line."""
    content = (pl.element() if messages is None else messages).struct.field("content")
    joined = pl.col("messages").list.eval(content).list.join("\n")
    return prompts.select(text=joined).to_series()
