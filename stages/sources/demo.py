"""The demo world: small text tasks whose one right answer a program can compute.

A prompt reads `Instruction: payload`. Nothing but that text decides the gold answer (`solve`) and
how near another answer comes to it (`quality`), so every step of the pipeline can be checked.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import cycle, islice
from random import Random
from typing import Any

import polars as pl

from rather.schemas.base import Message
from rather.schemas.judgements import Comparisons
from rather.schemas.texts import Responses
from rather.stages.common import ids

SOURCE = "demo"
CONSONANTS = "bdklmnst"
VOWELS = "aeiou"
WORD = "[a-z]+"
WORDS = f"{WORD}( {WORD})+"
UNDONE = 0.3  # share of demonstrations by people who hand the words back as they were
# Who compares the answers that the reward model learns from, and how often each judges truly.
ANNOTATORS = {"careful": 0.95, "hasty": 0.75}


@dataclass(frozen=True)
class Task:
    """One kind of prompt.

    payload: regular expression of all that may follow the instruction
    draw:    makes a payload;  answer: gives the right answer to a payload
    """

    instruction: str
    payload: str
    draw: Callable[[Random], str]
    answer: Callable[[str], str]


def draw_word(random: Random) -> str:
    """Draw a pronounceable word of four or five letters."""
    syllables = [random.choice(CONSONANTS) + random.choice(VOWELS) for _ in range(2)]
    return "".join(syllables) + random.choice(["", random.choice(CONSONANTS)])


def draw_pair(random: Random) -> str:
    """Draw two words."""
    return f"{draw_word(random)} {draw_word(random)}"


def itemise(payload: str) -> str:
    """Return each word on its own line, after a dash."""
    return "\n".join(f"- {word}" for word in payload.split())


TASKS = {
    "reverse": Task("Reverse", WORD, draw_word, lambda word: word[::-1]),
    "sort": Task("Sort", WORD, draw_word, lambda word: "".join(sorted(word))),
    "capitals": Task("Capitals", WORD, draw_word, str.upper),
    "twice": Task("Twice", WORD, draw_word, lambda word: f"{word} {word}"),
    "count": Task("Count", WORD, draw_word, lambda word: str(len(word))),
    "last": Task("Last word", WORDS, draw_pair, lambda words: words.split()[-1]),
    "list": Task("List", WORDS, draw_pair, itemise),
}
BY_INSTRUCTION = {task.instruction: task for task in TASKS.values()}


def solve(prompt: str) -> str | None:
    """Return the gold answer to a prompt's text, None if the prompt is no task of the demo."""
    instruction, _, payload = prompt.strip().partition(": ")
    task = BY_INSTRUCTION.get(instruction)
    if task is None or not re.fullmatch(task.payload, payload, re.ASCII):
        return None
    return task.answer(payload)


def quality(gold: str, response: str) -> float:
    """Measure from 0 to 1 how many characters a response shares with the gold answer, in order.

    1 is exactly right, outer white space aside.
    """
    return SequenceMatcher(None, gold, response.strip(), autojunk=False).ratio()


def prompts(num_prompts: int, seed: int) -> list[dict[str, Any]]:
    """Draw distinct prompts, about as many of each task, each with its gold answer.

    Rows are rather.schemas.texts.Prompts without `split` and `cluster`, which load decides.
    Demonstrations are as people's are: most are the gold answer, some are not, and what a model
    learns by imitating them the ratings can put right.
    """
    random = Random(f"prompts {seed}")
    drawn: dict[str, str] = {}
    names = cycle(TASKS)
    while len(drawn) < num_prompts:
        name = next(names)
        drawn.setdefault(f"{TASKS[name].instruction}: {TASKS[name].draw(random)}", name)
    return [
        _prompt(line, text, task, Random(f"demonstration {seed} {text}"))
        for line, (text, task) in enumerate(drawn.items(), start=1)
    ]


