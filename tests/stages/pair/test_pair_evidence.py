"""What was found elsewhere, laid beside the pairs it concerns."""

from typing import Any

import polars as pl
import pytest

from rather.stages.pair.pair_evidence import NOTHING, Findings, laid_beside

TEXT = "The quick brown fox jumps over the lazy dog and runs away"


def beside(findings: Findings, **row: Any) -> dict[str, Any]:
    """Lay findings beside one pair, a over b."""
    plain = {
        "pair_id": "ab",
        "prompt_id": "p",
        "chosen_id": "a",
        "rejected_id": "b",
        "chosen_chars": 100,
        "rejected_chars": 100,
        "distinct": True,
        "script": "Latin",
        "same_script": True,
    }
    found = laid_beside(pl.DataFrame([plain | row]), findings)
    assert found.height == 1
    return found.row(0, named=True)


def texts(a: str, b: str) -> Findings:
    """Give the texts of both answers."""
    return Findings(texts=pl.DataFrame({"response_id": ["a", "b"], "text": [a, b]}))


def test_what_nobody_looked_for_is_null() -> None:
    """Null says that it is unknown, or that nothing was found."""
    found = beside(NOTHING)
    names = "similarity", "contamination", "duplicate_of"
    assert [found[name] for name in names] == [None, None, None]


def test_near_equal_texts_are_similar() -> None:
    """One of 57 letters differs: 1 - 1/57."""
    found = beside(texts(TEXT, TEXT[:-1] + "s"))
    assert found["similarity"] == pytest.approx(1 - 1 / len(TEXT))


def test_texts_that_read_the_same_are_of_similarity_one() -> None:
    """Their normal forms are equal."""
    assert beside(texts(TEXT, TEXT.upper()), distinct=False)["similarity"] == 1.0


def test_texts_of_different_length_are_not_compared() -> None:
    """89 of 100 characters: similarity cannot reach .9."""
    assert beside(texts(TEXT, TEXT), rejected_chars=89)["similarity"] is None
    assert beside(texts(TEXT, TEXT), rejected_chars=90)["similarity"] == 1.0


def test_texts_that_differ_have_no_similarity_to_show() -> None:
    """Below .9 no rule asks how far below."""
    assert beside(texts(TEXT, TEXT[::-1]))["similarity"] is None


def test_a_missing_text_has_no_similarity() -> None:
    """Nobody can compare it."""
    found = Findings(texts=pl.DataFrame({"response_id": ["a"], "text": [TEXT]}))
    assert beside(found)["similarity"] is None


def test_a_text_sampled_twice_is_one() -> None:
    """Responses hold a row for each sample, failed ones without an id or a text."""
    rows = {"response_id": ["a", "a", None, "b"], "text": [TEXT, TEXT, None, TEXT]}
    assert beside(Findings(texts=pl.DataFrame(rows)))["similarity"] == 1.0


@pytest.mark.parametrize(("prompt", "same"), [("Latin", True), ("Han", False), (None, True)])
def test_the_prompts_script_is_asked_too(prompt: str | None, same: bool) -> None:
    """Two Latin answers to a Han prompt are not in its script; a prompt of digits has none."""
    rows = {"prompt_id": ["p"], "script": [prompt]}
    scripts = pl.DataFrame(rows, schema={"prompt_id": pl.String, "script": pl.String})
    assert beside(Findings(scripts=scripts))["same_script"] is same


@pytest.mark.parametrize("part", ["p", "a", "b"])
def test_contamination_of_any_part_is_that_of_the_pair(part: str) -> None:
    """Prompt, chosen or rejected."""
    found = pl.DataFrame({"id": [part, "z"], "contamination": ["gsm8k: two plus two", "other"]})
    assert beside(Findings(contamination=found))["contamination"] == "gsm8k: two plus two"


def test_a_duplicate_prompt_names_the_earlier_one() -> None:
    """q came before p."""
    found = pl.DataFrame({"prompt_id": ["p"], "duplicate_of": ["q"]})
    assert beside(Findings(duplicates=found))["duplicate_of"] == "q"
