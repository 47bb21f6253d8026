"""What every rater starts from, and how its work is accounted for."""

import polars as pl

from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.texts import Responses
from rather.stages.raters.rating import Rated, accounts, to_rate

A, B, C = ("a" * 15 + digit for digit in "123")
P = "b" * 16


def table(schema: type[Ratings | Comparisons], *rows: dict[str, object]) -> pl.DataFrame:
    """Make a rater's table."""
    given = {"prompt_id": P, "rater": "r", "aspect": "overall"}
    return pl.DataFrame([given | row for row in rows], schema=schema.create_empty().schema)


def answers(*rows: tuple[str | None, str | None]) -> pl.DataFrame:
    """Make responses of ids and finish reasons."""
    full = [
        {"prompt_id": P, "generator": "g", "sample_index": at, "response_id": name}
        | {"text": name and f"text {name}", "finish_reason": ended}
        for at, (name, ended) in enumerate(rows)
    ]
    return pl.DataFrame(full, schema=Responses.create_empty().schema)


def test_a_response_is_finished_where_one_sample_of_it_is() -> None:
    """A text that was cut, and was also said whole, is whole; so is one that nobody knows of."""
    prompts = pl.DataFrame({"prompt_id": [P]})
    given = answers((A, "length"), (A, "stop"), (B, "length"), (C, None), (None, None))
    listed = to_rate(prompts, given)
    assert dict(listed.select("response_id", "finished").iter_rows()) == {
        A: True,
        B: False,
        C: True,
    }


def test_a_response_counts_once_whatever_its_aspects() -> None:
    """It is judged where any aspect of it is."""
    ratings = table(
        Ratings,
        {"response_id": A, "aspect": "help", "score": 1.0},
        {"response_id": A, "aspect": "truth", "reason": "cut_off"},
        {"response_id": B, "reason": "cut_off"},
    )
    found = accounts(answers((A, None), (A, None), (B, None)), Rated(ratings))
    assert found == {"responses": (2, {"cut_off": 1})}


def test_comparisons_are_accounted_for_beside_responses() -> None:
    """A tie is a judgement; a response that no couple has is not compared."""
    compared = table(
        Comparisons,
        {"first_id": A, "second_id": B, "preference": 0.0},
        {"first_id": A, "second_id": C, "reason": "not_json"},
    )
    rated = Rated(comparisons=compared, num_not_asked=4)
    found = accounts(answers((A, None), (B, None), (C, None), ("d" * 16, None)), rated)
    assert found == {
        "responses": (4, {"not_json": 1, "not_compared": 1}),
        "comparisons": (6, {"not_json": 1, "beyond_max_pairs": 4}),
    }
