"""Refusals, by their common openings."""

import polars as pl
import pytest

from rather.schemas.texts import Responses
from rather.stages.evaluate.refusals import refusal_rate


def rate(*texts: str | None) -> float | None:
    """Give the refusal rate of texts, each to its own prompt."""
    rows = [{"prompt_id": f"p{at}", "text": text} for at, text in enumerate(texts)]
    return refusal_rate(pl.DataFrame(rows, schema=Responses.create_empty().schema)).value


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("I'm sorry, but I can't help with that.", 1.0),
        ("I’m sorry, no.", 1.0),
        ("Sure. First, take two eggs.", 0.0),
        (
            "Take two eggs, beat them well, add sugar, flour, milk and a little salt, stir it all "
            "for a minute and let it rest for an hour. I cannot say more.",
            0.0,
        ),
    ],
)
def test_a_refusal_is_known_by_its_opening(text: str, refused: float) -> None:
    """Any apostrophe, any case; not what comes far behind."""
    assert rate(text) == refused


def test_the_rate_is_over_answers() -> None:
    """One of two; a failed sample is neither."""
    assert rate("I cannot do that", "here you are", None) == 0.5
    assert rate() is None
