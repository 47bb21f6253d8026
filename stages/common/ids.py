"""Content-derived ids of prompts, responses and pairs, stable over the whole pipeline.

An id is the first 16 hex digits of SHA-256 over length-prefixed texts; a pair's id is a hash of two
ids. The functions of columns compute a million ids per second; those of single values return the
same ids.
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
    """Hash texts to 16 hex digits; lone surrogates are hashed too."""
    state = sha256()
    for part in parts:
        encoded = part.encode("utf-8", "surrogatepass")
        state.update(f"{len(encoded)}:".encode())
        state.update(encoded)
    return state.hexdigest()[:NUM_DIGITS]


def digests(*parts: pl.Expr) -> pl.Expr:
    """Hash each row's texts as `digest` does; null if one of them is null."""
    joined = pl.concat_str([piece for part in parts for piece in _measured(part)])
    hashed: pl.Expr = joined.chash.sha2_256()  # type: ignore[attr-defined]
    return hashed.str.slice(0, NUM_DIGITS)


def _measured(part: pl.Expr) -> tuple[pl.Expr, pl.Expr, pl.Expr]:
    """Prefix a text by its length in bytes, so that distinct sequences have distinct joins."""
    return part.str.len_bytes().cast(pl.String), pl.lit(":"), part


def prompt_ids(messages: pl.Expr) -> pl.Expr:
    """Compute prompts' ids from their messages in Unicode NFC without outer white space."""
    content = _composed(pl.element().struct.field("content")).str.strip_chars()
    turn = pl.concat_str([*_measured(pl.element().struct.field("role")), *_measured(content)])
    hashed: pl.Expr = messages.list.eval(turn).list.join("").chash.sha2_256()  # type: ignore[attr-defined]
    return hashed.str.slice(0, NUM_DIGITS)


def _composed(text: pl.Expr) -> pl.Expr:
    """Convert texts to Unicode NFC; ASCII is unchanged."""
    is_ascii = text.str.len_bytes() == text.str.len_chars()
    return pl.when(is_ascii).then(text).otherwise(text.str.normalize("NFC"))


def response_ids(prompt: pl.Expr, text: pl.Expr) -> pl.Expr:
    """Compute responses' ids from their prompt's id and exact text; null without a text."""
    return digests(prompt, text)


def pair_ids(first: pl.Expr, second: pl.Expr) -> pl.Expr:
    """Compute order-independent pair ids: XXH3 of both responses' ids, the smaller first."""
    both = pl.concat_str(pl.min_horizontal(first, second), pl.max_horizontal(first, second))
    hashed: pl.Expr = both.nchash.xxh3_64()  # type: ignore[attr-defined]
    return hashed.map_batches(texts, return_dtype=pl.String(), is_elementwise=True)


def pair_numbers(first: pl.Series, second: pl.Series) -> pl.Series:
    """Compute pair ids as `pair_ids` does, from numeric ids and as numbers."""
    one, two = first.to_numpy(), second.to_numpy()
    both = np.stack([np.minimum(one, two), np.maximum(one, two)], axis=1)
    hashed: pl.Expr = pl.col("both").nchash.xxh3_64()  # type: ignore[attr-defined]
    return pl.DataFrame({"both": _digits(both)}).select(hashed).to_series()


def numbers(*names: str) -> pl.Expr:
    """Convert ids to numbers, which sort and join several times as fast."""
    return pl.col([*names]).str.to_integer(base=16, dtype=pl.UInt64)


def texts(ids: pl.Series) -> pl.Series:
    """Convert numbers to ids of 16 hex digits."""
    as_texts = _digits(ids.fill_null(0).to_numpy()[:, None]).rename(ids.name)
    return as_texts.set(ids.is_null(), None) if ids.has_nulls() else as_texts


def _digits(numbers: NDArray[np.uint64]) -> pl.Series:
    """Convert each row of numbers (rows, numbers) to its concatenated hex digits."""
    num_rows, num_ids = numbers.shape
    # A column with nulls would arrive as floats, which this cast rejects.
    digits = numbers.astype(">u8", casting="equiv").tobytes().hex().encode()
    edges = np.arange(num_rows + 1, dtype=np.int64) * (num_ids * NUM_DIGITS)
    buffers = [None, pa.py_buffer(edges), pa.py_buffer(digits)]
    as_texts = pa.Array.from_buffers(pa.large_string(), num_rows, buffers)
    return pl.Series("", as_texts, dtype=pl.String)


def numeric_ids(rows: pl.DataFrame, names: Sequence[str] | None = None) -> pl.DataFrame:
    """Convert a table's ids from texts to numbers: all of them, or the named columns."""
    return rows.with_columns(numbers(*_ids(rows, pl.String(), names)))


def text_ids(rows: pl.DataFrame, names: Sequence[str] | None = None) -> pl.DataFrame:
    """Convert a table's ids from numbers to texts: all of them, or the named columns."""
    return rows.with_columns(texts(rows[name]) for name in _ids(rows, pl.UInt64(), names))


def _ids(rows: pl.DataFrame, dtype: pl.DataType, names: Sequence[str] | None) -> list[str]:
    """List a table's id columns of this type."""
    of_type = [name for name, kind in rows.schema.items() if kind == dtype]
    if names is None:
        return [name for name in of_type if name.endswith("_id")]
    return [name for name in of_type if name in names]


def prompt_id(messages: Sequence[Message]) -> str:
    """Compute one prompt's id."""
    row = pl.Series("messages", [list(messages)], dtype=MESSAGES_DTYPE).to_frame()
    return str(row.select(prompt_ids(pl.col("messages"))).item())


def response_id(prompt: str, text: str) -> str:
    """Compute one response's id."""
    return digest([prompt, text])


def pair_id(first: str, second: str) -> str:
    """Compute one pair's id."""
    row = pl.DataFrame({"first": [first], "second": [second]})
    return str(row.select(pair_ids(pl.col("first"), pl.col("second"))).item())
