"""What does curation cost beside moving the bytes?   python tests/bench/curate.py [PROMPTS]

Runs measure, calibrate, pair, winnow, choose and convert on synthetic responses (4 per prompt,
3 raters) and, in the same run, a plain copy of the same tables: read all, write all.
"""

import json
import sys
import tempfile
import time
from pathlib import Path
from random import Random

import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from pipeline.curation import CURATION
from pipeline.params import make_params
from pipeline.run import Run
from schemas.ratings import Comparisons, Ratings
from schemas.responses import Responses
from stages.ids import prompt_id, response_id
from stages.load import with_split

STAGES = ("measure", "calibrate", "pair", "winnow", "choose", "convert")
WORDS = ["the", "a", "prompt", "answer", "data", "pair", "score", "long", "good", "test"]


def source(run: Run, num_prompts: int) -> None:
    """Write a world of random texts and ratings as if load had read it."""
    random = Random(0)
    prompts, responses, ratings = [], [], []
    for number in range(num_prompts):
        messages = [{"role": "user", "content": f"question {number}"}]
        asked = prompt_id(messages)
        prompts.append(
            {"prompt_id": asked, "messages": messages, "source": "bench", "source_line": number + 1}
        )
        for index in range(4):
            text = " ".join(random.choices(WORDS, k=random.randint(5, 60)))
            said = response_id(asked, text)
            responses.append(
                {"prompt_id": asked, "generator": "g", "sample_index": index, "response_id": said}
                | {"text": text}
            )
            quality = random.gauss(0, 1)
            ratings += [
                {"response_id": said, "rater": f"r{rater}", "prompt_id": asked}
                | {"score": quality + random.gauss(0, 0.5)}
                for rater in range(3)
            ]
    run.write("load/prompts", with_split(prompts, 0.0, 0))
    run.write("load/responses", pl.DataFrame(responses, schema=Responses.create_empty().schema))
    run.write("load/ratings", pl.DataFrame(ratings, schema=Ratings.create_empty().schema))
    run.write("load/comparisons", Comparisons.create_empty())
    run.write("generate/responses", Responses.create_empty())
    quality_file = run.data / "validate" / "quality.json"
    quality_file.parent.mkdir(parents=True)
    quality_file.write_text(json.dumps({"success": True, "failures": []}))


def copy(run: Run) -> float:
    """Read and write the same tables, nothing more; give the seconds."""
    started = time.monotonic()
    for name in ("prompts", "responses", "ratings"):
        frame = pl.read_parquet(run.tables.path(f"load/{name}"))
        frame.write_parquet(run.data / f"copy_{name}.parquet")
    return time.monotonic() - started


def main(num_prompts: int) -> None:
    """Time each stage and the copy, and print one line of JSON."""
    with tempfile.TemporaryDirectory() as folder:
        run = Run(Path(folder), make_params({}, (), "defaults"))
        source(run, num_prompts)
        seconds = {}
        for stage in STAGES:
            started = time.monotonic()
            CURATION[stage](run)
            seconds[stage] = round(time.monotonic() - started, 3)
        ours, peer = sum(seconds.values()), copy(run)
    line = {"ours_s": round(ours, 3), "peer_s": round(peer, 3), "ratio": round(ours / peer, 1)}
    print(json.dumps({**line, "peer": "Parquet copy", "prompts": num_prompts, "stages": seconds}))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20_000)
