"""Generation as a piece of work that is killed: the tiny model, and a line for each chunk asked."""

import os
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import polars as pl
import vllm  # noqa: F401  before the fork: it takes longest

from rather.stages.models.chat import Chat, Sample, Sampling
from rather.stages.models.engine import Engine
from rather.stages.models.generate import Options, generate
from rather.tables.atomic_files import atomic_path
from tests.kills import tell

OPTIONS = Options(num_samples=4, max_tokens=24, chunk_size=24)


class Telling(Engine):
    """An engine that tells what it is asked, before it answers."""

    def chat(self, requests: "list[Chat]", sampling: Sampling) -> list[Sample | str]:  # type: ignore[override]
        """Tell the seeds, which name a sample each."""
        tell(" ".join(f"{request.seed}" for request in requests))
        return super().chat(requests, sampling)


def work(model: str, prompts: str, store: str, out: str) -> None:
    """Answer every prompt and publish the table."""
    with Telling(Path(model)) as engine:
        found = generate(
            pl.read_parquet(prompts), Path(model), OPTIONS, 0, "tiny", Path(store), engine
        )
    with atomic_path(Path(out)) as draft:
        found.write_parquet(draft)
