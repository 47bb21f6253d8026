"""Features of responses.   prompts, responses -> features"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl
import polars_hash  # noqa: F401  adds `nchash` to expressions

from rather.schemas.evidence import Features
from rather.stages.text.normalise import normalised, prompt_texts
from rather.stages.text.scripts import scripts

if TYPE_CHECKING:
    from tokenizers import Encoding, Tokenizer

TEXTS_AT_ONCE = 10_000
NEEDED = ("prompt_id", "response_id", "text", "finish_reason", "reason")  # of responses


def measure(
    prompts: pl.DataFrame, responses: pl.DataFrame, max_length: int, tokenizer: Path | None
) -> pl.DataFrame:
    """Compute the features of each distinct response.

    Lengths are in tokens of the tokenizer file. Without one they are in UTF-8 bytes, and
    `truncated` is false, as the trainer's cut is unknown. `truncated` and `cut_key` leave out the
    chat template's own tokens.
    """
    texts = responses.filter(pl.col("text").is_not_null()).unique(
        "response_id", keep="first", maintain_order=True
    )
    return (
        texts.join(
            _rooms(prompts, max_length, tokenizer), "prompt_id", "left", maintain_order="left"
        )
        .with_columns(
            num_tokens=token_counts(texts["text"], tokenizer),
            num_chars=pl.col("text").str.len_chars().cast(pl.Int64),
            unfinished=pl.col("response_id").is_in(_unfinished(responses).implode()),
            script=scripts(texts["text"]),
        )
        .with_columns(truncated=(pl.col("num_tokens") > pl.col("room")).fill_null(False))
        .pipe(_with_keys, tokenizer)
        .select(Features.column_names())
    )


def prompt_scripts(prompts: pl.DataFrame) -> pl.DataFrame:
    """Compute the script of each prompt's user turns.   -> prompt_id, script"""
    user_turns = pl.element().filter(pl.element().struct.field("role") == "user")
    return prompts.select("prompt_id", script=scripts(prompt_texts(prompts, user_turns)))


def token_counts(texts: pl.Series, tokenizer: Path | None) -> pl.Series:
    """Count each text's tokens without special ones; bytes without a tokenizer."""
    if tokenizer is None:
        return texts.str.len_bytes().cast(pl.Int64)
    model = _tokenizer(tokenizer)
    counts = [
        len(encoded)
        for part in texts.to_frame().iter_slices(TEXTS_AT_ONCE)
        for encoded in model.encode_batch_fast(part.to_series().to_list(), add_special_tokens=False)
    ]
    return pl.Series(texts.name, counts, pl.Int64)


def _tokenizer(file: Path) -> "Tokenizer":
    from tokenizers import Tokenizer

    model = Tokenizer.from_file(str(file))
    model.no_truncation()
    model.no_padding()
    return model


def _rooms(prompts: pl.DataFrame, max_length: int, tokenizer: Path | None) -> pl.DataFrame:
    """Count the tokens that each prompt leaves for an answer; negative if it is too long.

    Null without a tokenizer.
    """
    if tokenizer is None:
        return prompts.select("prompt_id", room=pl.lit(None, pl.Int64))
    counts = token_counts(prompt_texts(prompts), tokenizer)
    return prompts.select("prompt_id", room=max_length - counts)


def _unfinished(responses: pl.DataFrame) -> pl.Series:
    """List the responses with at least one truncated sample."""
    return responses.filter(pl.col("finish_reason") == "length")["response_id"].unique()


def _with_keys(rows: pl.DataFrame, tokenizer: Path | None) -> pl.DataFrame:
    """Add key, blank and cut_key: hashes of the normal forms of the whole and the cut answer."""
    form = normalised(rows["text"])
    blank = form == ""
    key = _keys(form)
    cut = rows["truncated"].arg_true()
    cut_key = key.clone().scatter(cut, _keys(normalised(_kept(rows[cut], tokenizer))))
    return rows.with_columns(key=key, blank=blank, cut_key=cut_key)


def _keys(forms: pl.Series) -> pl.Series:
    hashed: pl.Expr = pl.col("form").nchash.xxh3_64()  # type: ignore[attr-defined]
    return pl.LazyFrame({"form": forms}).select(hashed).collect(engine="streaming").to_series()


def _kept(rows: pl.DataFrame, tokenizer: Path | None) -> pl.Series:
    """Return the first `room` tokens of answers that are too long, as the trainer reads them.

    As in the trainer, the prompt is never cut. If it leaves no room, the answer is empty.
    """
    if tokenizer is None or rows.is_empty():
        return rows["text"]
    return _first_tokens(rows["text"], rows["room"].clip(0), _tokenizer(tokenizer))


def _first_tokens(texts: pl.Series, rooms: pl.Series, model: "Tokenizer") -> pl.Series:
    starts = [
        encoding.offsets[room][0]
        for encoding, room in zip(_encodings(texts, model), rooms, strict=True)
    ]
    return texts.str.slice(0, pl.Series(starts, dtype=pl.Int64))


def _encodings(texts: pl.Series, model: "Tokenizer") -> Iterator["Encoding"]:
    for part in texts.to_frame().iter_slices(TEXTS_AT_ONCE):
        yield from model.encode_batch(part.to_series().to_list(), add_special_tokens=False)
