"""Guess how a file is to be read, by its columns' names and first rows.   columns -> mapping

A file does not show which end of a scale is good, or which number means which answer: such guesses
are marked.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

from rather.stages.sources.column_stats import FEW, Profile, couples, meaning, own_words, together
from rather.stages.sources.mapping import THUMBS

Sureness = Literal["sure", "likely", "a guess"]

# Words by which columns are called, the plainest first.
CALLED = {
    "prompt": ("prompt", "instruction", "question", "query", "input", "ask", "context", "in"),
    "response": (
        "response",
        "answer",
        "reply",
        "output",
        "completion",
        "generation",
        "out",
        "text",
    ),
    "chosen": ("chosen", "preferred", "better", "winner", "accepted", "positive", "best"),
    "rejected": ("rejected", "dispreferred", "worse", "loser", "negative", "worst"),
    "preference": ("preference", "preferred", "vote", "choice", "winner", "verdict", "label"),
    "scores": ("score", "scores", "rating", "ratings", "stars", "grade", "mark", "points"),
    "label": ("label", "thumb", "thumbs", "feedback", "vote", "like", "liked", "good", "ok"),
    "ranks": ("rank", "ranks", "ranking"),
    "rater": ("rater", "annotator", "judge", "worker", "evaluator", "labeler", "labeller", "user"),
    "generator": ("generator", "model", "llm"),
    "category": ("category", "topic", "domain"),
    "system": ("system",),
}
ASPECTS = frozenset(
    {
        *("helpfulness", "helpful", "honesty", "honest", "harmlessness", "correctness", "correct"),
        *("coherence", "complexity", "verbosity", "truthfulness", "relevance", "fluency"),
        *("accuracy", "safety", "quality", "clarity", "depth"),
    }
)
LOWER = frozenset(
    {
        *("toxicity", "toxic", "harm", "harmful", "unsafe", "error", "errors", "severity"),
        *("loss", "rank"),
    }
)


class Found(NamedTuple):
    """One field of a mapping: its value, how sure it is, and why."""

    value: Any
    sure: Sureness
    why: str


def called(columns: Collection[Profile], what: str) -> Found | None:
    """Return the column with one of a field's usual names, else with such a word in its name."""
    for word in CALLED[what]:
        if exact := [column for column in columns if column.words == (word,)]:
            return Found(exact[0].name, "sure", "named so")
    for word in CALLED[what]:
        if partly := [column for column in columns if word in column.words]:
            return Found(partly[0].name, "likely", f"its name has the word {word!r}")
    return None


POLARITY = "whether more is better in {!r} cannot be told from the file; or add `inverted: true`"
WHICH = "which number means which answer cannot be told from the file: look at `values`"
RATERS = "each column of scores is taken as a rater; if it is not, add `aspects: true`"
OTHERS = ("rater", "generator", "category", "system")


@dataclass
class Guess:
    """A mapping in the making: its shape, its fields, and what a person should look at."""

    shape: str
    fields: dict[str, Found]
    notes: list[str] = field(default_factory=list)

    @property
    def mapping(self) -> dict[str, Any]:
        """The mapping that a file of mappings would have."""
        return {"shape": self.shape} | {name: found.value for name, found in self.fields.items()}

    def free(self, columns: Sequence[Profile], *kinds: str) -> list[Profile]:
        """Return the columns of these kinds that no field uses yet."""
        values = (found.value for name, found in self.fields.items() if name != "values")
        lists = (value if isinstance(value, list) else [value] for value in values)
        taken = {name for names in lists for name in names}
        return [each for each in columns if each.name not in taken and each.kind in kinds]


def guess(columns: Sequence[Profile]) -> Guess | None:
    """Guess the shape and the columns of a file; None where it looks like nothing known."""
    for shape in (_pairs, _comparisons, _lists, _labels, _ratings):
        found = shape(columns)
        if found is not None and _add_prompt(found, columns):
            _add_others(found, columns)
            return found
    return None


def _pairs(columns: Sequence[Profile]) -> Guess | None:
    """Two columns of answers, one of them called the better."""
    texts = [each for each in columns if each.kind in ("text", "texts", "other")]
    chosen, rejected = (called(texts, name) for name in ("chosen", "rejected"))
    if chosen is None or rejected is None or chosen.value == rejected.value:
        return None
    return Guess("pairs", {"chosen": chosen, "rejected": rejected})


def _comparisons(columns: Sequence[Profile]) -> Guess | None:
    """Two columns of answers, and what somebody said of them: votes, or a score of each."""
    every = couples(columns)
    texts = [both for both in every if both[0].kind == "text"]
    if not texts:
        return None
    answers = max(texts, key=lambda both: both[0].length + both[1].length)
    named = [each.name for each in answers]
    fields = {"responses": Found(named, "likely", "texts whose names differ in one word")}
    for first, second in every:
        names = [first.name, second.name]
        if first.kind == "text" and names != named and first.num_distinct <= FEW:
            fields["generators"] = Found(names, "likely", "few names, one for each answer")
        elif first.kind == "number":
            fields["scores"] = Found(names, "likely", "numbers, one for each answer")
    if "scores" in fields:
        return Guess("ratings", fields)
    return _voted(Guess("comparisons", fields), columns, answers)


