"""A judge that is killed, or whose server is stopped, in the middle."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import polars as pl
import pytest

from rather.schemas.judgements import Comparisons, Verdicts
from rather.stages.models.chat import StoppedError
from rather.stages.models.pointer import Address
from rather.stages.models.resolve import point_at_endpoint
from rather.stages.raters.judge import Options, rate
from rather.stages.raters.judging.wording import PREFERENCES
from rather.stages.raters.rating import Models
from tests.conftest import make_model
from tests.paths import ROOT
from tests.servers import Body, Reply, VllmServer, answer, played

Make = Callable[..., pl.DataFrame]
CHUNK = 10
NUM_KILLS = 10
RATE = """
import sys
from pathlib import Path
import polars as pl
from rather.stages.raters.judge import Options, rate
from rather.stages.raters.rating import Models
from tests.stages.raters.test_judge_stopped import OPTIONS
folder = Path({folder!r})
prompts, responses = (pl.read_parquet(folder / f"{{name}}.parquet") for name in ("p", "r"))
models = Models(folder / "judge", folder / "sft", folder / "store")
found = rate("gpt", prompts, responses, OPTIONS, 0, models)
found.comparisons.write_parquet(folder / "comparisons.parquet")
found.verdicts.write_parquet(folder / "verdicts.parquet")
"""
OPTIONS = Options(by="pairwise", explain=False, chunk_size=CHUNK)


def killed(code: str, is_time: Callable[[], bool]) -> bool:
    """Run Python code in a process of its own, and kill it with its children once it is time.

    Gives whether it was killed; False where it ended well before. Fails where it ended otherwise.
    """
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        start_new_session=True,
    )
    while process.poll() is None:
        if is_time():
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            return True
        time.sleep(0.001)
    _, errors = process.communicate()
    assert process.returncode == 0, errors.decode()
    return False


def longer(body: Body) -> Reply:
    """Prefer the longer answer; the shorter the texts, the likelier it fails to say so."""
    first, second = re.findall(r"<answer [AB] \w+>\n(.*?)\n</", body["messages"][0]["content"])
    time.sleep(0.01)
    said = "A" if len(first) > len(second) else "B"
    return answer("hm" if len(first + second) < 5 else json.dumps({"overall": said}))


@pytest.mark.long
def test_a_judge_killed_at_random_moments_says_the_same_in_the_end(
    make_prompts: Make, make_responses: Make, tmp_path: Path
) -> None:
    """Ten kills -9: the undisturbed run's tables, and no request paid twice beyond a chunk each."""
    prompts = make_prompts({f"q{at}": None for at in range(15)})
    texts = ["a" * length for length in (1, 2, 3, 4, 5)]
    responses = make_responses(*((f"q{at}", text) for at in range(15) for text in texts))
    folders = tmp_path / "whole", tmp_path / "killed"
    for folder in folders:
        folder.mkdir()
        prompts.write_parquet(folder / "p.parquet")
        responses.write_parquet(folder / "r.parquet")
    random, num_questions = Random(0), 15 * 6 * 2
    with played(longer) as server:
        for folder in folders:
            point_at_endpoint(Address(server.url, "played", concurrency=4), folder / "judge")
        assert not killed(RATE.format(folder=str(folders[0])), lambda: False)
        assert len(server.asked) == num_questions
        server.asked.clear()
        code, num_killed = RATE.format(folder=str(folders[1])), 0
        for _ in range(NUM_KILLS):
            at = len(server.asked) + random.randint(1, num_questions // NUM_KILLS)
            num_killed += killed(code, lambda at=at: len(server.asked) >= at)  # type: ignore[misc]
        assert num_killed == NUM_KILLS
        assert not killed(code, lambda: False)
        assert len(server.asked) <= num_questions + NUM_KILLS * CHUNK
    for name, schema in (("comparisons", Comparisons), ("verdicts", Verdicts)):
        whole, again = (pl.read_parquet(folder / f"{name}.parquet") for folder in folders)
        assert schema.validate(whole).equals(again)
    assert sum(again["text"] == "hm") > 0


@pytest.mark.long
def test_a_real_server_judges_pairs_and_may_be_stopped(
    make_prompts: Make, make_responses: Make, tmp_path: Path, vllm_server: VllmServer
) -> None:
    """A random model under `vllm serve` keeps to the schema; stopped midway, it is gone on with."""
    vllm_server.start()
    folder = tmp_path / "judge"
    address = Address(vllm_server.url, vllm_server.name, concurrency=4, retries=2)
    point_at_endpoint(address, folder)
    models = Models(folder, reference=tmp_path, store=tmp_path / "store")
    prompts = make_prompts({f"q{at}": None for at in range(20)})
    responses = make_responses(*((f"q{at}", text) for at in range(20) for text in ("a", "bb")))
    options = OPTIONS.model_copy(update={"max_tokens": 32, "chunk_size": 4})

    def stop_after_a_chunk() -> None:
        while not list((tmp_path / "store").glob("*/*.parquet")):
            time.sleep(0.01)
        vllm_server.stop()

    stopping = threading.Thread(target=stop_after_a_chunk)
    stopping.start()
    with pytest.raises(StoppedError, match=r"no connection.*what was answered is kept"):
        rate("real", prompts, responses, options, 0, models)
    stopping.join()
    kept = [pl.read_parquet(path) for path in (tmp_path / "store").glob("*/*.parquet")]
    assert 4 <= pl.concat(kept).height < 40
    vllm_server.start()
    found = rate("real", prompts, responses, options, 0, models)
    assert Comparisons.validate(found.comparisons).height == 20
    assert found.comparisons["reason"].null_count() == 20
    assert set(found.verdicts["text"]) <= {f'{{"overall":"{said}"}}' for said in PREFERENCES}


@pytest.mark.long
def test_a_model_that_runs_here_keeps_to_the_schema(
    make_prompts: Make, make_responses: Make, tmp_path: Path
) -> None:
    """Random weights, and yet each answer is a verdict: for A, for B, or a tie."""
    model = make_model(tmp_path / "judge", 4096)
    models = Models(model, reference=model, store=tmp_path / "store")
    prompts = make_prompts({f"q{at}": None for at in range(10)})
    responses = make_responses(*((f"q{at}", text) for at in range(10) for text in ("a", "bb")))
    options = OPTIONS.model_copy(update={"max_tokens": 32, "chunk_size": 64})
    found = rate("here", prompts, responses, options, 0, models)
    assert Comparisons.validate(found.comparisons)["reason"].null_count() == 10
    assert found.figures["flipped"] is not None
