"""Words in messages: hints for misspelt names, and counts with their nouns."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" with the known name spelt most like this one, or ""."""
    match = get_close_matches(name, list(known), 1)
    return f" (did you mean {match[0]!r}?)" if match else ""


def counted(number: int, noun: str) -> str:
    """Return a number with its noun, such as "1 pair" or "1,200 pairs"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
