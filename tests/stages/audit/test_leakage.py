"""What stands in a source twice, or in a test set too."""

from typing import Any

import polars as pl

from rather.schemas.evidence import Contamination
from rather.schemas.texts import Evaluations, SetAside
from rather.stages.audit.leakage import in_evaluations, leakage, repeats, spans, straddling

A, B, C, D = (f"{name:0>16}" for name in "abcd")
SAME = pl.DataFrame({"prompt_id": [A], "split": ["train"], "other": ["t.jsonl line 1"]})


def aside(*rows: tuple[str, str, int]) -> pl.DataFrame:
    """Rows that load set aside: unit, reason and line."""
    columns = ("unit", "reason", "source_line")
    told = [dict(zip(columns, row, strict=True)) | {"source": "f", "detail": ""} for row in rows]
    return pl.DataFrame(told, schema=SetAside.create_empty().schema)


def shared(*rows: dict[str, Any]) -> pl.DataFrame:
    """Texts that share words with a test set."""
    return pl.DataFrame(rows, schema=Contamination.create_empty().schema)


def prompt(name: str, text: str) -> dict[str, Any]:
    """One prompt."""
    said = [{"role": "user", "content": text}]
    return {"prompt_id": name, "messages": said, "split": "train"}


def test_a_row_repeats_once_however_many_judged_it() -> None:
    """Two raters on line 3; line 4 compares a text with itself and is no repeat."""
    found = aside(
        ("comparisons", "repeated_comparison", 3),
        ("comparisons", "repeated_comparison", 3),
        ("comparisons", "identical_answers", 4),
        ("ratings", "repeated_rating", 4),
        ("rows", "no_prompt", 5),
    )
    assert repeats(found, num_comparisons=9) == {"identical": 1, "repeated": 1}


def test_of_ratings_alone_a_repeated_rating_is_a_repeated_row() -> None:
    """Beside comparisons one answer may have the same score in several pairs."""
    found = aside(("ratings", "repeated_rating", 7))
    assert repeats(found, num_comparisons=0)["repeated"] == 1
    assert repeats(found, num_comparisons=9)["repeated"] == 0


def test_prompts_of_a_test_set_are_found_in_other_letters() -> None:
    """Capitals and spaces are nothing."""
    prompts = pl.DataFrame([prompt(A, "What  is THIS?"), prompt(B, "Something else")])
    tests = pl.DataFrame(
        [{"name": "t.jsonl", "source_line": 4, "text": "what is this?"}],
        schema=Evaluations.create_empty().schema,
    )
    found = in_evaluations(prompts, tests).to_dicts()
    assert found == [{"prompt_id": A, "split": "train", "other": "t.jsonl line 4"}]


def test_near_prompts_on_both_sides_of_the_split_are_found() -> None:
    """A and b are one cluster and stand apart; c is alone."""
    prompts = pl.DataFrame(
        {"prompt_id": [A, B, C], "cluster": [A, A, C], "split": ["train", "test", "test"]}
    )
    assert straddling(prompts)["prompt_id"].to_list() == [A, B]


def test_a_prompt_counts_as_the_same_or_as_near() -> None:
    """A stands in the test set word for word, b and c share most words, d is an answer."""
    rows = [
        {"id": name, "prompt_id": owner, "share": 0.8, "contamination": "t.jsonl: these words"}
        for name, owner in ((A, A), (B, B), (C, C), (D, B))
    ]
    told = leakage(SAME, SAME.clear(), shared(*rows), 2, ["t.jsonl"])
    assert (told["prompts_on_both_sides"], told["near"]) == (1, 2)
    assert (told["contaminated_prompts"], told["contaminated_answers"]) == (3, 1)
    assert told["examples"] == SAME.to_dicts()


def test_spans_name_file_and_words() -> None:
    """The largest share first; a file's name may hold a colon."""
    rows = [
        {"id": A, "prompt_id": A, "share": 0.5, "contamination": "a: b.jsonl: the words"},
        {"id": B, "prompt_id": A, "share": 0.9, "contamination": "a: b.jsonl: more words"},
    ]
    first, second = spans(shared(*rows), ["a: b.jsonl"])
    assert (first["id"], first["of"], first["span"]) == (B, "answer", "more words")
    assert (second["of"], second["file"]) == ("prompt", "a: b.jsonl")
