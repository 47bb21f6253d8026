"""Prepare the pairs that the page shows: cut, compared word by word, small enough to embed.

frame of the worst pairs per reason -> JSON that a script element can hold
"""

import json
import re
from collections.abc import Sequence
from itertools import chain, pairwise
from typing import Any

import polars as pl

from rather.stages.audit.formatting import UNSEEN

CUTS = (6000, 4000, 2500, 1500, 1000, 700, 500, 350, 250, 160)  # characters shown of a text
WORDS = re.compile(r"\w+|\s+|[^\w\s]")
ISLAND = 3  # fewer equal words between two differences are drawn as different too
ALIKE = 0.2  # below this share of words in common, marks would cover everything
MOST_JUDGEMENTS = 24
TEXTS = ("prompt", "chosen", "rejected")
# JSON is text inside a script element: nothing may close it, or turn the source's direction.
UNSAFE = re.compile(f"[<>&]|{UNSEEN.pattern}")


def embedded(rows: pl.DataFrame, budget: int) -> tuple[str, int, int]:
    """Return rows as JSON of at most `budget` bytes, with the texts' cut and the rows embedded.

    The longest cut that fits is taken; where none does, each reason keeps its first rows.
    """
    if rows.is_empty():
        return "[]", CUTS[0], 0
    most = max(len(group) for _, group in rows.group_by("reason"))
    while True:
        for cut in CUTS:
            if _least_bytes(rows, cut) <= budget:
                text = safe_json([_row(row, cut) for row in rows.iter_rows(named=True)])
                if len(text.encode()) <= budget:
                    return text, cut, rows.height
        most = most // 2
        rows = rows.filter(pl.int_range(pl.len()).over("reason") < most)


def _least_bytes(rows: pl.DataFrame, cut: int) -> int:
    """Return a lower bound of the bytes of rows whose texts are cut to a length."""
    texts = [pl.col(name).fill_null("").str.slice(0, cut).str.len_bytes() for name in TEXTS]
    return int(rows.select(pl.sum_horizontal(texts).sum()).item())


def safe_json(value: Any) -> str:
    """Write JSON that no character of it can break out of a script element."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return UNSAFE.sub(lambda found: _escaped(found[0]), text)


def _escaped(character: str) -> str:
    """Write a character as JSON's escape, in two halves where it needs them."""
    return json.dumps(character)[1:-1] if ord(character) > 0x7F else f"\\u{ord(character):04x}"


def _row(row: dict[str, Any], cut: int) -> dict[str, Any]:
    """Return the fields of a pair that the page shows; null ones are left out."""
    judgements = row.get("judgements") or []
    shown = row | {
        "prompt": shortened(row["prompt"] or "", cut),
        **side_by_side(row["chosen"] or "", row["rejected"] or "", cut),
        "judgements": judgements[:MOST_JUDGEMENTS],
        "more_judgements": max(len(judgements) - MOST_JUDGEMENTS, 0) or None,
    }
    known: dict[str, Any] = _known(shown)
    return known


def _known(value: Any) -> Any:
    """Leave nulls out, and digits that nobody reads."""
    if isinstance(value, dict):
        return {key: _known(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_known(each) for each in value]
    return round(value, 4) if isinstance(value, float) else value


def shortened(text: str, cut: int, start: int = 0) -> dict[str, Any]:
    """Cut a text: what is shown, and how many characters before and after it are not."""
    after = len(text) - start - cut
    return {
        "before": start or None,
        "text": text[start : start + cut],
        "after": after if after > 0 else None,
    }


def side_by_side(chosen: str, rejected: str, cut: int) -> dict[str, Any]:
    """Cut two texts alike, and divide both where they differ.

    Two long texts that begin alike are shown from shortly before they part.
    """
    from rapidfuzz.distance import Prefix

    shared = Prefix.similarity(chosen, rejected)
    cut_off = max(len(chosen), len(rejected)) > cut
    start = shared - cut // 4 if cut_off and shared > cut // 2 else 0
    sides = [shortened(text, cut, start) for text in (chosen, rejected)]
    divided = differences(*(side["text"] for side in sides))
    if divided is not None:
        for side, parts in zip(sides, divided, strict=True):
            side |= {"text": None, "parts": parts}
    return dict(zip(("chosen", "rejected"), sides, strict=True))


def differences(first: str, second: str) -> tuple[list[str], list[str]] | None:
    """Divide two texts into parts: different, equal, different and so on; a part may be empty.

    None where they have too little in common for marks to help.
    """
    from rapidfuzz.distance import LCSseq

    words, others = WORDS.findall(first), WORDS.findall(second)
    equal = [
        (op.src_start, op.src_end, op.dest_start, op.dest_end)
        for op in LCSseq.opcodes(words, others)
        if op.tag == "equal" and _readable(op, words, others)
    ]
    if sum(end - start for start, end, *_ in equal) < ALIKE * min(len(words), len(others)):
        return None
    return _parts(words, [block[:2] for block in equal]), _parts(
        others, [block[2:] for block in equal]
    )


def _readable(block: Any, words: Sequence[str], others: Sequence[str]) -> bool:
    """Check whether an equal stretch is long enough to show, or at an end of both texts."""
    first = block.src_start == 0 and block.dest_start == 0
    last = block.src_end == len(words) and block.dest_end == len(others)
    told = sum(not word.isspace() for word in words[block.src_start : block.src_end])
    return first or last or told >= ISLAND


def _parts(words: Sequence[str], equal: Sequence[tuple[int, ...]]) -> list[str]:
    """Join words into parts, cut where equal stretches start and end."""
    bounds = [0, *chain.from_iterable(equal), len(words)]
    return ["".join(words[start:end]) for start, end in pairwise(bounds)]
