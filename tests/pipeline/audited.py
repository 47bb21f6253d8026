"""Two runs to audit, one of ratings and one of comparisons, and their tables as plain rows."""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

from rather.auditing.figures import audit_figures
from rather.registry import runner
from rather.run import Run
from rather.runners.shared.label_balance import label_balance
from tests.pipeline.curated import PAIRS, curated
from tests.pipeline.ratings import lines

Row = dict[str, Any]

WORDS = ("red", "blue", "tree", "stone", "river", "cloud", "bread", "light", "sand", "moon")
REFUSAL = "I'm sorry, but that is not for me"
NUM_RATED, NUM_COMPARED = 60, 120


def with_quality(run: Run, stages: Sequence[str]) -> Run:
    """Run stages, and write what the audit reads of validate's, which takes seconds itself."""
    for stage in stages:
        runner(stage)(run)
    quality = run.data / "validate" / "quality.json"
    quality.parent.mkdir()
    quality.write_text(json.dumps({"labels": label_balance(run)}))
    return run


class Audited:
    """A run, its figures, and its tables as rows of plain Python."""

    def __init__(self, run: Run) -> None:
        self.run = with_quality(run, ())
        self.figures = audit_figures(run)

    def rows(self, table: str) -> list[Row]:
        """Read a table."""
        return self.run.read(table).to_dicts()

    @cached_property
    def pairs(self) -> list[Row]:
        """The pairs, with the stage and reason that dropped each, None for the chosen ones."""
        fate: dict[str, Row] = {}
        for stage in ("winnow", "choose"):
            fate |= {
                row["pair_id"]: {"stage": stage, "reason": row["reason"], "failed": row["failed"]}
                for row in self.rows(f"{stage}/dropped")
            }
        kept = {"stage": None, "reason": None, "failed": []}
        return [row | fate.get(row["pair_id"], kept) for row in self.rows("pair/pairs")]

    @cached_property
    def chosen(self) -> list[Row]:
        """The chosen pairs."""
        return self.rows("choose/chosen")

    @cached_property
    def answers(self) -> dict[str, Row]:
        """The first row of each answer, by its id."""
        found: dict[str, Row] = {}
        for row in self.rows("load/responses"):
            if row["response_id"] is not None:
                found.setdefault(row["response_id"], row)
        return found

    @cached_property
    def prompts(self) -> dict[str, Row]:
        """The prompts, by id."""
        return {row["prompt_id"]: row for row in self.rows("load/prompts")}

    def votes(self, pair: Row) -> Iterator[tuple[str, str, float]]:
        """Give who judged a pair, how, and the preference for chosen."""
        chosen, rejected = pair["chosen_id"], pair["rejected_id"]
        for row in self.rows("load/comparisons"):
            if {row["first_id"], row["second_id"]} == {chosen, rejected}:
                sign = 1 if row["first_id"] == chosen else -1
                yield row["rater"], "compare", sign * row["preference"]


def rated(folder: Path) -> Run:
    """Curate three raters' scores, of two aspects, of three models' answers to 60 prompts.

    Some answers repeat the question, some refuse, some are blank; one rater is upside down.
    """
    rng, rows = Random(1), []
    for number in range(NUM_RATED):
        prompt = f"question {number}: {_words(rng, 5)}"
        for model in ("large", "middling", "small"):
            worth = rng.gauss({"large": 0.6, "middling": 0.0, "small": -0.6}[model], 1)
            text = _answer(rng, prompt)
            for rater, noise, sign in (("ann", 0.3, 1), ("bob", 0.6, 1), ("odd", 0.5, -1)):
                aspects = {
                    name: _star(sign * (worth + rng.gauss(0, noise)))
                    for name in ("helpful", "honest")
                }
                who = {"prompt": prompt, "response": text, "model": model, "annotator": rater}
                rows.append(who | aspects | {"topic": "abc"[number % 3]})
    changes = (
        "source.format=ratings",
        "source.near_duplicates=true",
        "source.mapping.scores=[helpful, honest]",
        "source.mapping.aspects=true",
        "source.mapping.rater=annotator",
        "source.mapping.generator=model",
        "source.mapping.category=topic",
        "winnow.agreement.at_least=0.6",
        "choose.per_prompt=2",
    )
    return curated(folder, {"ratings.jsonl": rows}, PAIRS, *changes)


def compared(folder: Path) -> Run:
    """Curate three raters' votes and a label between two models' answers to 120 prompts.

    Every twelfth label is flipped; every tenth row stands there again, or nearly, every twentieth
    compares a text with itself, and every fifteenth prompt is in the test set.
    """
    rng, rows, tests = Random(2), [], []
    for number in range(NUM_COMPARED):
        prompt = f"ask {_words(rng, 8)} {number}"
        truth = rng.choice((1, -1))
        one, other = _words(rng, rng.randint(5, 25)), _words(rng, rng.randint(5, 25))
        said = {name: _vote(rng, truth) for name in ("ann", "bob", "cat")}
        label = -truth if number % 12 == 5 else truth
        row = {"prompt": prompt, "a": one, "b": other, "model_a": "new", "model_b": "old"}
        row |= said | {"label": label}
        if number % 20 == 3:
            row["b"] = row["a"]
        rows.append(row)
        if number % 10 == 4:
            rows.append(row if number % 20 == 4 else row | {"prompt": f"{prompt.upper()}!"})
        if number % 15 == 7:
            tests.append({"prompt": prompt if number % 2 else f"{prompt} and so on"})
    folder.mkdir(parents=True)
    (folder / "tests.jsonl").write_text(lines(tests))
    changes = (
        "source.format=comparisons",
        "source.near_duplicates=true",
        "source.mapping.responses=[a, b]",
        "source.mapping.preference=[ann, bob, cat, label]",
        "source.mapping.generators=[model_a, model_b]",
        f"contamination.path={folder / 'tests.jsonl'}",
    )
    return curated(folder, {"votes.jsonl": rows}, PAIRS, *changes)


def _words(rng: Random, number: int) -> str:
    return " ".join(f"{rng.choice(WORDS)}{rng.randrange(100)}" for _ in range(number))


def _answer(rng: Random, prompt: str) -> str:
    kind = rng.random()
    words = _words(rng, rng.randint(3, 20))
    if kind < 0.05:
        return "  "
    if kind < 0.15:
        return f"{prompt} {words}"
    return f"{REFUSAL} {words}" if kind < 0.25 else words


def _star(worth: float) -> int:
    return min(5, max(1, round(3 + worth)))


def _vote(rng: Random, truth: int) -> int:
    return truth if rng.random() < 0.85 else rng.choice((0, -truth))
