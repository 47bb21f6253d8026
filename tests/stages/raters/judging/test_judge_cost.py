"""What a judge may cost, said and held to before anything is asked."""

import json

import pytest

from rather.schemas.base import Message, UserError
from rather.stages.raters.judging.judge_cost import AROUND, announce, bill
from rather.stages.raters.judging.judge_options import Options, Price
from rather.stages.raters.judging.wording import schema

QUESTION: list[Message] = [{"role": "user", "content": "é" * 50}]
PRICED = Options(max_tokens=100, price=Price(input=2.0, output=10.0))


def test_a_bill_counts_a_token_for_every_byte() -> None:
    """100 bytes of text, the schema, and what a template may add; the answer at its longest."""
    found = bill([QUESTION] * 10, PRICED)
    read = 10 * (100 + AROUND + len(json.dumps(schema(PRICED))))
    assert (found.num_requests, found.num_read, found.num_written) == (10, read, 1000)
    assert found.cost == pytest.approx((read * 2 + 1000 * 10) / 1e6)


def test_what_is_to_come_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Requests, tokens and cost, or that no price is known."""
    announce("gpt", "m at http://x", bill([QUESTION] * 1000, PRICED), PRICED)
    told = capsys.readouterr().err
    assert told.startswith("gpt: m at http://x: 1,000 requests, at most ")
    assert "100,000 out" in told
    assert "by `price`" in told
    announce("gpt", "m", bill([QUESTION], Options()), Options())
    assert "no `price` is given" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("cap", "sentence"),
    [
        ({"max_requests": 9}, r"gpt.max_requests: expected at most 9 requests, found 10 to ask"),
        ({"max_cost": 0.01}, r"gpt.max_cost: expected at most 0.01, found 10 requests"),
    ],
)
def test_a_cap_is_kept(cap: dict[str, float], sentence: str) -> None:
    """Above it nothing is asked; at it everything is."""
    capped = PRICED.model_copy(update=cap)
    with pytest.raises(UserError, match=sentence):
        announce("gpt", "m", bill([QUESTION] * 10, capped), capped)
    announce("gpt", "m", bill([], capped), capped)
