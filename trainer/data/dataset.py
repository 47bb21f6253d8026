"""Reads training data: Parquet rows of messages in, examples of token ids and a ledger out."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from rather.trainer.config import Kind
from rather.trainer.data.encoding import ChatEncoder, Encoded, Messages, Tokens
from rather.trainer.errors import TrainerError

# The columns each kind of data holds, in the order their completions are scored.
COLUMNS: dict[Kind, tuple[str, ...]] = {
    "demonstrations": ("prompt", "completion"),
    "pairs": ("prompt", "chosen", "rejected"),
    "labels": ("prompt", "completion", "label"),
}
# The evidence that pairs may hold, by the names that losses call it.
EVIDENCE = {"p_correct": "p_correct", "score_margin": "margin"}
NOTHING: Mapping[str, float] = {}
DROP_REASONS = ("empty_prompt", "empty_completion", "no_label", "prompt_too_long")
ROWS_AT_ONCE = 1024


class Conversation(NamedTuple):
    """A prompt and the completions to score after it; label and evidence where the data has them.

    evidence: numbers that losses may take, by the names of their arguments, where they are known.
    """

    prompt: Messages
    completions: tuple[Messages, ...]
    label: bool | None = None
    evidence: Mapping[str, float] = NOTHING


@dataclass(frozen=True)
class Example:
    """Token ids of a prompt and of its completions: chosen then rejected for pairs, else one.

    evidence: numbers that losses may take, by the names of their arguments, where they are known.
    """

    prompt: Tokens
    completions: tuple[Tokens, ...]
    label: bool | None = None
    evidence: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Fitted:
    """A row cut to max_length, or the reason it was dropped; num_cut counts completions."""

    example: Example | None
    reason: str = ""
    num_cut: int = 0
    mismatched: bool = False


@dataclass(frozen=True)
class TokenLedger:
    """What became of every row of a file; rows_in is kept plus all dropped, or ValueError.

    truncated: kept rows with a completion cut at max_length. boundary_mismatch: kept rows whose
    prompt the template renders differently once a completion follows. eos_lost counts completions,
    of which a pair has two: those that were cut and so end without EOS.
    """

    rows_in: int
    kept: int
    dropped: Mapping[str, int]
    truncated: int = 0
    eos_lost: int = 0
    boundary_mismatch: int = 0

    def __post_init__(self) -> None:
        """Check that rows in equal rows kept plus rows dropped."""
        if self.rows_in != self.kept + sum(self.dropped.values()):
            raise ValueError(f"the token ledger does not balance: {self}")

    def as_dict(self) -> dict[str, Any]:
        """Return the counts for JSON."""
        return asdict(self)


def check(path: Path, eats: Kind) -> None:
    """Check that a file is data of the kind a loss eats.

    Raises TrainerError where it is missing or its columns are of another kind.
    """
    if not path.is_file():
        raise TrainerError(f"expected a file {path}, found none; correct the data directory")
    schema = pq.read_schema(path)
    wrong = [name for name in COLUMNS[eats] if not _column_fits(schema, name)]
    if wrong:
        found = ", ".join(f"{field.name}: {field.type}" for field in schema)
        raise TrainerError(
            f"{path}: expected {eats}, with columns {', '.join(COLUMNS[eats])}, each a list of "
            f"messages {{role, content}} and label a bool; found {found}; missing or of another "
            f"type: {', '.join(wrong)}; give another file or choose a loss that eats its columns"
        )


def read_examples(
    path: Path, eats: Kind, encoder: ChatEncoder, max_length: int
) -> tuple[list[Example], TokenLedger]:
    """Read and tokenise a file, cutting completions so that each sequence fits max_length.

    Columns beyond those the loss eats and the evidence are ignored. Raises TrainerError where the
    file is of the wrong kind.
    """
    check(path, eats)
    examples: list[Example] = []
    counts: Counter[str] = Counter()
    for rows in _read_conversations(path, eats):
        for fitted in fit(encoder, rows, eats, max_length):
            _count(counts, fitted)
            if fitted.example is not None:
                examples.append(fitted.example)
    return examples, _ledger(counts)


def fit(
    encoder: ChatEncoder, rows: Sequence[Conversation], eats: Kind, max_length: int
) -> list[Fitted]:
    """Tokenise rows and cut their completions to max_length, in the order given.

    The prompt is never cut: a row whose prompt leaves no room for a completion is dropped, as is
    one without a prompt, without the text of a completion, or with a null where a value is due.
    """
    reasons = [_flaw(row, eats) for row in rows]
    sound = [row for row, reason in zip(rows, reasons, strict=True) if not reason]
    encoded = iter(encoder.encode([(row.prompt, row.completions) for row in sound]))
    return [
        Fitted(None, reason) if reason else _cut(next(encoded), row, max_length)
        for row, reason in zip(rows, reasons, strict=True)
    ]


def _read_conversations(path: Path, eats: Kind) -> Iterator[list[Conversation]]:
    prompt, *completions = (name for name in COLUMNS[eats] if name != "label")
    evidence = _evidence_columns(pq.read_schema(path)) if eats == "pairs" else {}
    columns = [*COLUMNS[eats], *evidence.values()]
    for batch in pq.ParquetFile(path).iter_batches(ROWS_AT_ONCE, columns=columns):
        yield [
            Conversation(
                _messages(row[prompt]),
                tuple(_messages(row[name]) for name in completions),
                row.get("label"),
                {name: row[column] for name, column in evidence.items() if _is_known(row[column])},
            )
            for row in batch.to_pylist()
        ]


def _evidence_columns(schema: pa.Schema) -> dict[str, str]:
    return {
        name: column
        for name, column in EVIDENCE.items()
        if column in schema.names and pa.types.is_floating(schema.field(column).type)
    }


def _is_known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def _messages(value: list[dict[str, Any] | None] | None) -> list[dict[str, Any]]:
    """Keep role and content; a null list becomes an empty one, a null message one of nulls."""
    fields = ("role", "content")
    return [{name: (message or {}).get(name) for name in fields} for message in value or ()]


def _column_fits(schema: pa.Schema, name: str) -> bool:
    if name not in schema.names:
        return False
    kind = schema.field(name).type
    if name == "label":
        return bool(pa.types.is_boolean(kind))
    if not (pa.types.is_list(kind) or pa.types.is_large_list(kind)):
        return False
    message = kind.value_type
    return pa.types.is_struct(message) and {"role", "content"} <= {field.name for field in message}


def _flaw(row: Conversation, eats: Kind) -> str:
    """Return the reason a row is unusable before tokenisation, empty if there is none."""
    if eats == "labels" and row.label is None:
        return "no_label"
    if not row.prompt or not all(_is_whole(message) for message in row.prompt):
        return "empty_prompt"
    for completion in row.completions:
        if not completion or not all(_is_whole(message) for message in completion):
            return "empty_completion"
        if not any(message["content"].strip() for message in completion):
            return "empty_completion"
    return ""


def _is_whole(message: Mapping[str, str | None] | None) -> bool:
    return message is not None and None not in message.values()


def _cut(encoded: Encoded, row: Conversation, max_length: int) -> Fitted:
    room = max_length - len(encoded.prompt)
    if not encoded.prompt:
        return Fitted(None, "empty_prompt")
    if room < 1:
        return Fitted(None, "prompt_too_long")
    return Fitted(
        Example(
            encoded.prompt,
            tuple(ids[:room] for ids in encoded.completions),
            row.label,
            row.evidence,
        ),
        num_cut=sum(len(ids) > room for ids in encoded.completions),
        mismatched=encoded.mismatched,
    )


def _count(counts: Counter[str], fitted: Fitted) -> None:
    counts["rows_in"] += 1
    counts[fitted.reason or "kept"] += 1
    counts["truncated"] += fitted.num_cut > 0
    counts["eos_lost"] += fitted.num_cut
    counts["boundary_mismatch"] += fitted.mismatched


def _ledger(counts: Counter[str]) -> TokenLedger:
    return TokenLedger(
        rows_in=counts["rows_in"],
        kept=counts["kept"],
        dropped={reason: counts[reason] for reason in DROP_REASONS if counts[reason]},
        truncated=counts["truncated"],
        eos_lost=counts["eos_lost"],
        boundary_mismatch=counts["boundary_mismatch"],
    )
