"""What our stage adds to vLLM's own time: the same requests, by `generate` and in one bare call.

    python tests/bench/generate.py [--prompts 1000] [--samples 4] [--tokens 64] [--chunk 1024]

The demo's 0.65M-parameter Llama, of random weights: the smaller the model, the more a stage weighs
beside it. One engine serves both, its prefix cache emptied before each. Seconds on the clock, and
of the processor, which are what counts where other work shares the machine.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from string import ascii_lowercase
from time import perf_counter, process_time

import polars as pl

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is loaded
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from vllm import SamplingParams, TokensPrompt

from rather.schemas.base import Message
from rather.schemas.texts import Prompts
from rather.stages.common.ids import prompt_id
from rather.stages.models.chat import Chat, Sampling
from rather.stages.models.engine import Engine
from rather.stages.models.generate import Options, generate
from rather.stages.models.resolve import resolve


def make_prompts(number: int) -> pl.DataFrame:
    """Make questions of 20 to 150 random letters."""
    rng = random.Random(0)
    rows = []
    for at in range(number):
        text = "".join(rng.choice(ascii_lowercase) for _ in range(rng.randint(20, 150)))
        messages: list[Message] = [{"role": "user", "content": text}]
        name = prompt_id(messages)
        rows.append({"prompt_id": name, "messages": messages, "split": "train", "cluster": name})
        rows[-1] |= {"source": "bench", "source_line": at + 1}
    return pl.DataFrame(rows, schema=Prompts.create_empty().schema)


def timed(engine: Engine, work: Callable[[], int]) -> tuple[float, float, int]:
    """Give seconds on the clock, seconds of the processor, and tokens."""
    engine._llm.reset_prefix_cache()
    wall, cpu = perf_counter(), process_time()
    tokens = work()
    return perf_counter() - wall, process_time() - cpu, tokens


def bare(engine: Engine, asked: list[list[int]], options: Options) -> int:
    """Hand every request to vLLM in one call."""
    numbers = range(options.num_samples)
    prompts = [TokensPrompt(prompt_token_ids=ids) for ids in asked for _ in numbers]
    params = [
        SamplingParams(
            temperature=options.temperatures[0], max_tokens=options.max_tokens, seed=at, logprobs=0
        )
        for at in range(len(prompts))
    ]
    answers = engine._llm.generate(prompts, params, use_tqdm=False)
    return sum(len(answer.outputs[0].token_ids) for answer in answers)


def ours(engine: Engine, model: Path, prompts: pl.DataFrame, options: Options) -> int:
    """Do the same by the stage, its rows kept and its table made."""
    with tempfile.TemporaryDirectory() as store:
        found = generate(prompts, model, options, 0, "bench", Path(store), engine)
    return int(found["num_tokens"].sum())


def measure(prompts: pl.DataFrame, options: Options) -> dict[str, tuple[float, float, int]]:
    """Time both."""
    with tempfile.TemporaryDirectory() as folder:
        model = Path(folder)
        resolve("demo", None, model, seed=0)
        with Engine(model) as engine:
            asked = [engine.encode(messages) for messages in prompts["messages"].to_list()]
            engine.chat([Chat(messages, 0) for messages in prompts["messages"].head(8)], Sampling())
            return {
                "bare": timed(engine, lambda: bare(engine, asked, options)),
                "ours": timed(engine, lambda: ours(engine, model, prompts, options)),
            }


def main() -> None:
    """Print both times and the overhead."""
    parser = argparse.ArgumentParser()
    for name, default in (("prompts", 1000), ("samples", 4), ("tokens", 64), ("chunk", 1024)):
        parser.add_argument(f"--{name}", type=int, default=default)
    given = parser.parse_args()
    options = Options(num_samples=given.samples, max_tokens=given.tokens, chunk_size=given.chunk)
    found = measure(make_prompts(given.prompts), options)
    print(f"{given.prompts:,} prompts x {given.samples}, chunks of {given.chunk:,} answers")
    for name, (wall, cpu, tokens) in found.items():
        print(f"{name}: {wall:.1f} s, {cpu:.1f} s of the processor, {tokens:,} tokens")
    for at, what in enumerate(("clock", "processor")):
        print(f"overhead, {what}: {found['ours'][at] / found['bare'][at] - 1:+.1%}")


if __name__ == "__main__":
    main()
