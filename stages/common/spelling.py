"""Hints for misspelt names."""

from collections.abc import Iterable
from difflib import get_close_matches


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " (did you mean 'x'?)" with the known name spelt most like this one, or ""."""
    match = get_close_matches(name, list(known), 1)
    return f" (did you mean {match[0]!r}?)" if match else ""