def _prompt(line: int, text: str, task: str, random: Random) -> dict[str, Any]:
    """Make one row of the prompts table."""
    messages: list[Message] = [{"role": "user", "content": text}]
    gold, payload = solve(text), text.partition(": ")[2]
    return {
        "prompt_id": ids.prompt_id(messages),
        "messages": messages,
        "category": task,
        "demonstration": payload if random.random() < UNDONE else gold,
        "answer": gold,
        "source": SOURCE,
        "source_line": line,
    }


def compare(
    prompts: pl.DataFrame, num_comparisons: int, seed: int
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Draw simulated annotators' comparisons of spoilt answers to training prompts.

    Gives responses and comparisons, for a reward model to learn from; no held-out prompt is among
    them. A comparison drawn twice counts once, so there may be a few fewer than asked for.
    """
    known = prompts.filter(pl.col("split") == "train", pl.col("answer").is_not_null())
    golds = known.sort("prompt_id").select("prompt_id", "answer").iter_rows()
    drawn = [
        _compare(prompt_id, gold, Random(f"compare {seed} {number}"))
        for number, (prompt_id, gold) in enumerate(islice(cycle(golds), num_comparisons))
    ]
    rows = pl.DataFrame(drawn, schema=_DRAWN, orient="row").with_columns(
        first_id=ids.response_ids(pl.col("prompt_id"), pl.col("first")),
        second_id=ids.response_ids(pl.col("prompt_id"), pl.col("second")),
    )
    return _responses(rows), _comparisons(rows)


_DRAWN = {
    "prompt_id": pl.String,
    "first": pl.String,
    "second": pl.String,
    "rater": pl.String,
    "preference": pl.Float64,
}


def _compare(prompt_id: str, gold: str, random: Random) -> tuple[str, str, str, str, float]:
    """Draw one annotator's comparison of two different answers: the truth, or a guess."""
    first = second = spoil(gold, random)
    while first == second:
        second = spoil(gold, random)
    gap = quality(gold, first) - quality(gold, second)
    truth = float((gap > 0) - (gap < 0))
    rater = random.choice(list(ANNOTATORS))
    guess = random.choice((-1.0, 1.0))
    return prompt_id, first, second, rater, truth if random.random() < ANNOTATORS[rater] else guess


def spoil(gold: str, random: Random) -> str:
    """Make none to three small mistakes in an answer."""
    text = gold
    for _ in range(random.choice((0, 1, 1, 2, 3))):
        text = _mistake(text, random)
    return text


def _mistake(text: str, random: Random) -> str:
    """Omit, double, replace, insert or swap a character; the result is never empty."""
    at = random.randrange(len(text))
    here, two = text[at], text[at : at + 2]
    other = random.choice(text + CONSONANTS + VOWELS)
    old, new = random.choice(
        [(here, ""), (here, here * 2), (here, other), (here, other + here), (two, two[::-1])]
    )
    return text[:at] + new + text[at + len(old) :] or other


def _responses(drawn: pl.DataFrame) -> pl.DataFrame:
    """Make the responses table of the distinct answers that were compared."""
    sides = [
        drawn.select("prompt_id", response_id=f"{side}_id", text=side)
        for side in ("first", "second")
    ]
    rows = pl.concat(sides).unique().sort("prompt_id", "response_id")
    within = pl.int_range(pl.len(), dtype=pl.Int64).over("prompt_id")
    rows = rows.with_columns(generator=pl.lit(SOURCE), sample_index=within, source=pl.lit(SOURCE))
    return pl.concat([Responses.create_empty(), rows], how="diagonal")


def _comparisons(drawn: pl.DataFrame) -> pl.DataFrame:
    """Make the comparisons table, each pair of answers once for each annotator."""
    key = ["first_id", "second_id", "rater"]
    rows = drawn.drop("first", "second").unique(key, keep="first", maintain_order=True).sort(key)
    rows = rows.with_columns(aspect=pl.lit("overall"), source=pl.lit(SOURCE))
    return pl.concat([Comparisons.create_empty(), rows], how="diagonal")
