"""The general table reader: rows of any mapped file become prompts, responses and ratings."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from schemas.errors import UserError
from schemas.messages import Message
from stages.ids import prompt_id, response_id
from stages.sources.files import Row, Rows, aside, read_rows
from stages.sources.presets import Mapping, choose_mapping, recognise
from stages.sources.templates import UnreadableError

ROLES = {"system": "system", "user": "user", "human": "user", "assistant": "assistant"}
LARGEST = 1e100  # a score's square is a number too
ROLES |= {"gpt": "assistant", "model": "assistant"}


@dataclass
class Records:
    """What a source held, as rows of the tables-to-be; the split is not decided here.

    num_rows, num_ratings: how many rows and ratings were met, before anything was set aside
    num_read: rows that became part of the tables
    """

    format: str
    num_rows: int = 0
    num_ratings: int = 0
    num_read: int = 0
    prompts: dict[str, Row] = field(default_factory=dict)
    responses: dict[tuple[str, str, str], Row] = field(default_factory=dict)
    ratings: dict[tuple[str, str], Row] = field(default_factory=dict)
    set_aside: list[Row] = field(default_factory=list)


def read_table(path: Path, name: str, changes: dict[str, Any], limit: int | None) -> Records:
    """Read a file by a preset's name, or by its columns where the name is `auto`.

    Rows that would bring more prompts than the limit are set aside like any others.
    Raises UserError for a file, format, column or scale that cannot be right.
    """
    rows = read_rows(path)
    columns = {column for _, row in rows.good for column in row}
    name = recognise(columns, changes, str(path)) if name == "auto" else name
    preset, mapping = choose_mapping(name, changes, columns, str(path))
    records = Records(format=name, num_rows=len(rows.good) + len(rows.bad))
    for line, row in rows.good:
        try:
            content = preset.unwrap(row) if preset.unwrap else row
            _add(records, path.name, line, content, mapping, limit)
        except UnreadableError as reason:
            rows.set_aside(line, str(reason), row)
    records.set_aside += rows.bad
    _refuse_hopeless(records, rows, path, mapping)
    return records


def _add(
    records: Records, source: str, line: int, row: Row, mapping: Mapping, limit: int | None
) -> None:
    """Add one row's prompt, response and ratings, or raise UnreadableError and add nothing."""
    prompt = _prompt(row, source, line, mapping)
    key = prompt["prompt_id"]
    if limit is not None and key not in records.prompts and len(records.prompts) >= limit:
        raise UnreadableError("beyond_limit")
    if mapping.shape == "ratings":
        response = _response(row, line, mapping, key)
        ratings = list(_ratings(row, mapping))
        where = (key, response["generator"], response["response_id"])
        records.responses.setdefault(where, response)
        for rater, value in ratings:
            _add_rating(records, response, rater, score_of(value, mapping.scale), line)
    first = records.prompts.setdefault(key, prompt)
    for name in ("category", "demonstration", "answer"):
        first[name] = prompt[name] if first[name] is None else first[name]
    records.num_read += 1


def _prompt(row: Row, source: str, line: int, mapping: Mapping) -> Row:
    """Read a row's prompt."""
    messages = messages_of(row.get(mapping.prompt))
    if mapping.shape == "prompts":
        messages = first_question(messages)
    return {
        "prompt_id": prompt_id(messages),
        "messages": messages,
        "category": _text(row, mapping.category),
        "demonstration": _text(row, mapping.demonstration),
        "answer": _text(row, mapping.answer),
        "source": source,
        "source_line": line,
    }


def messages_of(value: object) -> list[Message]:
    """Read a prompt: text, a list of user turns, or a list of messages."""
    turns = value if isinstance(value, list) else [value]
    messages = [_message(turn) for turn in turns]
    if not messages or not messages[-1]["content"].strip():
        raise UnreadableError("no_prompt")
    if messages[-1]["role"] != "user":
        raise UnreadableError("last_turn_not_user")
    return messages


def first_question(messages: Sequence[Message]) -> list[Message]:
    """Leave of user turns without answers between them the first, and the system turn before it.

    A conversation that has the assistant's turns is asked whole.
    """
    users = [at for at, message in enumerate(messages) if message["role"] == "user"]
    if len(users) < 2 or any(message["role"] == "assistant" for message in messages):
        return list(messages)
    return list(messages[: users[0] + 1])


