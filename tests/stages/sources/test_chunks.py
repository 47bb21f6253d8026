"""One row for one prompt, one answer, one judgement."""

from typing import Any

import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.texts import Responses
from rather.stages.sources.chunks import COMPARISONS, PROMPTS, RATINGS, RESPONSES, Settled, settle


def settled(
    prompts: Any = (), responses: Any = (), ratings: Any = (), comparisons: Any = ()
) -> Settled:
    """Settle rows, each numbered by its line."""
    schemas = {
        "prompts": (PROMPTS, prompts),
        "responses": (RESPONSES, responses),
        "ratings": (RATINGS, ratings),
        "comparisons": (COMPARISONS, comparisons),
    }
    frames = {
        name: pl.DataFrame(
            [{"source": "here", "source_line": line} | row for line, row in enumerate(rows, 1)],
            schema=schema,
        )
        for name, (schema, rows) in schemas.items()
    }
    return settle(**frames)


def answer(text: str, generator: str = "g", prompt: str = "e") -> dict[str, str]:
    """Make a response, which its text names."""
    ids = {"prompt_id": prompt * 16, "response_id": text * 16}
    return ids | {"generator": generator, "text": text}


def rating(score: float | None, rater: str = "r", aspect: str = "overall") -> dict[str, Any]:
    """Make a rating of one response."""
    reason = "no_score" if score is None else None
    made = {"response_id": "a" * 16, "prompt_id": "b" * 16, "rater": rater, "aspect": aspect}
    return made | {"score": score, "reason": reason}


def vote(first: str, second: str, preference: float, rater: str = "r") -> dict[str, Any]:
    """Make a comparison."""
    made = {"first_id": first * 16, "second_id": second * 16, "prompt_id": "b" * 16}
    return made | {"rater": rater, "aspect": "overall", "preference": preference}


def test_the_first_row_of_a_prompt_stands_for_it() -> None:
    """Its spelling and line; what it does not know, a later row may."""
    rows = [
        {"prompt_id": "p", "category": None, "answer": "7"},
        {"prompt_id": "q", "category": "x"},
        {"prompt_id": "p", "category": "y", "answer": "8"},
        {"prompt_id": "p", "category": "z"},
    ]
    found = settled(prompts=rows).prompts.select("prompt_id", "category", "answer", "source_line")
    assert found.rows() == [("p", "y", "7", 1), ("q", "x", None, 2)]


def test_samples_of_one_generator_are_numbered() -> None:
    """In the source's order, each text once; another generator or prompt counts anew."""
    rows = [answer("a"), answer("b"), answer("a"), answer("c"), answer("b", "h")]
    rows.append(answer("a", prompt="d"))
    found = settled(responses=rows).responses
    assert found.select("generator", "sample_index", "text", "source_line").rows() == [
        ("g", 0, "a", 1),
        ("g", 1, "b", 2),
        ("g", 2, "c", 4),
        ("h", 0, "b", 5),
        ("g", 0, "a", 6),
    ]
    Responses.validate(found)


def test_the_same_text_of_two_generators_is_one_response() -> None:
    """Two rows, each with its generator, share one response_id."""
    found = settled(responses=[answer("a", "g"), answer("a", "h")]).responses
    assert found.select("generator", "sample_index").rows() == [("g", 0), ("h", 0)]
    assert found["response_id"].n_unique() == 1


def test_a_repeated_rating_keeps_the_last_and_says_so() -> None:
    """The earlier ones are set aside, each with its line and its score or its reason."""
    found = settled(ratings=[rating(3), rating(None), rating(5), rating(1, "s")])
    assert found.ratings.select("rater", "score", "source_line").rows() == [
        ("r", 5.0, 3),
        ("s", 1.0, 4),
    ]
    assert found.set_aside.select("unit", "reason", "source", "source_line", "detail").rows() == [
        ("ratings", "repeated_rating", "here", 1, "r: 3.0"),
        ("ratings", "repeated_rating", "here", 2, "r: no_score"),
    ]
    Ratings.validate(found.ratings)


def test_another_aspect_is_another_rating() -> None:
    """Of the same response by the same rater."""
    found = settled(ratings=[rating(3, aspect="honest"), rating(4, aspect="helpful")])
    assert (found.ratings.height, found.set_aside.height) == (2, 0)


def test_ten_thousand_ratings_of_one_response_are_one_by_one_rater() -> None:
    """All but the last are set aside; those of ten thousand raters all count."""
    again = settled(ratings=[rating(number) for number in range(10_000)])
    assert (again.ratings["score"].to_list(), again.set_aside.height) == ([9999.0], 9999)
    many = settled(ratings=[rating(3, f"r{number}") for number in range(10_000)])
    assert (many.ratings.height, many.set_aside.height) == (10_000, 0)


def test_a_repeated_comparison_keeps_the_last_and_says_so() -> None:
    """The opposite order is another comparison: the rater saw the other answer first."""
    votes = [vote("a", "b", 1), vote("b", "a", 1), vote("a", "b", -1), vote("a", "b", 1, "s")]
    found = settled(comparisons=votes)
    assert found.comparisons.select("first_id", "rater", "preference").rows() == [
        ("b" * 16, "r", 1.0),
        ("a" * 16, "r", -1.0),
        ("a" * 16, "s", 1.0),
    ]
    assert found.set_aside.select("unit", "reason", "source_line", "detail").rows() == [
        ("comparisons", "repeated_comparison", 1, "r: 1.0")
    ]
    Comparisons.validate(found.comparisons)


def test_another_aspect_is_another_comparison() -> None:
    """Of the same two responses by the same rater."""
    votes = [vote("a", "b", 1), vote("a", "b", -1) | {"aspect": "safe"}]
    found = settled(comparisons=votes)
    assert (found.comparisons.height, found.set_aside.height) == (2, 0)


def test_nothing_settles_to_nothing() -> None:
    """Empty tables of the same columns."""
    found = settled()
    assert found.responses.columns == Responses.column_names()
    assert found.ratings.height == found.set_aside.height == 0
