"""Prompts: what each row of a batch asks, as messages, and its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np
import polars as pl

from rather.schemas.base import Message
from rather.stages.common.ids import prompt_ids
from rather.stages.sources.cells import encodable, said_in
from rather.stages.sources.mapping import Mapping
from rather.stages.sources.row_batches import Batch, Column, UnreadableError, cells_of

ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant"}
ROLES |= {"gpt": "assistant", "model": "assistant"}
ROLE, CONTENT = pl.element().struct.field("role"), pl.element().struct.field("content")


@dataclass(frozen=True)
class Asked:
    """The prompts of a batch.

    prompts: prompt_id, messages, later_turns and reason of each distinct wording, or of each row
    which:   each row's place in `prompts`
    """

    prompts: pl.DataFrame
    which: pl.Series

    def each(self, column: str) -> pl.Series:
        """Return a column of `prompts` for each row."""
        return self.prompts[column].gather(self.which)


def read_prompts(batch: Batch, mapping: Mapping) -> Asked:
    """Read every row's prompt: texts at once, conversations with types at once, others singly."""
    columns = [batch.column(name) for name in mapping.prompt]
    system = batch.column(mapping.system) if mapping.system else None
    texts = [column for column in (*columns, system) if column is not None]
    if all(isinstance(column, pl.Series) and column.dtype == pl.String for column in texts):
        found = _wordings(pl.DataFrame({f"{n}": c for n, c in enumerate(texts)}), len(columns))
    else:
        conversations = _conversations(columns[0]) if len(texts) == 1 else None
        found = _one_by_one(columns, system) if conversations is None else conversations
    asks = _first_questions if mapping.shape == "prompts" else _whole
    return Asked(_judged(asks(found.prompts)), found.which)


def _wordings(texts: pl.DataFrame, num: int) -> Asked:
    """Read texts, each distinct wording once; the columns beyond `num` are the system's."""
    prompt = pl.col("0") if num == 1 else _joined(texts.columns[:num])
    texts = texts.select(prompt.alias("text"), *texts.columns[num:])
    distinct = texts.unique(maintain_order=True).with_row_index("which")
    which = texts.join(
        distinct, on=texts.columns, how="left", nulls_equal=True, maintain_order="left"
    )["which"]
    asked = pl.concat_list(_turn("user", pl.col("text")))
    if len(texts.columns) > 1:
        told = pl.col(texts.columns[1])
        both = pl.concat_list(_turn("system", told), _turn("user", pl.col("text")))
        asked = pl.when(told.str.strip_chars() != "").then(both).otherwise(asked)
    return Asked(distinct.select(messages=asked, reason=pl.lit(None, pl.String)), which)


def _joined(names: Sequence[str]) -> pl.Expr:
    """Join texts by blank lines, blank ones skipped."""
    texts = [pl.when(pl.col(name).str.strip_chars() != "").then(pl.col(name)) for name in names]
    return pl.concat_str(texts, separator="\n\n", ignore_nulls=True)


def _turn(role: str, content: pl.Expr) -> pl.Expr:
    """Make a message."""
    return pl.struct(role=pl.lit(role), content=content)


def _conversations(column: Column) -> Asked | None:
    """Read messages with types; null where this column is something else."""
    if not isinstance(column, pl.Series) or not isinstance(column.dtype, pl.List):
        return None
    turn = column.dtype.inner
    fields = dict(turn) if isinstance(turn, pl.Struct) else {}
    keys = [keys for keys in (("role", "content"), ("from", "value")) if keys[0] in fields]
    if len(keys) != 1 or any(fields.get(key) != pl.String for key in keys[0]):
        return None
    role, content = (pl.element().struct.field(key) for key in keys[0])
    known = role.fill_null("user").replace_strict(ROLES, default=None)
    message = pl.struct(role=known, content=content)
    messages = column.alias("messages").to_frame().select(pl.col("messages").list.eval(message))
    unknown = pl.col("messages").list.eval(ROLE.is_null()).list.any()
    reason = pl.when(unknown).then(pl.lit("unknown_role"))
    return Asked(messages.with_columns(reason=reason), pl.int_range(len(column), eager=True))


def _one_by_one(columns: Sequence[Column], system: Column | None) -> Asked:
    """Read prompts row by row."""
    told = system if system is not None else [None] * len(columns[0])
    cells = map(cells_of, (told, *columns))
    found = [_read(*row) for row in zip(*cells, strict=True)]
    prompts = pl.DataFrame(
        {
            "messages": _nested([messages or [] for messages, _ in found]),
            "reason": pl.Series([why for _, why in found], dtype=pl.String),
        }
    )
    return Asked(prompts, pl.int_range(len(found), eager=True))


