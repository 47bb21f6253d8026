"""Ids of prompts, responses and pairs: hashes of their content, equal in every stage.

A name is the first 16 hex digits of SHA-256 over texts, each after its length, and a pair's is a
hash of two such names. Functions of columns name a million rows in a second; those of single values
give the same names.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256

import numpy as np
import polars as pl
import polars_hash  # noqa: F401  adds `chash` and `nchash` to expressions
import pyarrow as pa
from numpy.typing import NDArray

from rather.schemas.base import MESSAGES_DTYPE, Message

NUM_DIGITS = 16


def digest(parts: Iterable[str]) -> str:
    """Return the hash of texts as 16 hex digits; lone surrogates are hashed as they are."""
    state = sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        state.update(f"{len(encoded)}:".encode())
        state.update(encoded)
    return state.hexdigest()[:NUM_DIGITS]


def digests(*parts: pl.Expr) -> pl.Expr:
    """Return the hash of each row's texts, as `digest`; null if one text is null."""
    joined = pl.concat_str([piece for part in parts for piece in _measured(part)])
    hashed: pl.Expr = joined.chash.sha2_256()  # type: ignore[attr-defined]
    return hashed.str.slice(0, NUM_DIGITS)


def _measured(part: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Return a text prefixed by its length in bytes: different sequences of texts then differ."""
    return part.str.len_bytes().cast(pl.String), pl.lit(":"), part


def prompt_ids(messages: pl.Expr) -> pl.Expr:
    """Return prompt ids: hashes of the messages in Unicode NFC, outer white space stripped."""
    content = _composed(pl.element().struct.field("content")).str.strip_chars()
    turn = pl.concat_str([*_measured(pl.element().struct.field("role")), *_measured(content)])
    hashed: pl.Expr = messages.list.eval(turn).list.join("").chash.sha2_256()  # type: ignore[attr-defined]
    return hashed.str.slice(0, NUM_DIGITS)


def _composed(text: pl.Expr) -> pl.Expr:
    """Return texts in Unicode NFC; ASCII texts are unchanged."""
    is_ascii = text.str.len_bytes() == text.str.len_chars()
    return pl.when(is_ascii).then(text).otherwise(text.str.normalize("NFC"))


def response_ids(prompt: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Return response ids: hashes of prompt id and exact text; null without a text."""
    return digests(prompt, text)


def pair_ids(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    """Return pair ids: XXH3 of both response ids, the smaller first."""
    both = pl.concat_str(pl.min_horizontal(first, second), pl.max_horizontal(first, second))
    hashed: pl.Expr = both.nchash.xxh3_64()  # type: ignore[attr-defined]
    return hashed.map_batches(texts, return_dtype=pl.String(), is_elementwise=True)


def pair_numbers(first: pl.Series, second: pl.Series) -> pl.Series:
    """Return pair ids as numbers, from response ids as numbers; see `pair_ids`."""
    one, two = first.to_numpy(), second.to_numpy()
    both = np.stack([np.minimum(one, two), np.maximum(one, two)], axis=1)
    hashed: pl.Expr = pl.col("both").nchash.xxh3_64()  # type: ignore[attr-defined]
    return pl.DataFrame({"both": _digits(both)}).select(hashed).to_series()


def numbers(*names: str) -> pl.Expr:
    """Convert ids from hex to 64-bit numbers, which sort and join several times as fast."""
    return pl.col([*names]).str.to_integer(base=16, dtype=pl.UInt64)


def texts(ids: pl.Series) -> pl.Series:
    """Convert 64-bit numbers to hex ids."""
    as_texts = _digits(ids.fill_null(0).to_numpy()[:, None]).rename(ids.name)
    return as_texts.set(ids.is_null(), None) if ids.has_nulls() else as_texts


def _digits(numbers: NDArray[np.uint64]) -> pl.Series:
    """Return the hex digits of each row's numbers, (rows, numbers), concatenated."""
    num_rows, num_ids = numbers.shape
    # Numbers with nulls among them would arrive as floats: those are refused.
    digits = numbers.astype(">u8", casting="equiv").tobytes().hex().encode()
    edges = np.arange(num_rows + 1, dtype=np.int64) * (num_ids * NUM_DIGITS)
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(digits)]
    as_texts = pa.Array.from_buffers(pa.large_string(), num_rows, buffers)
    return pl.Series("", as_texts, dtype=pl.String)


def numeric_ids(rows: pl.DataFrame, names: Sequence[str] | None = None) -> pl.DataFrame:
    """Convert hex ids of a table to numbers: all id columns, or the named ones."""
    return rows.with_columns(numbers(*_ids(rows, pl.String(), names)))


def text_ids(rows: pl.DataFrame, names: Sequence[str] | None = None) -> pl.DataFrame:
    """Convert numeric ids of a table to hex: all id columns, or the named ones."""
    return rows.with_columns(texts(rows[name]) for name in _ids(rows, pl.UInt64(), names))


def _ids(rows: pl.DataFrame, dtype: pl.DataType, names: Sequence[str] | None) -> list[str]:
    """Return a table's id columns of one type."""
    of_type = [name for name, kind in rows.schema.items() if kind == dtype]
    if names is None:
        return [name for name in of_type if name.endswith("_id")]
    return [name for name in of_type if name in names]


def prompt_id(messages: Sequence[Message]) -> str:
    """Return the id of one prompt."""
    row = pl.Series("messages", [list(messages)], dtype=MESSAGES_DTYPE).to_frame()
    return str(row.select(prompt_ids(pl.col("messages"))).item())


def response_id(prompt: str, text: str) -> str:
    """Return the id of one response."""
    return digest([prompt, text])


def pair_id(first: str, second: str) -> str:
    """Return the id of one pair."""
    row = pl.DataFrame({"first": [first], "second": [second]})
    return str(row.select(pair_ids(pl.col("first"), pl.col("second"))).item())
