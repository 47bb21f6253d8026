"""Conversations, written as one text or as a list of turns, cut into prompt and answer.

The cut is at the last answer, never where two texts first differ: answers may begin alike, and one
may be the beginning of the other.
"""

import re
from typing import Any, Literal

from rather.schemas.base import Message
from rather.stages.sources.row_batches import Row, UnreadableError

HUMAN = re.compile(r"\n\n(Human|Assistant):")
FIRST = ("\n\nHuman:", "\n\nAssistant:", "Human:", "Assistant:")
LAMDA = re.compile(r"\n(USER|LAMDA):")
EXTRA = re.compile(r"\n?<extra_id_1>(User|Assistant)\n")
SPEAKERS: dict[str, Literal["user", "assistant"]] = {
    "Human": "user",
    "User": "user",
    "USER": "user",
    "Assistant": "assistant",
    "LAMDA": "assistant",
}
ANSWERING = frozenset({"assistant", "gpt", "model"})

Turns = list[Any]


def read_transcript(text: str, marks: re.Pattern[str] = HUMAN) -> list[Message]:
    """Cut a text at the marks that name who speaks, such as "Human:" after an empty line."""
    before, *parts = marks.split(f"\n\n{text}")  # the first mark has no line before it
    if before.strip() or not parts:
        raise UnreadableError("no_transcript")
    turns = zip(parts[0::2], parts[1::2], strict=True)
    return [{"role": SPEAKERS[who], "content": what.removeprefix(" ")} for who, what in turns]


def cut_transcript(text: str) -> tuple[str, str]:
    """Cut a transcript of HH-RLHF at its last answer: the transcript before, and the answer."""
    before, mark, reply = text.rpartition("\n\nAssistant:")
    if not mark:
        raise UnreadableError("no_transcript")
    if "\n\nHuman:" in reply:
        raise UnreadableError("last_turn_not_assistant")
    return before, reply.removeprefix(" ")


def conversation(value: object) -> Turns:
    """Return a list of turns; raise UnreadableError for anything else."""
    if not isinstance(value, list) or not value or not all(isinstance(t, dict) for t in value):
        raise UnreadableError("no_conversation")
    return value


def cut(value: object) -> tuple[Turns, object]:
    """Cut a conversation at its last turn: what was asked, and the answer."""
    *asked, last = conversation(value)
    return asked, said(last)


def said(turn: Row) -> object:
    """Return an answering turn's text, written as role and content or as from and value."""
    if not _answering(turn):
        raise UnreadableError("last_turn_not_assistant")
    return turn.get("content", turn.get("value"))


def _answering(turn: Row) -> bool:
    """Check whether a turn is the assistant's."""
    return str(turn.get("role", turn.get("from"))) in ANSWERING


def answer(value: object) -> tuple[Turns, object]:
    """Read an answer: text, a turn, or a list of turns that ends with it; and the turns before."""
    if isinstance(value, dict):
        return [], said(value)
    return cut(value) if isinstance(value, list) else ([], value)


def labelled(row: Row, column: str) -> Row:
    """Cut a judged conversation: the label is its last answer's."""
    asked, text = cut(row.get(column))
    return {**row, "prompt": asked, "response": text}


def pair(row: Row, prompt: str = "prompt") -> Row:
    """Read chosen and rejected as texts, turns or conversations, after a prompt of its own.

    Raises UnreadableError where the turns before the two answers differ.
    """
    (before, chosen), (other, rejected) = answer(row.get("chosen")), answer(row.get("rejected"))
    _same(before, other)
    asked = _joined(row.get(prompt), before)
    return {**row, "prompt": asked, "chosen": chosen, "rejected": rejected}


def pair_of_transcripts(row: Row) -> Row:
    """Recover the prompt of a pair that repeats it in both answers (HH-RLHF; TRL: implicit prompt).

    HH-RLHF: Bai et al. 2022, its transcripts mark turns with "Human:" and "Assistant:".
    Raises UnreadableError where the two prompts differ.
    """
    one, two = row.get("chosen"), row.get("rejected")
    if not isinstance(one, str) or not isinstance(two, str):
        (turns, first), (others, second) = cut(one), cut(two)
        _same(turns, others)
        return {**row, "prompt": turns, "chosen": first, "rejected": second}
    if not _marked(one, two):
        asked, chosen, rejected = _cut_plain(one, two)
        return {**row, "prompt": asked, "chosen": chosen, "rejected": rejected}
    (before, chosen), (other, rejected) = cut_transcript(one), cut_transcript(two)
    if before != other:
        raise UnreadableError("prefixes_differ")
    return {**row, "prompt": read_transcript(before), "chosen": chosen, "rejected": rejected}