def _nested(conversations: list[list[Message]]) -> pl.Series:
    """Make a column of conversations, null for one without a turn.

    Of flat columns: of nested objects it would take twenty times as long.
    """
    counts = np.array([len(messages) for messages in conversations], np.int64)
    turns = list(chain.from_iterable(conversations))
    spoken = pl.DataFrame(
        {
            "at": np.repeat(np.arange(len(conversations)), counts),
            "role": pl.Series([turn["role"] for turn in turns], dtype=pl.String),
            "content": pl.Series([turn["content"] for turn in turns], dtype=pl.String),
        }
    )
    by_row = spoken.group_by("at", maintain_order=True).agg(messages=pl.struct("role", "content"))
    rows = pl.DataFrame({"at": np.arange(len(conversations))})
    return rows.join(by_row, on="at", how="left", maintain_order="left")["messages"]


def _read(system: object, *cells: object) -> tuple[list[Message] | None, str | None]:
    """Read one row's prompt."""
    try:
        messages = messages_of(cells[0] if len(cells) == 1 else _join(cells))
        return _told(system) + messages, None
    except UnreadableError as reason:
        return None, str(reason)


def _join(cells: Sequence[object]) -> str:
    """Join texts by blank lines, blank ones skipped."""
    if any(not isinstance(cell, str | None) for cell in cells):
        raise UnreadableError("prompt_not_text")
    return "\n\n".join(cell for cell in cells if isinstance(cell, str) and cell.strip())


def _told(system: object) -> list[Message]:
    """Return the system message, or an empty list without one."""
    if not isinstance(system, str | None):
        raise UnreadableError("prompt_not_text")
    return [{"role": "system", "content": encodable(system)}] if system and system.strip() else []


def messages_of(value: object) -> list[Message]:
    """Read a prompt: text, a list of user turns, or a list of messages."""
    turns = value if isinstance(value, list) else [value]
    if not turns:
        raise UnreadableError("no_prompt")
    return [_message(turn) for turn in turns]


def _message(turn: object) -> Message:
    """Read one turn: a text is the user's; raise UnreadableError for an unknown role."""
    content: Any = turn
    role: Any = "user"
    if isinstance(turn, dict):
        said = turn.get("role") or turn.get("from") or "user"
        role, content = ROLES.get(str(said)), said_in(turn)
    if role is None:
        raise UnreadableError("unknown_role")
    if content is None:
        raise UnreadableError("no_prompt")
    if not isinstance(content, str):
        raise UnreadableError("prompt_not_text")
    return {"role": role, "content": encodable(content)}


def _first_questions(prompts: pl.DataFrame) -> pl.DataFrame:
    """Split user turns without answers into the first, with the system's, and later turns.

    The others are to come when there are answers. A conversation that has the assistant's turns is
    asked whole.
    """
    roles = pl.col("messages").list.eval(ROLE)
    several = (roles.list.count_matches("user") > 1) & ~roles.list.contains("assistant")
    first = roles.list.eval((pl.element() == "user").arg_max()).list.first()
    messages = pl.col("messages")
    later = messages.list.slice(first + 1).list.eval(CONTENT).list.drop_nulls()
    return prompts.with_columns(
        pl.when(several).then(messages.list.head(first + 1)).otherwise(messages),
        later_turns=pl.when(several).then(later),
    )


def _whole(prompts: pl.DataFrame) -> pl.DataFrame:
    """Return the prompts without later turns."""
    return prompts.with_columns(later_turns=pl.lit(None, pl.List(pl.String)))


def _judged(prompts: pl.DataFrame) -> pl.DataFrame:
    """Add prompt ids, and reasons: the prompt is blank, or its last turn is not the user's."""
    last = pl.col("messages").list.last()
    content = last.struct.field("content")
    hollow = pl.col("messages").list.eval(CONTENT.is_null()).list.any()
    blank = content.is_null() | (content.str.strip_chars() == "") | hollow
    reason = (
        pl.when(pl.col("reason").is_not_null())
        .then("reason")
        .when(blank)
        .then(pl.lit("no_prompt"))
        .when(last.struct.field("role") != "user")
        .then(pl.lit("last_turn_not_user"))
    )
    prompts = prompts.with_columns(reason=reason)
    prompt_id = pl.when(pl.col("reason").is_null()).then(prompt_ids(pl.col("messages")))
    return prompts.with_columns(prompt_id=prompt_id)
