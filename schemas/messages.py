"""The chat form that prompts and answers share."""

from typing import Literal, TypedDict

import dataframely as dy
import polars as pl


class Message(TypedDict):
    """One turn of a conversation."""

    role: Literal["system", "user", "assistant"]
    content: str


MESSAGES_DTYPE = pl.List(pl.Struct({"role": pl.String, "content": pl.String}))


def messages_column() -> dy.List:
    """Give the column type of a conversation: at least one message, each with a role and text."""
    role = dy.String(regex="^(system|user|assistant)$")
    return dy.List(dy.Struct({"role": role, "content": dy.String()}), min_length=1)