def arena(row: Row) -> Row:
    """Read Chatbot Arena's and MT-bench's votes: the answers of the turn that was judged.

    Zheng et al. 2023, Judging LLM-as-a-judge; from the second turn on the two models were asked
    after different answers of their own: such votes compare conversations, not answers.
    """
    turn = row.get("turn")
    last = 2 * turn if isinstance(turn, int) and turn > 0 else None
    sides = [conversation(row.get(f"conversation_{side}"))[:last] for side in "ab"]
    (before, first), (other, second) = cut(sides[0]), cut(sides[1])
    _same(before, other)
    return {**row, "prompt": before, "response_a": first, "response_b": second}


def dices(row: Row) -> Row:
    """Read JUDGE-BENCH's copy of DICES: a dialogue, its answer, and every rater's label.

    Aroyo et al. 2023, DICES; "Yes" says that the answer is unsafe. A label's place in the list
    names no person.
    """
    instance, judged = row.get("instance"), row.get("annotations")
    safety = judged.get("safety") if isinstance(judged, dict) else None
    if not isinstance(instance, dict) or not isinstance(safety, dict):
        raise UnreadableError("no_safety_labels")
    return {
        "prompt": read_transcript(str(instance.get("user_prompt")), LAMDA),
        "response": instance.get("response"),
        "rater": safety.get("individual_human_scores"),
    }


def helpsteer2(row: Row) -> Row:
    """Read the turns that a HelpSteer2 prompt may hold, after <extra_id_1>User and Assistant.

    Wang et al. 2024, HelpSteer2; the tags are those of NeMo-Aligner's SteerLM template.
    """
    prompt = row.get("prompt")
    if not isinstance(prompt, str) or not EXTRA.search(prompt):
        return row
    return {**row, "prompt": read_transcript(f"<extra_id_1>User\n{prompt}", EXTRA)}


def alpaca(row: Row) -> Row:
    """Join Alpaca's instruction and input, after the system and the history that a row may have.

    LLaMA-Factory, data/README.md: history is a list of questions with their answers.
    """
    texts = [text for text in (row.get("instruction"), row.get("input")) if text not in (None, "")]
    plain = all(isinstance(text, str) for text in texts)
    asked = "\n".join(texts) if texts and plain else (texts or [None])[0]
    system = [{"role": "system", "content": row["system"]}] if row.get("system") else []
    turns = [*system, *_history(row.get("history")), {"role": "user", "content": asked}]
    return {**row, "prompt": turns}


def _history(past: object) -> Turns:
    """Read earlier rounds, each a question and its answer."""
    rounds = past or []
    if not isinstance(rounds, list) or not all(isinstance(r, list) and len(r) == 2 for r in rounds):
        raise UnreadableError("no_history")
    roles = ("user", "assistant")
    return [
        {"role": role, "content": text}
        for spoken in rounds
        for role, text in zip(roles, spoken, strict=True)
    ]


def _marked(*texts: str) -> bool:
    """Check whether every text begins with a speaker's mark."""
    return all(text.startswith(FIRST) for text in texts)


def _cut_plain(one: str, two: str) -> tuple[str, str, str]:
    """Cut two texts without marks at the last white space before they differ.

    The prompt's end is unknown if one text is the beginning of the other.
    """
    differ = (n for n, (a, b) in enumerate(zip(one, two, strict=False)) if a != b)
    shared = one[: next(differ, min(len(one), len(two)))]
    at = max(shared.rfind(" "), shared.rfind("\n"))
    if at <= 0 or shared in (one, two):
        raise UnreadableError("no_prompt")
    return one[:at], one[at:], two[at:]


def _joined(prompt: object, before: Turns) -> object:
    """Return the prompt: the whole conversation if the turns hold it, else the prompt's column."""
    whole = bool(before) and not _answering(before[0])
    if whole or not before:
        return before or prompt
    asked = prompt if isinstance(prompt, list) else [{"role": "user", "content": prompt}]
    return [*asked, *before]


def _same(one: Turns, two: Turns) -> None:
    """Check that two answers follow the same prompt; raise UnreadableError otherwise."""
    if [_plain(turn) for turn in one] != [_plain(turn) for turn in two]:
        raise UnreadableError("prefixes_differ")


def _plain(turn: Row) -> tuple[object, object]:
    """Return a turn's speaker and text, without its other members."""
    return turn.get("role", turn.get("from")), turn.get("content", turn.get("value"))
