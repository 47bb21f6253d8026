"""What does the balanced choice cost?   python tests/bench/choose.py [PROMPTS ...]

Plants PROMPTS prompts (200,000 by default) of 4 responses whose raters favour length, and times
each balance on all their pairs. Seed 0. One line of JSON each: seconds, peak memory, what is kept,
the share of pairs whose chosen answer is the longer, mean margin.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from rather.stages.choose.choose import Options, choose  # noqa: E402
from rather.stages.text.length import share_longer  # noqa: E402

NUM_RESPONSES = 4


def make_pairs(num_prompts: int) -> pl.DataFrame:
    """Make every pair: score = quality + 0.5 sd of log length + noise; ids are whole numbers."""
    random = np.random.default_rng(0)
    shape = (num_prompts, NUM_RESPONSES)
    log_length = random.normal(size=shape).astype(np.float32)
    scores = random.normal(size=shape).astype(np.float32) + np.float32(0.5) * log_length
    tokens = np.exp(5 + 0.6 * log_length).astype(np.int32)
    low, high = np.triu_indices(NUM_RESPONSES, 1)
    margin, gap = scores[:, low] - scores[:, high], tokens[:, low] - tokens[:, high]
    num = margin.size
    return pl.DataFrame(
        {
            "pair_id": random.permutation(num).astype(np.uint64),
            "prompt_id": np.repeat(np.arange(num_prompts, dtype=np.uint64), len(low)),
            "margin": np.abs(margin).ravel(),
            "length_gap": (gap * np.sign(margin)).astype(np.int32).ravel(),
        }
    ).with_columns(split=pl.lit("train", pl.Categorical), p_correct=pl.lit(None, pl.Float32))


def main(num_prompts: int) -> None:
    """Time each balance."""
    pairs = make_pairs(num_prompts)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for balance in ("none", "optimal", "drop"):
        started = time.monotonic()
        picked = choose(pairs, Options(balance=balance))
        seconds = time.monotonic() - started
        chosen = picked.filter(pl.col("reason").is_null())
        line = {
            "pairs": pairs.height,
            "balance": balance,
            "seconds": round(seconds, 2),
            "input_gb": round(before / 1e6, 2),
            "peak_gb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, 2),
            "prompts_kept": round(chosen.height / num_prompts, 4),
            "share_longer": round(share_longer(chosen) or 0.0, 4),
            "mean_margin": round(float(chosen["margin"].mean() or 0.0), 4),  # type: ignore[arg-type]
        }
        print(json.dumps(line), flush=True)


if __name__ == "__main__":
    for number in sys.argv[1:] or ["200000"]:
        main(int(number))
