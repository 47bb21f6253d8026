"""A made-up source of ratings and comparisons, and hashes of what a table holds."""

import hashlib
import json
import random
from collections.abc import Iterator
from pathlib import Path

import polars as pl

DIGITS = 9  # significant, of numbers: the last bits depend on a processor's order of additions
WORDS = ("ash", "birch", "cedar", "elm", "fir", "hazel", "larch", "maple", "oak", "pine", "yew")
RATERS = ("ann", "bob", "cyd")


def rated_rows() -> Iterator[dict[str, object]]:
    """Yield 120 prompts with 4 answers each, scored by three raters; some gaps and ties."""
    chance = random.Random(0)
    for number in range(120):
        prompt = f"Question {number}: {' '.join(chance.choices(WORDS, k=6))}?"
        for index in range(4):
            quality = chance.gauss(0, 1)
            answer = " ".join(chance.choices(WORDS, k=chance.randint(3, 40)))
            if number % 17 == 0 and index == 3:
                answer = "the same answer"
            for rater in RATERS:
                noise = chance.gauss(0, 0.4 if rater != "cyd" else 1.5)
                score = min(5, max(1, round(3 + quality + noise)))
                if chance.random() < 0.05:
                    continue
                yield {
                    "prompt": prompt,
                    "response": answer,
                    "rater": rater,
                    "score": score,
                    "model": f"m{index}",
                }


def compared_rows() -> Iterator[dict[str, object]]:
    """Yield 150 pairs of answers, each preferred by two or three raters; some ties."""
    chance = random.Random(1)
    for number in range(150):
        first, second = (" ".join(chance.choices(WORDS, k=chance.randint(3, 30))) for _ in "ab")
        lead = chance.gauss(0, 1.5)
        for rater in RATERS[: chance.randint(2, 3)]:
            seen = lead + chance.gauss(0, 0.7)
            preference = 1.5 if abs(seen) < 0.2 else 1 if seen > 0 else 2
            yield {
                "instruction": f"Task {number}",
                "output_1": first,
                "output_2": second,
                "generator_1": "m1",
                "generator_2": "m2",
                "annotator": rater,
                "preference": preference,
            }


def write_rows(path: Path, rows: Iterator[dict[str, object]]) -> None:
    """Write rows as JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")


def table_hash(frame: pl.DataFrame) -> str:
    """Return a hash of a table's columns, types and values, numbers rounded."""
    numbers = pl.selectors.float()
    rows = frame.with_columns(numbers.round_sig_figs(DIGITS)).write_json()
    return hashlib.sha256(f"{frame.schema}\n{rows}".encode()).hexdigest()[:16]


def table_hashes(folder: Path) -> dict[str, str]:
    """Return the hash of every Parquet file below a folder, by its path."""
    return {
        path.relative_to(folder).as_posix(): table_hash(pl.read_parquet(path))
        for path in sorted(folder.rglob("*.parquet"))
    }
