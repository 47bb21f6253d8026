"""What is expected of each table, read off its schema."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.schemas.evidence import Features, Pairs
from rather.schemas.judgements import Ratings
from rather.stages.validate import table_suites
from rather.stages.validate.expectations import judge, verdict
from rather.stages.validate.table_suites import suite

A, B = "a" * 16, "b" * 16


def rating(**changes: Any) -> dict[str, Any]:
    """A sound rating."""
    ids = {"response_id": A, "prompt_id": B, "rater": "ann", "aspect": "overall"}
    return ids | {"score": 4.0, "reason": None, "source": "r.csv", "source_line": 1} | changes


def failing(folder: Path, *rows: dict[str, Any]) -> set[str]:
    """Judge ratings, and name the expectations that do not hold."""
    frame = pl.DataFrame(rows, schema=Ratings.create_empty().schema)
    asked = suite("load/ratings", Ratings, frame.lazy())
    results = judge([asked], folder)["load.ratings"]
    found = [verdict(each, results[each.sentence]) for each in asked.expected]
    return {each["name"] for each in found if not each["success"]}


def test_sound_rows_fail_nothing(tmp_path: Path) -> None:
    """Every expectation of the schema holds of a sound table."""
    assert failing(tmp_path, rating(), rating(rater="bob", score=None, reason="no_score")) == set()


@pytest.mark.parametrize(
    ("row", "broken"),
    [
        ({"response_id": "A" * 16}, "response_id has the form of an id"),
        ({"source_line": 0}, "source_line is at least 1"),
        ({"rater": None}, "rater is given"),
        ({"reason": "no_score"}, "score or reason"),
        ({}, "response_id, rater, aspect together are unique"),
    ],
)
def test_a_broken_row_fails_what_it_breaks(
    row: dict[str, Any], broken: str, tmp_path: Path
) -> None:
    """Form, range, presence, the schema's own rule and its key, each by its own sentence."""
    assert failing(tmp_path, rating(), rating(**row)) >= {broken}


def test_nothing_nested_is_judged_and_texts_are_flags() -> None:
    """Great Expectations sees ids, names, numbers and flags: what is long or nested stays."""
    view = suite("load/ratings", Ratings, pl.DataFrame([rating()]).lazy()).view
    assert view.schema["reason"] == view.schema["source"] == pl.Boolean
    assert view.schema["score_or_reason"] == pl.Boolean
    nested = (pl.List, pl.Struct)
    assert not any(isinstance(dtype, nested) for dtype in view.schema.values())


def test_words_and_ranges_come_from_the_schema() -> None:
    """A regex of words is a set of them; limits are said as such."""
    asked = {
        each.sentence for each in suite("pair/pairs", Pairs, Pairs.create_empty().lazy()).expected
    }
    assert {"split is train or test", "p_correct is from 0 to 1", "pair_id is unique"} <= asked
    assert "two responses" in asked and "margin is given" not in asked


def test_a_large_table_is_judged_by_its_first_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tables go by prompt_id, a hash: the first rows are a fair sample."""
    monkeypatch.setattr(table_suites, "ROWS", 2)
    rows = Features.sample(5).lazy()
    assert suite("measure/features", Features, rows).view.height == 2
