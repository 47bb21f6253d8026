"""Texts that are nearly equal."""

import random

import polars as pl
import pytest

from rather.stages.text import similarity as module
from rather.stages.text.similarity import edit, jaccard, similarity


def alike(first: str | None, second: str | None, cutoff: float = 0.0) -> float | None:
    """Compare two texts."""
    schema = {"first_text": pl.String, "second_text": pl.String}
    found = similarity(pl.DataFrame([(first, second)], schema, orient="row"), cutoff)
    value: float | None = found.item()
    return value


def test_edits_are_counted_against_the_longer_text() -> None:
    """kitten becomes sitting by three edits, of seven letters: 1 - 3/7."""
    assert edit(pl.Series(["kitten"]), pl.Series(["sitting"])).item() == pytest.approx(4 / 7)


def test_two_empty_texts_are_equal() -> None:
    """There is nothing that could differ."""
    assert edit(pl.Series([""]), pl.Series([""])).item() == 1
    assert jaccard("", "") == 1


@pytest.mark.parametrize("cutoff", [0.8, 0.8 + 1e-12])
def test_the_cutoff_is_exact(cutoff: float) -> None:
    """One edit in five letters is .8: at a cutoff of .8 it counts, and just above it does not."""
    found = edit(pl.Series(["aeedb"]), pl.Series(["aeadb"]), cutoff).item()
    assert found == (0.8 if cutoff == 0.8 else 0)


def test_grams_are_distinct() -> None:
    """abcdef has two 5-grams, abcdeg two, one of them the same: one of three."""
    assert jaccard("abcdef", "abcdeg") == pytest.approx(1 / 3)
    assert jaccard("aaaaaaaaaa", "aaaaa") == 1


def test_a_short_text_is_one_gram() -> None:
    """Texts of fewer than five letters are the same gram or another."""
    assert (jaccard("abc", "abc"), jaccard("abc", "abd"), jaccard("abc", "abcde")) == (1, 0, 0)


def test_below_the_cutoff_grams_are_nothing() -> None:
    """One of three is nothing to a cutoff of a half, and all of a third."""
    assert jaccard("abcdef", "abcdeg", 0.5) == 0
    assert jaccard("abcdef", "abcdeg", 1 / 3) == pytest.approx(1 / 3)


def test_a_text_that_the_other_extends_is_at_its_cutoff() -> None:
    """Nine of ten grams are shared: exactly .9, from either side."""
    ten, nine = "abcdefghijklmn", "abcdefghijklm"
    assert jaccard(ten, nine, 0.9) == jaccard(nine, ten, 0.9) == 0.9


def test_the_cutoff_changes_no_value_above_it() -> None:
    """Random texts, edited and with halves swapped, are as alike with a cutoff as without one."""
    chance = random.Random(0)
    rows = []
    for _ in range(600):
        first = "".join(chance.choices("abcde ", k=chance.randrange(90)))
        second = [chance.choice("abx") if chance.random() < 0.02 else c for c in first]
        half = len(second) // 2 if chance.random() < 0.3 else 0
        rows.append((first, "".join(second[half:] + second[:half])))
    pairs = pl.DataFrame(rows, ["first_text", "second_text"], orient="row")
    whole = similarity(pairs)
    for cutoff in (0.5, 0.8, 0.95, 1.0):
        expected = [value if value >= cutoff else None for value in whole]
        assert similarity(pairs, cutoff).to_list() == expected
        assert sum(value is not None for value in expected) > 100


def test_the_larger_of_the_two_counts() -> None:
    """Swapped halves leave 5-grams alike where edits are many; a changed letter the reverse."""
    halves = "the first half of it. ", "and then the other part. "
    swapped = alike("".join(halves) * 9, "".join(halves[::-1]) * 9)
    assert swapped is not None
    assert swapped > 0.9
    assert alike("answer: 41", "answer: 42") == pytest.approx(0.9)


def test_normal_forms_are_compared() -> None:
    """Case, spacing and invisible characters make no difference."""
    assert alike(" Yes,\u200b SIR", "yes, sir", 1.0) == 1


def test_a_missing_text_is_like_nothing() -> None:
    """Null where either text is."""
    assert alike(None, "a") is None
    assert alike("a", None) is None


def test_long_texts_are_compared_by_grams(monkeypatch: pytest.MonkeyPatch) -> None:
    """Above the limit edits do not count: with the last of ten letters changed, 5 of 7 grams."""
    monkeypatch.setattr(module, "LONGEST", 9)
    assert alike("abcdefghij", "abcdefghix") == pytest.approx(5 / 7)


def test_a_million_characters() -> None:
    """Two very long texts are compared: two more letters are two more grams of many."""
    long = "".join(map(str, range(180_000)))
    assert len(long) > 900_000
    assert alike(long, long + "!!", 0.95) == pytest.approx(1, abs=1e-4)


def test_no_pairs() -> None:
    """Nothing is like nothing."""
    empty = pl.DataFrame(schema={"first_text": pl.String, "second_text": pl.String})
    assert similarity(empty, 0.9).to_list() == []
