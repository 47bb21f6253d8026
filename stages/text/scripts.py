"""The writing system of a text: the script of most of its letters."""

import numpy as np
import polars as pl
from numpy.typing import NDArray

KANA = r"[\p{Hiragana}\p{Katakana}]"
# Unicode scripts by name; letters of all others count as Other, letters common to several as none.
SCRIPTS = {
    name: rf"\p{{{name}}}"
    for name in (
        *("Latin", "Cyrillic", "Greek", "Armenian", "Georgian", "Hebrew", "Arabic", "Han"),
        *("Hangul", "Thai", "Lao", "Khmer", "Myanmar", "Tibetan", "Mongolian", "Ethiopic"),
        *("Devanagari", "Bengali", "Gurmukhi", "Gujarati", "Oriya", "Tamil", "Telugu"),
        *("Kannada", "Malayalam", "Sinhala"),
    )
}
NAMES = (*sorted([*SCRIPTS, "Japanese"]), "Other", "")
JAPANESE, HAN, NONE = NAMES.index("Japanese"), NAMES.index("Han"), NAMES.index("")
# Japanese mixes kana with Han letters; this share of kana tells it from Chinese quoting a word.
KANA_SHARE = 0.1
CHARS_AT_ONCE = 4_000_000


def scripts(texts: pl.Series) -> pl.Series:
    """Return the script of most letters of each text; null without letters, or for a null text.

    Ties go to the first script by name. Kana and the Han letters beside it are Japanese.
    """
    rows = texts.to_frame("text").with_row_index("row")
    wide = rows.filter(texts.str.len_bytes() > texts.str.len_chars())  # the others are ASCII
    others = pl.col("text").str.contains(r"[\p{L}--\p{Latin}]")
    mixed = wide.lazy().filter(others).collect(engine="streaming").sort("row")
    names = [name for part in _parts(mixed) for name in _dominant(part["text"])]
    named = _latin(rows).scatter(mixed["row"], names)
    return named.rename(texts.name)


def _latin(rows: pl.DataFrame) -> pl.Series:
    """Return Latin for texts with a Latin letter, else null."""
    text = rows["text"]
    # Most texts begin with such a letter, and comparing is far cheaper than searching.
    begun = ((text >= "A") & (text < "[")) | ((text >= "a") & (text < "{"))
    unsure = rows.filter(~begun).lazy()
    searched = unsure.filter(pl.col("text").str.contains(r"\p{Latin}")).collect(engine="streaming")
    latin = begun.scatter(searched["row"], True).to_frame("latin")
    return latin.select(pl.when("latin").then(pl.lit("Latin"))).to_series()


def _parts(rows: pl.DataFrame) -> list[pl.DataFrame]:
    """Split rows into parts of few characters, or of a single long text."""
    ends = pl.col("text").str.len_chars().cast(pl.Int64).cum_sum()
    return rows.with_columns(part=ends // CHARS_AT_ONCE).partition_by("part", maintain_order=True)


def _dominant(texts: pl.Series) -> list[str | None]:
    """Compute the script of most letters of each text from counts of its characters."""
    points = np.frombuffer("".join(texts).encode("utf-32-le"), np.uint32)
    row = np.repeat(np.arange(len(texts)), texts.str.len_chars().to_numpy())
    cells = row * len(NAMES) + _codes(points)[points]
    counts = np.bincount(cells, minlength=len(texts) * len(NAMES)).reshape(-1, len(NAMES))
    _lend_han(counts)
    counts[:, NONE] = 0
    most = counts.argmax(axis=1)
    return [
        NAMES[at] if count else None for at, count in zip(most, counts.max(axis=1), strict=True)
    ]


def _codes(points: NDArray[np.uint32]) -> NDArray[np.uint8]:
    """Build a table from code points in use to the index of their script in NAMES."""
    table = np.zeros(0x110000, np.uint8)
    table[points] = 1
    used = np.flatnonzero(table)
    character = pl.Series("character", [chr(point) for point in used]).to_frame()
    it = pl.col("character")
    script = pl.coalesce(
        pl.when(~it.str.contains(r"\p{L}")).then(NONE),
        pl.when(it.str.contains(KANA)).then(JAPANESE),
        *(
            pl.when(it.str.contains(pattern)).then(NAMES.index(name))
            for name, pattern in SCRIPTS.items()
        ),
        pl.when(it.str.contains(r"\p{Common}")).then(NONE),
        pl.lit(NAMES.index("Other")),
    )
    table[used] = character.select(script.cast(pl.UInt8)).to_series().to_numpy()
    return table


def _lend_han(counts: NDArray[np.int64]) -> None:
    """Count the Han letters of a text with kana as Japanese, in place."""
    kana, han = counts[:, JAPANESE], counts[:, HAN]
    mixed = (kana > 0) & (kana >= KANA_SHARE * (kana + han))
    kana[mixed] += han[mixed]
    han[mixed] = 0