def _voted(
    found: Guess, columns: Sequence[Profile], answers: tuple[Profile, Profile]
) -> Guess | None:
    """Add the columns of votes; return None without any."""
    sides = own_words(answers)
    free = found.free(columns, "text", "number", "flag")
    votes = [each for each in free if meaning(each, sides) is not None]
    if named := called(votes, "preference"):
        votes = [each for each in votes if each.name == named.value]
    alike = [each for each in votes if each.kind == votes[0].kind]
    meant = meaning(together(alike), sides) if alike else None
    if meant is None:
        return None
    told = named or Found([], "a guess", "labels like votes")
    found.fields["preference"] = told._replace(value=[each.name for each in alike])
    sense = "1 the first answer, -1 the second, 0 a tie"
    found.fields["values"] = Found(meant.values, "likely" if meant.is_plain else "a guess", sense)
    found.notes += [] if meant.is_plain else [WHICH]
    return found


def _lists(columns: Sequence[Profile]) -> Guess | None:
    """A column of lists of answers, and one of lists of ranks or scores."""
    texts, numbers = ([each for each in columns if each.kind == k] for k in ("texts", "numbers"))
    if not texts or not numbers:
        return None
    fields = {"responses": Found(texts[0].name, "likely", "a list of texts in each row")}
    if ranks := called(numbers, "ranks"):
        return Guess("rankings", {**fields, "ranks": ranks})
    scores = called(numbers, "scores") or Found(numbers[0].name, "likely", "a list of numbers")
    return Guess("ratings", {**fields, "scores": scores})


def _labels(columns: Sequence[Profile]) -> Guess | None:
    """An answer a row, and whether it is good."""
    thumbs = [each for each in columns if each.labels and set(each.labels) <= THUMBS.keys()]
    flags = [each for each in thumbs if each.kind == "flag"]
    label, response = called(thumbs, "label"), _response(columns)
    if label is None and flags:
        label = Found(flags[0].name, "a guess", "it is true or false")
    if label is None or response is None:
        return None
    return Guess("labels", {"response": response, "label": label}, [POLARITY.format(label.value)])


def _ratings(columns: Sequence[Profile]) -> Guess | None:
    """An answer a row, and scores of it."""
    numbers = [each for each in columns if each.kind == "number"]
    aspects = [each for each in numbers if set(each.words) & ASPECTS]
    named = [each for each in numbers if set(each.words) & set(CALLED["scores"])]
    few = [each for each in numbers if each.labels and "id" not in each.words]
    response, scores = _response(columns), aspects or named or few
    if response is None or not scores:
        return None
    names = [each.name for each in scores]
    guessed = Found(names, "a guess", "few different numbers")
    told = Found(names, "likely", "named so") if aspects or named else guessed
    found = Guess("ratings", {"response": response, "scores": told})
    if aspects:
        found.fields["aspects"] = Found(True, "likely", "one rater's aspects, not several raters")
    elif len(names) > 1:
        found.notes.append(RATERS)
    found.notes += [POLARITY.format(each.name) for each in scores if set(each.words) & LOWER]
    return found


def _response(columns: Sequence[Profile]) -> Found | None:
    """Return the column of answers: by its name, else the longest of several texts."""
    texts = [each for each in columns if each.kind == "text"]
    if named := called(texts, "response"):
        return named
    asked = called(texts, "prompt")
    others = [each for each in texts if asked is None or each.name != asked.value]
    if not others or (asked is None and len(others) < 2):
        return None
    return Found(max(others, key=lambda each: each.length).name, "a guess", "the longest texts")


def _add_prompt(found: Guess, columns: Sequence[Profile]) -> bool:
    """Add the column of prompts: called so, or the texts that repeat most; False without any."""
    prompt = called(found.free(columns, "text", "texts", "other"), "prompt")
    if prompt is None:
        texts = found.free(columns, "text")
        if not texts:
            return False
        most = min(texts, key=lambda each: (bool(each.labels), each.num_distinct))
        prompt = Found(most.name, "a guess", "texts that have no other meaning")
    found.fields = {"prompt": prompt, **found.fields}
    return True


def _add_others(found: Guess, columns: Sequence[Profile]) -> None:
    """Add who judged, who answered, the prompt's kind and the system's message."""
    for name in OTHERS:
        named = called(found.free(columns, "text", "number"), name)
        if named and (name != "generator" or "generators" not in found.fields):
            found.fields[name] = named
