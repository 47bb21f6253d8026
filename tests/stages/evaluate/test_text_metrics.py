"""Repetition, and how texts end."""

from typing import Any

import polars as pl
import pytest

from rather.schemas.texts import Responses
from rather.stages.evaluate.evaluate import of_texts, repeats_at_end


def figures(*texts: str | None, finish: str | None = "stop") -> dict[str, Any]:
    """Take the figures of texts."""
    rows = [{"prompt_id": "p", "text": text, "finish_reason": finish} for text in texts]
    return of_texts(pl.DataFrame(rows, schema=Responses.create_empty().schema))


def test_runs_of_four_words_are_counted_within_a_text() -> None:
    """a b c d a b c d has 5 runs, of which abcd comes twice: 1 in 5. Another text's are its own."""
    assert figures("a b c d a b c d")["repeated_4grams"] == pytest.approx(0.2)
    assert figures("a b c d", "a b c d")["repeated_4grams"] == 0.0
    assert figures("a b c")["repeated_4grams"] is None


def test_texts_that_are_alike_compress_better() -> None:
    """A hundred times the same sentence, and a hundred numbers."""
    alike = figures(*["the cat sat on the mat"] * 100)["compression_ratio"]
    various = figures(*(str(17**number)[:20] for number in range(100)))["compression_ratio"]
    assert alike > 10 > various > 1
    assert figures(None)["compression_ratio"] is None


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("so it is. so it is. so it is.", True),
        ("one\n\nfine and good\nfine and good\n\nfine and good", True),
        ("fine and and and and", True),
        ("no!!!!!!!!!!!!", True),
        ("wait...", False),
        ("so it is. so it is.", False),
        ("a plain answer", False),
        ("", False),
    ],
)
def test_an_end_said_again_and_again_is_seen(text: str, expected: bool) -> None:
    """Three times over, and 12 characters at the least: an ellipsis is none."""
    assert repeats_at_end(text) is expected


def test_ends_are_shares_of_texts() -> None:
    """One of two ends in blank lines; a failed sample is none of them."""
    found = figures("done", "done\n\n\n", None)
    assert (found["ends_padded"], found["ends_repeating"], found["ends_unfinished"]) == (0.5, 0, 0)
    assert figures("cut", finish="length")["ends_unfinished"] == 1.0
    assert figures("who knows", finish=None)["ends_unfinished"] is None
