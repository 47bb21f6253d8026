"""Prompts and responses to rate."""

from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from rather.schemas.texts import Prompts, Responses
from rather.stages.common.ids import prompt_id, response_id
from rather.stages.models.pointer import Address
from rather.stages.models.resolve import point_at_endpoint
from rather.stages.raters.rating import Models
from tests.servers import Played


@pytest.fixture
def make_prompts() -> Callable[..., pl.DataFrame]:
    """Make a prompts table of texts, each with its right answer or null."""

    def make(answers: dict[str, str | None]) -> pl.DataFrame:
        rows = [
            {
                "prompt_id": prompt_id([{"role": "user", "content": text}]),
                "messages": [{"role": "user", "content": text}],
                "split": "train",
                "answer": answer,
                "source": "here",
                "source_line": line,
            }
            for line, (text, answer) in enumerate(answers.items(), start=1)
        ]
        return pl.DataFrame(rows, schema=Prompts.create_empty().schema)

    return make


@pytest.fixture
def make_responses() -> Callable[..., pl.DataFrame]:
    """Make a responses table of (prompt, text) samples; a null text is a failed one."""

    def make(*samples: tuple[str, str | None]) -> pl.DataFrame:
        rows = []
        for index, (prompt, text) in enumerate(samples):
            asked = prompt_id([{"role": "user", "content": prompt}])
            rows.append(
                {
                    "prompt_id": asked,
                    "generator": "sft",
                    "sample_index": index,
                    "response_id": None if text is None else response_id(asked, text),
                    "text": text,
                    "reason": "failed" if text is None else None,
                }
            )
        return pl.DataFrame(rows, schema=Responses.create_empty().schema)

    return make


@pytest.fixture
def served(tmp_path: Path) -> Callable[..., Models]:
    """Give what a rater works with where its model is at an endpoint."""

    def make(server: Played, **more: object) -> Models:
        address = Address(server.url, "played", **more)  # type: ignore[arg-type]
        folder = tmp_path / "models" / "judge"
        folder.mkdir(parents=True, exist_ok=True)
        point_at_endpoint(address, folder)
        return Models(folder, reference=tmp_path / "models" / "sft", store=tmp_path / "store")

    return make
