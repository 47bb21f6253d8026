"""What sampled texts look like: do they repeat themselves, and how do they end?"""

import zlib
from typing import Any

import polars as pl

WORDS = 4
LONGEST_UNIT = 80  # characters of what may be said again and again at the end
TIMES, LEAST = 3, 12  # times in a row, and characters in all


def of_texts(samples: pl.DataFrame) -> dict[str, Any]:
    """Take figures of sampled texts; null where no text tells.

    repeated_4grams:   share of runs of four words that stood in the same text before
    compression_ratio: bytes of all texts over those that zlib makes of them; more is more alike
        (Shaib et al. 2024, arXiv:2403.00553)
    ends_unfinished:   share of samples that were cut, not having stopped
    ends_padded:       share of texts that end in two or more characters of white space
    ends_repeating:    share of texts that end in the same words or signs three times over or more
    """
    said = samples.filter(pl.col("text").is_not_null())
    texts = said["text"].to_list()
    return {
        "repeated_4grams": _repeated(texts),
        "compression_ratio": _compression(texts),
        "ends_unfinished": _share(said["finish_reason"].eq("length").to_list()),
        "ends_padded": _share([len(text) - len(text.rstrip()) >= 2 for text in texts]),
        "ends_repeating": _share([repeats_at_end(text) for text in texts]),
    }


def repeats_at_end(text: str) -> bool:
    """Tell whether a text ends in a unit said three times over or more: 12 characters at least."""
    text = " " + " ".join(text.split())
    for size in range(1, min(LONGEST_UNIT, len(text) // TIMES) + 1):
        times = max(TIMES, -(-LEAST // size))
        if text.endswith(text[-size:] * times):
            return True
    return False


def _repeated(texts: list[str]) -> float | None:
    """Count runs of words over all texts, each text by itself."""
    runs, distinct = 0, 0
    for text in texts:
        words = text.split()
        found = [tuple(words[at : at + WORDS]) for at in range(len(words) - WORDS + 1)]
        runs += len(found)
        distinct += len(set(found))
    return 1 - distinct / runs if runs else None


def _compression(texts: list[str]) -> float | None:
    whole = "\n".join(texts).encode("utf-8", "surrogatepass")
    return len(whole) / len(zlib.compress(whole, 9)) if whole else None


def _share(held: list[bool | None]) -> float | None:
    known = [each for each in held if each is not None]
    return sum(known) / len(known) if known else None
