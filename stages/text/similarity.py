"""Similarity of two texts: the larger of edit similarity and the Jaccard index of 5-grams.

Both are computed on normal forms and are from 0 to 1. A swapped paragraph keeps the 5-grams; a
changed letter in a short answer is a small edit distance. Either makes two texts near-equal.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from rather.stages.text.normalise import normalised

GRAM = 5
# Edit distance takes time by the product of lengths: above this, 5-grams alone are compared.
LONGEST = 20_000
PAIRS_AT_ONCE = 20_000
ROUNDING = 1e-4  # tolerance of the filters; pairs that pass are compared exactly


def similarity(pairs: pl.DataFrame, cutoff: float = 0.0) -> pl.Series:
    """Compare first_text and second_text, row by row; null below the cutoff or without a text.

    A text of more than 20,000 characters is compared by its 5-grams alone.
    """
    parts = [_similarities(part, cutoff) for part in pairs.iter_slices(PAIRS_AT_ONCE)]
    return pl.concat([pl.Series("similarity", [], pl.Float64), *parts])


def _similarities(pairs: pl.DataFrame, cutoff: float) -> pl.Series:
    forms = pl.DataFrame(
        {"first": normalised(pairs["first_text"]), "second": normalised(pairs["second_text"])}
    )
    whole = forms.with_row_index("row").drop_nulls()
    edits = edit(whole["first"], whole["second"], cutoff)
    rows = zip(whole["first"], whole["second"], edits, strict=True)
    grams = [jaccard(first, second, max(cutoff, least)) for first, second, least in rows]
    alike = pl.max_horizontal("edits", "grams")
    alike_rows = whole.select("row", edits=edits, grams=pl.Series(grams, dtype=pl.Float64)).select(
        "row", similarity=pl.when(alike >= cutoff).then(alike)
    )
    return forms.with_row_index("row").join(alike_rows, "row", "left")["similarity"]


def edit(first: pl.Series, second: pl.Series, cutoff: float = 0.0) -> pl.Series:
    """Compute 1 - Levenshtein distance / characters of the longer text; 0 below the cutoff.

    Two empty texts are equal: 1. A text that is too long for edit distance gives 0.
    """
    from rapidfuzz.distance import Levenshtein
    from rapidfuzz.process import cpdist

    short = (first.str.len_chars() <= LONGEST) & (second.str.len_chars() <= LONGEST)
    rows = short.arg_true()
    similarities = cpdist(
        first.gather(rows).to_list(),
        second.gather(rows).to_list(),
        scorer=Levenshtein.normalized_similarity,
        score_cutoff=max(0.0, cutoff - ROUNDING),
        dtype=np.float64,
        workers=-1,
    )
    return pl.zeros(len(first), pl.Float64, eager=True).scatter(
        rows, np.where(similarities >= cutoff, similarities, 0)
    )


def jaccard(first: str, second: str, cutoff: float = 0.0) -> float:
    """Compute the Jaccard index of two texts' distinct 5-grams; 0 below the cutoff.

    A text of fewer characters is one gram.
    """
    if _parted(first, second, cutoff):
        return 0.0
    ours, theirs = set(_grams(first)), set(_grams(second))
    shared = len(ours & theirs)
    index = shared / (len(ours) + len(theirs) - shared)
    return index if index >= cutoff else 0.0


def _grams(text: str, step: int = 1) -> Iterator[str]:
    return (text[at : at + GRAM] for at in range(0, _num_grams(text), step))


def _num_grams(text: str) -> int:
    """Count a text's grams, repeated ones too."""
    return max(1, len(text) - GRAM + 1)


def _parted(first: str, second: str, cutoff: float) -> bool:
    """Check whether a sample of the first text's grams rules the cutoff out.

    For J = shared / (shared + own), own is (1 - J) / (1 + J) of the two texts' grams. A first text
    with more own grams than that at the cutoff is below it.
    """
    both = _num_grams(first) + _num_grams(second)
    most = (1 - cutoff) / (1 + cutoff) * both + ROUNDING
    if most >= _num_grams(first) or len(second) > LONGEST:
        return False
    own = set()
    for gram in _grams(first, max(1, _num_grams(first) // int(2 * most + 16))):
        if gram not in second:
            own.add(gram)
            if len(own) > most:
                return True
    return False
