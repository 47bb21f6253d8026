import re
from pathlib import Path
from typing import Any

import pytest

from rather.stages.audit import formatting
from rather.stages.audit.formatting import Figures, below, count, decimal, number, share, visible


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("abc\u202ecba", "abc[U+202E]cba"),
        ("a\u2066b\u2069", "a[U+2066]b[U+2069]"),
        ("a\x00b\x1b[31m", "a[U+0000]b[U+001B][31m"),
        ("a\u200bb\ufeff", "a[U+200B]b[U+FEFF]"),
        ("hi\U000e0041", "hi[U+E0041]"),
    ],
)
def test_visible(text: str, seen: str) -> None:
    """A character that changes a text unseen is named in its place."""
    assert visible(text) == seen


def test_writing_systems_stay() -> None:
    """Line ends, tabs, accents, other scripts and the joiners of emoji are left as they are."""
    text = "naïve\n\tمرحبا 日本 👩\u200d🔬 می\u200cخواهم"
    assert visible(text) == text


def test_script_knows_the_same_characters() -> None:
    """What Python names in the static part of the page, the page's script names in the rows."""
    source = (Path(formatting.__file__).parent / "page.js").read_text(encoding="utf-8")
    found = re.search(r"const UNSEEN = /(\[.*?\])/gu;", source)
    assert found is not None
    theirs = re.compile(re.sub(r"\\u\{(\w+)\}", r"\\U000\1", found[1]))
    characters = [chr(code) for code in range(0xE0100) if not 0xD800 <= code < 0xE000]
    ours = [each for each in characters if formatting.UNSEEN.match(each)]
    assert [each for each in characters if theirs.match(each)] == ours


def test_numbers() -> None:
    """Figures are written for people: thousands apart, a true minus, no minus zero."""
    assert [count(1234567), share(0.61749), share(-0.0001)] == ["1,234,567", "61.7%", "0.0%"]
    assert [decimal(-0.0314), decimal(-0.0001)] == ["−0.031", "0.000"]
    assert [number(1234.5), number(0.0123), number(-2.5)] == ["1,234", "0.0123", "−2.50"]


def test_figure_carries_its_name_and_value() -> None:
    """A figure is marked with the pointer and the value that it was written from."""
    audit: dict[str, Any] = {"raters": [{"alpha": 0.7071}], "a/b~": {"c": None}}
    figures = Figures(audit)
    alpha = '<data data-figure="/raters/0/alpha" value="0.7071">0.707</data>'
    assert figures("/raters/0/alpha", "alpha") == alpha
    unknown = '<data data-figure="/a~1b~0/c" value="">–</data>'
    assert figures(below("", "a/b~", "c"), "share") == unknown
    assert figures("/no/such", "count") == '<data data-figure="/no/such" value="">–</data>'
