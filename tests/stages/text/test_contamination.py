"""What texts share with evaluation sets."""

import random

import polars as pl
import pytest

from rather.stages.text import contamination as module
from rather.stages.text.contamination import build_index, overlaps
from rather.stages.text.normalise import words

EIGHT = "one two three four five six seven eight"


def shared(
    text: str | None, *evaluations: str, length: int = 8, at_least: float = 0.5
) -> tuple[str, float, str] | None:
    """Look one text up among evaluation texts, which are named 0, 1 ..."""
    names = [str(number) for number in range(len(evaluations))]
    schema = {"name": pl.String, "text": pl.String}
    index = build_index(pl.DataFrame([names, list(evaluations)], schema), length)
    asked = pl.DataFrame({"id": ["x"], "text": [text]}, {"id": pl.String, "text": pl.String})
    found = overlaps(asked, index, at_least)
    return found.drop("id").row(0) if found.height else None


def test_a_run_of_words_is_found_wherever_it_stands() -> None:
    """Case, spacing and punctuation make no difference."""
    assert shared(f"So: {EIGHT.upper()}, nine!", EIGHT) == ("0", 1.0, EIGHT)


def test_a_shorter_run_is_nothing() -> None:
    """Seven words in a row, and a word of another kind, are no run of eight."""
    assert shared("one two three four five six seven ate", EIGHT, at_least=0) is None


def test_the_share_is_of_the_evaluation_text() -> None:
    """Eight of its sixteen words are half; of seventeen less, which only a share of 0 asks for."""
    half, less = f"{EIGHT} a b c d e f g h", f"{EIGHT} a b c d e f g h i"
    assert shared(f"{EIGHT} and more " * 3, half) == ("0", 0.5, EIGHT)
    assert shared(f"{EIGHT} and more", less) is None
    assert shared(f"{EIGHT} and more", less, at_least=0) == ("0", 8 / 17, EIGHT)


def test_overlapping_runs_count_each_word_once() -> None:
    """Ten words of twelve are two tenths short, though three runs of eight are shared."""
    found = shared(f"{EIGHT} nine ten", f"{EIGHT} nine ten eleven twelve")
    assert found == ("0", 10 / 12, f"{EIGHT} nine ten")


def test_runs_do_not_cross_texts() -> None:
    """The end of one text and the start of the next are no run, on either side."""
    assert shared(EIGHT, "zero one two three four", "five six seven eight nine") is None


def test_the_largest_share_is_named() -> None:
    """Of two evaluation texts that share the run, the shorter has more of itself in it."""
    assert shared(EIGHT, f"{EIGHT} nine ten", f"{EIGHT} nine") == ("1", 8 / 9, EIGHT)


def test_the_longest_stretch_is_shown() -> None:
    """A text repeats eight words, then ten: the ten are shown."""
    ten = f"{EIGHT} nine ten"
    assert shared(f"{EIGHT} and {ten}", ten) == ("0", 1.0, ten)


@pytest.mark.parametrize("length", [1, 2, 3, 5, 8, 13])
def test_runs_of_any_length(length: int) -> None:
    """A text of as many words is one run, and with a word changed none."""
    text = [f"w{number}" for number in range(length)]
    assert shared(" ".join(text), " ".join(text), length=length) == ("0", 1.0, " ".join(text))
    assert shared(" ".join([*text[:-1], "x"]), " ".join(text), length=length) is None


def test_a_short_evaluation_text_is_found_as_a_whole() -> None:
    """Six words are no run of eight: the same six alone are found, among others they are not."""
    question = "What is the capital of France?"
    assert shared("what is the capital of france", question) == (
        "0",
        1.0,
        "what is the capital of france",
    )
    assert shared(f"{question} Tell me.", question) is None


def test_a_very_short_evaluation_text_is_never_found() -> None:
    """Many answers are yes: that tells nothing of where they come from."""
    assert shared("Yes.", "yes") is None


@pytest.mark.parametrize("text", [None, "", "\x00", "?!"])
def test_a_text_without_words_shares_nothing(text: str | None) -> None:
    """Null, blank and signs alone are found nowhere."""
    assert shared(text, EIGHT, "?!") is None


def test_nothing_is_found_among_nothing() -> None:
    """No texts and no evaluation texts give an empty table of the same columns."""
    empty = pl.DataFrame(schema={"name": pl.String, "text": pl.String})
    texts = pl.DataFrame({"id": ["x"], "text": [EIGHT]})
    found = overlaps(texts, build_index(empty))
    assert (found.height, found.columns) == (0, ["id", "evaluation", "share", "span"])
    assert overlaps(texts.clear(), build_index(empty)).height == 0


def test_a_million_characters_of_one_word() -> None:
    """A word that repeats on both sides is one run, however often."""
    found = shared("the " * 250_000, *["the " * 100] * 50)
    assert found is not None
    assert found[:2] == ("0", 1.0)


def one_by_one(
    texts: list[str], evaluations: list[str], length: int, at_least: float
) -> list[tuple[str, str, float]]:
    """Compare every text with every evaluation text, run by run."""
    every = [words(pl.Series(given)).to_list() for given in (texts, evaluations)]
    rows = []
    for name, text in enumerate(every[0]):
        runs = {tuple(text[at : at + length]) for at in range(len(text) - length + 1)}
        shares = []
        for document in every[1]:
            starts = range(len(document) - length + 1)
            met = [at for at in starts if tuple(document[at : at + length]) in runs]
            shares.append(len({at + k for at in met for k in range(length)}) / len(document))
        if max(shares) > 0 and max(shares) >= at_least:
            rows.append((str(name), str(shares.index(max(shares))), max(shares)))
    return rows


@pytest.mark.parametrize("length", [2, 3, 5])
@pytest.mark.parametrize("at_least", [0.0, 0.5])
def test_the_index_finds_what_comparing_all_finds(
    monkeypatch: pytest.MonkeyPatch, length: int, at_least: float
) -> None:
    """Random texts of few words share what a slow search says, in small parts too."""
    monkeypatch.setattr(module, "TEXTS_AT_ONCE", 7)
    monkeypatch.setattr(module, "ROWS_AT_ONCE", 50)
    chance = random.Random(length)
    texts = [" ".join(chance.choices("abc", k=chance.randrange(30))) for _ in range(80)]
    evaluations = [" ".join(chance.choices("abcd", k=chance.randrange(5, 12))) for _ in range(25)]
    names = {"name": [str(number) for number in range(25)], "text": evaluations}
    asked = pl.DataFrame({"id": [str(number) for number in range(80)], "text": texts})
    found = overlaps(asked, build_index(pl.DataFrame(names), length), at_least)
    expected = one_by_one(texts, evaluations, length, at_least)
    assert found.select("id", "evaluation", "share").rows() == expected
    assert len(expected) > 10
