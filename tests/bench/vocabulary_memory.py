"""Does memory grow with batch x length x vocabulary?   python tests/bench/vocabulary_memory.py

Takes one DPO step, forward and backward, with a small model of a 150,000-token vocabulary, on
batches of several sizes: ours, the head in chunks, and the naive one, whole logits of padded
sequences. Each runs in a process of its own, which tells how far its peak memory rose above what
it held before the step, on a CPU. One line of JSON for each size; logits_mb is what whole logits
of the completions alone would take in fp32.

--batches 1 2 4 8 --lengths 128 256: pairs in a batch, and tokens of prompt and of completion
"""

import argparse
import json
import resource
import subprocess
import sys
from array import array
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402
from torch.nn.functional import logsigmoid  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402

from rather.trainer.compute.logps import completion_logps  # noqa: E402
from rather.trainer.data.layouts import Group, lay_out  # noqa: E402

WORDS = 150_000
LAYOUTS = {"ours": "shared", "naive": "padded"}


def pairs(batch: int, length: int) -> list[Group]:
    """Draw prompts and completions, all of one length."""
    torch.manual_seed(0)

    def draw() -> "array[int]":
        return array("i", torch.randint(WORDS, (length,)).tolist())

    return [(draw(), (draw(), draw())) for _ in range(batch)]


def step(side: str, batch: int, length: int) -> dict[str, Any]:
    """Take one step in this process."""
    config = LlamaConfig(
        vocab_size=WORDS,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=2,
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config)
    for weight in model.parameters():
        weight.grad = torch.zeros_like(weight)
    tensors = lay_out(pairs(batch, length), 0, LAYOUTS[side])  # type: ignore[arg-type]
    before = peak_mb()
    chosen, rejected = completion_logps(model, tensors).sums().chunk(2)
    logsigmoid(0.1 * (chosen - rejected)).mean().backward()
    return {"rise_mb": peak_mb() - before}


def peak_mb() -> int:
    """Tell this process's peak memory so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def measure(side: str, batch: int, length: int) -> int:
    """Take one step in a process of its own."""
    sizes = ["--batches", str(batch), "--lengths", str(length)]
    command = [sys.executable, __file__, *sizes, "--side", side]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return int(json.loads(done.stdout.splitlines()[-1])["rise_mb"])


def main(arguments: list[str]) -> None:
    """Measure every size on both sides, or take the one step asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--lengths", type=int, nargs="+", default=[128, 256])
    parser.add_argument("--side", choices=LAYOUTS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    for length in options.lengths:
        for batch in options.batches:
            if options.side:
                print(json.dumps(step(options.side, batch, length)))
                continue
            found = {f"{side}_mb": measure(side, batch, length) for side in LAYOUTS}
            logits = 2 * batch * length * WORDS * 4 // 2**20
            sizes = {"bench": "vocabulary_memory", "batch": batch, "length": length}
            print(json.dumps({**sizes, "logits_mb": logits, **found}), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
