"""Generation that is killed, poisoned, or left by its server."""

import json
import os
import signal
import threading
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest

from rather.params.params import make_params
from rather.run import Run
from rather.runners.load import run as run_load
from rather.schemas.texts import Prompts
from rather.stages.common.ids import prompt_id
from rather.stages.models.chat import Chat, Sample, Sampling, StoppedError
from rather.stages.models.endpoint import Endpoint
from rather.stages.models.engine import Engine
from rather.stages.models.generate import Options, generate
from rather.stages.models.pointer import Address
from tests.kills import killed
from tests.servers import VllmServer
from tests.story.generating import OPTIONS
from tests.story.repository import Repository

pytestmark = pytest.mark.long

NUM_KILLS = 10


def questions(number: int) -> pl.DataFrame:
    """Make prompts."""
    asked = [[{"role": "user", "content": f"question {at}"}] for at in range(number)]
    rows = [
        {
            "prompt_id": prompt_id(messages),  # type: ignore[arg-type]
            "messages": messages,
            "split": "train",
            "cluster": "0" * 16,
            "source": "s",
            "source_line": 1,
        }
        for messages in asked
    ]
    return pl.DataFrame(rows, schema=Prompts.create_empty().schema)


def test_ten_kills_lose_a_chunk_each_and_double_nothing(
    tiny_model: Path, vllm_engine: Engine, tmp_path: Path
) -> None:
    """Killed ten times, generation ends with the undisturbed table, row for row, text and all.

    No sample was asked for again but those of a chunk that a kill took, and no process is left.
    """
    table, out = tmp_path / "prompts.parquet", tmp_path / "table"
    questions(120).write_parquet(table)
    given = (str(tiny_model), str(table), str(tmp_path / "store"), str(out))
    lines = killed("tests.story.generating:work", tmp_path, NUM_KILLS, *given)
    whole = generate(
        questions(120), tiny_model, OPTIONS, 0, "tiny", tmp_path / "whole", vllm_engine
    )
    assert whole["text"].count() == 480
    assert pl.read_parquet(out).equals(whole)
    chunks = Counter(frozenset(line.split()) for line in lines)
    assert len(frozenset().union(*chunks)) == sum(len(chunk) for chunk in chunks) == 480
    assert len(chunks) == 480 / OPTIONS.chunk_size
    assert len(chunks) < chunks.total() <= len(chunks) + NUM_KILLS


def test_poisoned_prompts_harm_no_other(tmp_path: Path, vllm_engine: Engine) -> None:
    """Of 1,000 prompts four are poisoned, each in its own way: the others have all their answers.

    What cannot be read (blank, half a surrogate pair) is set aside with its reason; what the model
    cannot be asked (too long, refused by its template) has rows with theirs.
    """
    poison = {
        10: "x" * 300,
        250: " ",
        500: "half \ud800 a pair",
        900: "refuse this",
    }
    source = tmp_path / "prompts.jsonl"
    texts = [poison.get(at, f"question {at}") for at in range(1000)]
    source.write_text("".join(json.dumps({"prompt": text}) + "\n" for text in texts))
    params = {"source": {"path": str(source), "format": "auto"}, "test_fraction": 0}
    run = Run(tmp_path, make_params(params, (), "test"))
    run_load(run)
    found = generate(
        run.read("load/prompts"),
        Path(vllm_engine._model),
        Options(num_samples=4, max_tokens=2),
        0,
        "tiny",
        tmp_path / "store",
        vllm_engine,
    )
    aside = run.read("load/set_aside").select("source_line", "reason").rows()
    assert set(aside) == {(251, "no_prompt"), (501, "invalid_unicode")}
    assert found["text"].count() == 4 * 996
    lost = found.filter(pl.col("text").is_null())
    assert Counter(lost["reason"]) == {"prompt_too_long": 4, "template_error": 4}
    surrogate: Chat = Chat([{"role": "user", "content": "\ud800"}], 0)
    assert vllm_engine.chat([surrogate], Sampling()) == ["invalid_unicode"]


class Stopping(Endpoint):
    """An endpoint whose server is stopped while the second chunk is asked; counts its requests."""

    def __init__(self, server: VllmServer, at: int) -> None:
        super().__init__(Address(server.url, server.name, retries=1))
        self._server, self._at = server, at
        self.asked: list[int] = []

    def chat(self, requests: "list[Chat]", sampling: Sampling) -> list[Sample | str]:  # type: ignore[override]
        """Ask, and stop the server midway."""
        self.asked += [request.seed for request in requests]
        if len(self.asked) > self._at:
            threading.Timer(0.2, self._server.stop).start()
        return super().chat(requests, sampling)


def test_a_server_stopped_midway_loses_nothing(tmp_path: Path, vllm_server: VllmServer) -> None:
    """A real `vllm serve` is killed: a clear error, and the next run asks for the rest alone."""
    vllm_server.start()
    folder, table = tmp_path / "model", questions(12)
    folder.mkdir()
    (folder / "pointer.json").write_text(
        json.dumps({"endpoint": {"url": vllm_server.url, "model": vllm_server.name}})
    )
    options = Options(num_samples=4, max_tokens=400, chunk_size=24)
    with Stopping(vllm_server, at=24) as endpoint, pytest.raises(StoppedError) as error:
        generate(table, folder, options, 0, "served", tmp_path / "store", endpoint)
    assert f"{vllm_server.url}: expected answers from served" in str(error.value)
    assert len(endpoint.asked) == 48
    vllm_server.start()
    with Stopping(vllm_server, at=1000) as rest:
        found = generate(table, folder, options, 0, "served", tmp_path / "store", rest)
    assert found["text"].count() == 48
    assert found["revision"].unique().to_list() == [f"{vllm_server.url} served"]
    assert len(rest.asked) <= 24
    assert not set(rest.asked) & set(endpoint.asked[:24])


def test_dvc_goes_on_after_a_kill_and_keeps_what_it_ran(demo: Repository, tmp_path: Path) -> None:
    """`dvc repro` is killed while it generates: the next goes on from the finished chunks.

    A run that is asked for again is answered by DVC's run-cache, without asking the model.
    """
    repository = demo.copy(tmp_path / "killed")
    changes = {"generators.sft.temperature": 0.9, "generators.sft.chunk_size": 64}
    repository.set_params(changes)
    work = repository.root / ".work" / "generate"
    before = set(work.rglob("*.parquet"))
    process = repository.start("dvc", "repro", "generate")
    while process.poll() is None and len(set(work.rglob("*.parquet")) - before) < 3:
        time.sleep(0.02)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    kept = {path: path.stat().st_mtime_ns for path in set(work.rglob("*.parquet")) - before}
    repository.run("dvc", "repro", "generate")
    assert repository.metrics("generate/sft")["responses"]["in"] == 1200
    assert len(kept) >= 3
    assert all(path.stat().st_mtime_ns == kept[path] for path in kept)
    table = repository.hashes("generate/*.parquet")
    (repository.root / "data" / "generate" / "sft.parquet").unlink()
    told = repository.run("dvc", "repro", "generate")
    assert "Running stage" not in told
    assert repository.hashes("generate/*.parquet") == table
