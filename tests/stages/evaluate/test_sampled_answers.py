"""Answers listed for two models to read, and put side by side again."""

from pathlib import Path

import polars as pl

from rather.schemas.base import MESSAGES_DTYPE
from rather.schemas.texts import Prompts, Responses
from rather.schemas.training_sets import Dpo
from rather.stages.evaluate.sampled_answers import listed, score


def said(role: str, text: str) -> list[dict[str, str]]:
    """Make one message."""
    return [{"role": role, "content": text}]


PROMPTS = pl.DataFrame(
    [{"prompt_id": "p", "messages": said("user", "say 1")}], schema=Prompts.create_empty().schema
)
PAIRS = pl.DataFrame(
    [
        {
            "prompt_id": "p",
            "prompt": said("user", "say 1"),
            "chosen": said("assistant", "yes"),
            "rejected": said("assistant", text),
        }
        for text in ("no", " ")
    ],
    schema=Dpo.create_empty().schema,
)
SAMPLES = pl.DataFrame(
    [
        {"prompt_id": "p", "text": "one", "finish_reason": "stop"},
        {"prompt_id": "p", "text": "one one", "finish_reason": "length"},
        {"prompt_id": "p", "text": None, "reason": "unfinished"},
    ],
    schema=Responses.create_empty().schema,
)


def test_every_answer_that_there_is_is_listed() -> None:
    """Both answers of two pairs and two samples, of which the cut one has no end."""
    found = listed(PROMPTS, PAIRS, SAMPLES)
    assert found["of"].to_list() == ["chosen"] * 2 + ["rejected"] * 2 + ["sample"] * 2
    assert found["finished"].to_list() == [True] * 5 + [False]
    assert found["said"].dtype == MESSAGES_DTYPE


def test_what_cannot_be_read_is_left_out(tiny_model: Path) -> None:
    """The pair with a blank answer goes, both its sides; the byte tokens are counted with the end.

    yes and the end token are 4, one and the end 4, and one one without an end 7.
    """
    found = score(listed(PROMPTS, PAIRS, SAMPLES), tiny_model, tiny_model, 64, 4)
    assert found.pairs.select("chosen_num_tokens", "rejected_num_tokens").rows() == [(4, 3)]
    assert found.samples["num_tokens"].to_list() == [4, 7]
    assert (found.pairs["chosen_policy"] == found.pairs["chosen_reference"]).all()


def test_nothing_needs_no_model(tmp_path: Path) -> None:
    """No pairs, no samples."""
    found = score(listed(PROMPTS, PAIRS.clear(), SAMPLES.clear()), tmp_path, tmp_path, 64, 4)
    assert (found.pairs.height, found.samples.height) == (0, 0)
