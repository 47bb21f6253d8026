"""A file of comparisons with planted faults, each in its own rows, and how many there are of each.

4,000 rows: a prompt, two answers, what four careful raters (right in .95 of the rows) and an
adversary (right in .10) say, and a published label. Texts are random words, so that nothing is
alike by chance. Of the rows
.10 are duplicates: half of them copied as they are, half with the prompt in capitals and a full
    stop more, which is another prompt to a computer;
.10 are flipped: the published label is the opposite of the truth;
.05 are identical: the two answers are the same text;
and .03 of the distinct prompts stand in the test file as well, a third of them with a word changed.
In .85 of the rows the truly better answer is the longer one; in the clean world in .50, and nothing
else is planted there, nor is there an adversary.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

NUM_ROWS = 4000
CAREFUL, CAREFUL_RIGHT, ADVERSARY_RIGHT = 4, 0.95, 0.10
DUPLICATES, FLIPPED, IDENTICAL, LEAKED = 0.10, 0.10, 0.05, 0.03
LONGER_WINS, EVEN = 0.85, 0.50
LETTERS = list("bcdfghklmnprstvw")

Row = dict[str, Any]


@dataclass(frozen=True)
class Tainted:
    """The files, the fields that map them, and what was planted.

    counts: rows by fault; `longer`: rows whose truly better answer is the longer one
    """

    path: Path
    test: Path
    mapping: Row
    counts: dict[str, int]


def tainted(folder: Path, seed: int = 0) -> Tainted:
    """Write the file with all faults, and the test file."""
    random = np.random.default_rng(seed)
    own, copied = NUM_ROWS - round(DUPLICATES * NUM_ROWS), round(DUPLICATES * NUM_ROWS)
    rows = [_row(random, LONGER_WINS) for _ in range(own)]
    order = iter(random.permutation(own))
    identical, flipped, leaked = (
        [rows[next(order)] for _ in range(round(share * whole))]
        for share, whole in ((IDENTICAL, NUM_ROWS), (FLIPPED, NUM_ROWS), (LEAKED, own))
    )
    for row in identical:
        row["b"] = row["a"]
    for row in flipped:
        row["label"] = _other(row["label"])
    for row in rows:
        row["adversary"] = _said(random, row["truth"], ADVERSARY_RIGHT)
    copies = [_copy(rows[next(order)], at % 2 == 0) for at in range(copied)]
    every = [*rows, *copies]
    _write(folder / "train.jsonl", [every[at] for at in random.permutation(len(every))])
    others = [{"prompt": _words(random, 12)} for _ in range(200)]
    _write(folder / "test.jsonl", [*(_tested(row, at) for at, row in enumerate(leaked)), *others])
    counts = {
        "duplicates": copied,
        "flipped_labels": len(flipped),
        "identical_answers": len(identical),
        "test_leakage": len(leaked),
        "adversarial_rater": 1,
        "length_confounded": round(LONGER_WINS * (own - len(identical) + copied / 2)),
    }
    names = [*_careful(), "adversary", "label"]
    return Tainted(folder / "train.jsonl", folder / "test.jsonl", _mapping(names), counts)


def untainted(folder: Path, seed: int = 0) -> Tainted:
    """Write a file of as many rows without a fault, and a test file that shares nothing with it."""
    random = np.random.default_rng(seed)
    _write(folder / "train.jsonl", [_row(random, EVEN) for _ in range(NUM_ROWS)])
    _write(folder / "test.jsonl", [{"prompt": _words(random, 12)} for _ in range(200)])
    mapping = _mapping([*_careful(), "label"])
    return Tainted(folder / "train.jsonl", folder / "test.jsonl", mapping, {})


def _row(random: np.random.Generator, longer_wins: float) -> Row:
    """Write a comparison that is sound."""
    truth = "a" if random.random() < 0.5 else "b"
    short, gap = int(random.integers(15, 40)), int(random.integers(3, 15))
    lengths = {truth: short + gap, _other(truth): short}
    if random.random() >= longer_wins:
        lengths = {truth: short, _other(truth): short + gap}
    said = {name: _said(random, truth, CAREFUL_RIGHT) for name in _careful()}
    answers = {side: _words(random, lengths[side]) for side in "ab"}
    return {"prompt": _words(random, 12), **answers, **said, "label": truth, "truth": truth}


def _careful() -> list[str]:
    return [f"careful_{number}" for number in range(1, CAREFUL + 1)]


def _said(random: np.random.Generator, truth: str, right: float) -> str:
    return truth if random.random() < right else _other(truth)


def _other(side: str) -> str:
    return {"a": "b", "b": "a"}[side]


def _words(random: np.random.Generator, number: int) -> str:
    return " ".join("".join(word) for word in random.choice(LETTERS, (number, 5)))


def _copy(row: Row, whole: bool) -> Row:
    return dict(row) if whole else {**row, "prompt": f"{row['prompt'].upper()}."}


def _tested(row: Row, number: int) -> Row:
    """Put a prompt in the test file; every third has another last word."""
    prompt: str = row["prompt"]
    return {"prompt": prompt if number % 3 else f"{prompt.rsplit(' ', 1)[0]} otherwise"}


def _write(path: Path, rows: list[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def _mapping(raters: list[str]) -> Row:
    return {
        "shape": "comparisons",
        "prompt": "prompt",
        "responses": ["a", "b"],
        "preference": raters,
        "values": {"a": 1, "b": -1},
    }
