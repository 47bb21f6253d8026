"""How a file that nobody has described is guessed to be read."""

from typing import Any

import polars as pl
import pytest

from rather.stages.sources.column_stats import profiles
from rather.stages.sources.guessing import Guess, guess
from rather.stages.sources.row_batches import Batch


def guessed(*rows: dict[str, Any]) -> Guess | None:
    """Guess by these rows, as objects."""
    return guess(profiles(Batch(list(rows), pl.Series("line", range(1, len(rows) + 1)))))


def mapping(*rows: dict[str, Any]) -> dict[str, Any]:
    """Give the mapping that is guessed."""
    found = guessed(*rows)
    assert found is not None
    return found.mapping


def test_stars_of_named_raters() -> None:
    """Columns are told by a word of their names."""
    row = {"user_query": "what?", "bot_reply": "a long reply", "stars": 4, "worker_id": "w1"}
    assert mapping(row, row | {"bot_reply": "no", "stars": 1}) == {
        "shape": "ratings",
        "prompt": "user_query",
        "response": "bot_reply",
        "scores": ["stars"],
        "rater": "worker_id",
    }


def test_aspects_are_no_raters() -> None:
    """Helpfulness and honesty are what one rater judged."""
    row = {"instruction": "do", "output": "done", "helpfulness": 4, "honesty": 5, "model": "m"}
    found = mapping(row, row | {"helpfulness": 2})
    assert found["scores"] == ["helpfulness", "honesty"] and found["aspects"] is True
    assert found["generator"] == "model"


def test_votes_in_words_say_what_they_mean() -> None:
    """model_a, model_b and tie name the answers by the word in which their columns differ."""
    row = {"question": "q", "answer_A": "long one", "answer_B": "short", "winner": "model_a"}
    rows = [row, row | {"winner": "model_b"}, row | {"winner": "tie (bothbad)"}]
    found = guessed(*rows)
    assert found is not None and found.notes == []
    assert found.mapping == {
        "shape": "comparisons",
        "prompt": "question",
        "responses": ["answer_A", "answer_B"],
        "preference": ["winner"],
        "values": {"model_a": 1, "model_b": -1, "tie (bothbad)": 0},
    }
    assert found.fields["values"].sure == "likely"


def test_votes_in_numbers_are_a_guess_that_says_so() -> None:
    """0, 1 and 2 in three raters' columns: which of them is which answer, the file does not say."""
    row = {"ask": "q", "model a": "a long answer", "model b": "short", "ann": 1, "bob": 2, "cat": 1}
    found = guessed(row, row | {"ann": 0, "bob": 1, "cat": 2})
    assert found is not None
    assert found.mapping["preference"] == ["ann", "bob", "cat"]
    assert found.mapping["values"] == {"0": 0, "1": 1, "2": -1}
    assert found.fields["values"].sure == "a guess"
    assert any("which number means which answer" in note for note in found.notes)


def test_a_score_beside_each_answer() -> None:
    """Two answers and two numbers, and who answered."""
    row = {"prompt": "q", "reply_1": "one", "reply_2": "two", "score_1": 3, "score_2": 5}
    names = {"model_1": "x", "model_2": "y"}
    assert mapping(row | names, row | names | {"score_1": 4}) == {
        "shape": "ratings",
        "prompt": "prompt",
        "responses": ["reply_1", "reply_2"],
        "generators": ["model_1", "model_2"],
        "scores": ["score_1", "score_2"],
    }


def test_pairs_by_what_their_columns_are_called() -> None:
    """The preferred and the worse answer."""
    row = {"question": "q", "preferred_answer": "good", "worse_answer": "bad"}
    assert mapping(row) == {
        "shape": "pairs",
        "prompt": "question",
        "chosen": "preferred_answer",
        "rejected": "worse_answer",
    }


@pytest.mark.parametrize(
    ("column", "numbers", "shape"), [("ranks", [1, 2], "rankings"), ("marks", [4, 9], "ratings")]
)
def test_lists_of_answers(column: str, numbers: list[int], shape: str) -> None:
    """With ranks they are a ranking, with other numbers they are rated."""
    found = mapping({"prompt": "q", "candidates": ["one", "two"], column: numbers})
    assert (found["shape"], found["responses"]) == (shape, "candidates")


def test_thumbs_ask_a_person_which_end_is_good() -> None:
    """Whether 'flagged' is good or bad, nobody can tell from the file."""
    row = {"text_in": "q", "text_out": "answer", "flagged": True}
    found = guessed(row, row | {"flagged": False})
    assert found is not None
    assert found.mapping == {
        "shape": "labels",
        "prompt": "text_in",
        "response": "text_out",
        "label": "flagged",
    }
    assert any("'flagged'" in note and "inverted: true" in note for note in found.notes)


def test_what_looks_like_nothing_is_not_guessed() -> None:
    """Numbers alone hold no prompt."""
    assert guessed({"a": 1, "b": 2}, {"a": 2, "b": 3}) is None
