import json
from typing import Any

import polars as pl
import pytest

from rather.stages.audit.page_rows import differences, embedded, safe_json, shortened, side_by_side
from tests.stages.audit.page_sample import frame, pair

BUDGET = 1_000_000


def test_differences() -> None:
    """Two texts are divided into parts that differ and parts that are equal, by turns."""
    assert differences("The cat sat on the red mat.", "The cat sat on a blue mat.") == (
        ["", "The cat sat on ", "the red", " mat.", ""],
        ["", "The cat sat on ", "a blue", " mat.", ""],
    )


def test_parts_make_the_texts() -> None:
    """The parts, put together, are the texts, whatever these hold."""
    first, second = "One: a\u202eb, two!\n\n Three three.", "One: ab, two?\n three  three."
    parts = differences(first, second)
    assert parts is not None
    assert ["".join(each) for each in parts] == [first, second]


def test_equal_words_between_differences_are_no_islands() -> None:
    """A word that two differing stretches happen to share is no equal part."""
    parts = differences("start here now: red the car ok", "start here now: blue the sky no")
    assert parts is not None
    assert parts[0] == ["", "start here now: ", "red the car ok"]


@pytest.mark.parametrize(("first", "second"), [("4", "5"), ("red green blue", "one two three")])
def test_unlike_texts_are_not_marked(first: str, second: str) -> None:
    """Texts with hardly a word in common are not divided: marks would cover them."""
    assert differences(first, second) is None


def test_equal_texts_have_one_part() -> None:
    """Equal texts differ nowhere, and so do two empty ones."""
    assert differences("one two", "one two") == (["", "one two", ""], ["", "one two", ""])
    assert differences("", "") == ([""], [""])


def test_cut_says_what_it_leaves_out() -> None:
    """A text that was cut says how many characters are not shown; a short one is whole."""
    assert shortened("abcdef", 4) == {"before": None, "text": "abcd", "after": 2}
    assert shortened("abcd", 4) == {"before": None, "text": "abcd", "after": None}


def test_long_texts_are_shown_where_they_part() -> None:
    """Two long texts that begin alike are shown from shortly before the first difference."""
    same = "word " * 100  # 500 characters
    found = side_by_side(same + "yes, " + same, same + "no, " + same, 100)
    assert found["chosen"]["before"] == 500 - 100 // 4
    assert "".join(found["chosen"]["parts"]).startswith("word word word word word yes, word")
    assert found["chosen"]["after"] == 1005 - 475 - 100


def test_short_texts_are_whole() -> None:
    """Texts within the cut are shown from their beginning, however alike they begin."""
    found = side_by_side("a b c d e", "a b c d f", 10)
    assert found["chosen"] == {
        "before": None,
        "text": None,
        "after": None,
        "parts": ["", "a b c d ", "e"],
    }


def test_json_stays_in_its_script() -> None:
    """No text can close the script element, or turn the direction of its source."""
    text = "</script><!--&\u2028\u202e\U000e0041\x7f"
    written = safe_json([text])
    assert not set(written) & set("<>&\u2028\u202e\U000e0041\x7f")
    assert json.loads(written) == [text]


def test_what_is_not_known_is_left_out() -> None:
    """Nulls are left out of the embedded rows, and numbers keep four decimals."""
    text, cut, num_rows = embedded(
        frame(pair(1, "yes", "no", margin=None, p_correct=1 / 3)), BUDGET
    )
    (row,) = json.loads(text)
    assert ("margin" in row, row["p_correct"], num_rows) == (False, 0.3333, 1)
    assert cut == 6000


def long_rows(num_reasons: int, num_rows: int, length: int) -> pl.DataFrame:
    """Give so many pairs of each reason, with texts of so many characters."""
    words = ["reason", "because", "perhaps", "日本語"]
    texts = [(word + " ") * (length // (len(word) + 1)) for word in words]
    pairs: list[dict[str, Any]] = [
        pair(
            reason * num_rows + row,
            texts[row % 4] + str(row),
            texts[(row + 1) % 4],
            prompt=texts[row % 3],
            reason=f"reason_{reason}",
        )
        for reason in range(num_reasons)
        for row in range(num_rows)
    ]
    return frame(*pairs)


def test_cut_makes_rows_fit() -> None:
    """The longer the texts, the shorter they are cut, and all rows stay."""
    rows = long_rows(num_reasons=4, num_rows=20, length=4000)
    text, cut, num_rows = embedded(rows, 200_000)
    assert (len(text.encode()) <= 200_000, num_rows) == (True, 80)
    assert cut < 4000


def test_each_reason_keeps_its_worst() -> None:
    """Where no cut is short enough, each reason keeps its first rows."""
    rows = long_rows(num_reasons=4, num_rows=20, length=4000)
    text, _, num_rows = embedded(rows, 40_000)
    kept = [row["pair_id"] for row in json.loads(text)]
    assert num_rows == len(kept) == 20
    assert kept == [f"{reason * 20 + row:016x}" for reason in range(4) for row in range(5)]


def test_many_judgements_are_counted() -> None:
    """Of a pair judged by many, the first judgements are shown and the others counted."""
    judgements = [{"rater": f"r{number}", "preference": 1.0} for number in range(100)]
    text, _, _ = embedded(frame(pair(1, "yes", "no", judgements=judgements)), BUDGET)
    (row,) = json.loads(text)
    assert (len(row["judgements"]), row["more_judgements"]) == (24, 76)


def test_no_rows() -> None:
    """No pairs make an empty list."""
    assert embedded(frame(), BUDGET)[0] == "[]"
