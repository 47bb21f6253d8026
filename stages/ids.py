"""Names that rows keep from one end of the pipeline to the other, made of their content alone."""

import hashlib
import unicodedata
from collections.abc import Iterable, Sequence

from schemas.messages import Message


def digest(parts: Iterable[str]) -> str:
    """Hash texts to 16 hex digits; lone surrogates are data like any other."""
    state = hashlib.blake2b(digest_size=8)
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        state.update(len(encoded).to_bytes(8, "little"))
        state.update(encoded)
    return state.hexdigest()


def prompt_id(messages: Sequence[Message]) -> str:
    """Name a prompt by its normalised messages: Unicode NFC, outer white space stripped."""
    parts: list[str] = []
    for message in messages:
        parts += [message["role"], unicodedata.normalize("NFC", message["content"]).strip()]
    return digest(parts)


def response_id(prompt: str, text: str) -> str:
    """Name a response by its prompt's id and its exact text."""
    return digest([prompt, text])


def pair_id(first: str, second: str) -> str:
    """Name a pair by its two responses, whatever their order."""
    return digest(sorted([first, second]))