def _message(turn: object) -> Message:
    """Read one turn: text is the user's; a role that nobody knows is not guessed."""
    if isinstance(turn, dict):
        role = ROLES.get(str(turn.get("role", turn.get("from", "user"))))
        if role is None:
            raise UnreadableError("unknown_role")
        content = turn.get("content", turn.get("value"))
    else:
        role, content = "user", turn
    if content is None:
        raise UnreadableError("no_prompt")
    if not isinstance(content, str):
        raise UnreadableError("prompt_not_text")
    return {"role": role, "content": _encodable(content)}  # type: ignore[typeddict-item]


def _response(row: Row, line: int, mapping: Mapping, prompt: str) -> Row:
    """Read a row's answer; a value that is not text is no answer."""
    text = row.get(mapping.response)
    if text is None:
        raise UnreadableError("no_response")
    if not isinstance(text, str):
        raise UnreadableError("response_not_text")
    return {
        "prompt_id": prompt,
        "generator": _text(row, mapping.generator) or "source",
        "response_id": response_id(prompt, _encodable(text)),
        "text": text,
        "source_line": line,
    }


def _encodable(text: str) -> str:
    """Give the text back; one with half a surrogate pair cannot be written down as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise UnreadableError("invalid_unicode") from None
    return text


def _text(row: Row, column: str | None) -> str | None:
    """Read an optional text column."""
    value = row.get(column) if column else None
    return value if value is None else _encodable(str(value))


def _add_rating(
    records: Records,
    response: Row,
    rater: str,
    found: tuple[float | None, str | None],
    line: int,
) -> None:
    """Add a rating; where the rater rated this response before, the earlier one is set aside."""
    records.num_ratings += 1
    where = (response["response_id"], rater)
    earlier = records.ratings.pop(where, None)
    if earlier is not None:
        shown = f"{rater}: {earlier['score'] if earlier['reason'] is None else earlier['reason']}"
        records.set_aside.append(aside("ratings", "repeated_rating", earlier["source_line"], shown))
    score, reason = found
    records.ratings[where] = {
        "response_id": response["response_id"],
        "rater": rater,
        "prompt_id": response["prompt_id"],
        "score": score,
        "reason": reason,
        "source_line": line,
    }


def _ratings(row: Row, mapping: Mapping) -> Iterator[tuple[str, object]]:
    """Go through a row's ratings: one per score column, or one per item of a list of scores."""
    named = _text(row, mapping.rater)
    for column in mapping.scores:
        parts = [named, column if len(mapping.scores) > 1 or not named else None]
        rater = "_".join(part for part in parts if part)
        value = row.get(column)
        if isinstance(value, list) and value:
            yield from ((f"{rater}_{number}", item) for number, item in enumerate(value, 1))
        else:
            yield rater, value


def score_of(value: object, scale: tuple[float, float] | None) -> tuple[float | None, str | None]:
    """Read a score: a finite number, or text of one; else null and why. Missing is not low."""
    if value is None or value in ("", []):
        return None, "no_score"
    # float() takes True for 1 and "4_5" for 45
    odd = isinstance(value, bool) or (isinstance(value, str) and "_" in value)
    try:
        score = math.nan if odd else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError):
        score = math.nan
    if not abs(score) <= LARGEST:  # NaN is not
        return None, "unparsable_score"
    if scale and not scale[0] <= score <= scale[1]:
        return None, "outside_scale"
    return score, None


def _refuse_hopeless(records: Records, rows: Rows, path: Path, mapping: Mapping) -> None:
    """Stop where not one row or score could be used: then the options are wrong, not the rows."""
    if not records.prompts:
        first = min(rows.bad, key=lambda row: row["source_line"])
        raise UserError(
            f"{path}: none of {records.num_rows:,} rows can be read as {records.format}; the "
            f"first, line {first['source_line']}: {first['reason']}: {first['detail']!r}"
        )
    reasons = {row["reason"] for row in records.ratings.values()}
    if reasons and None not in reasons:
        expected = "numbers" if mapping.scale is None else "{:g} to {:g}".format(*mapping.scale)
        raise UserError(
            f"{path}: expected scores ({expected}) in {', '.join(mapping.scores)}, found none "
            f"among {len(records.ratings):,} ratings ({', '.join(sorted(map(str, reasons)))}); "
            "correct them, or set source.mapping.scores and source.mapping.scale"
        )
