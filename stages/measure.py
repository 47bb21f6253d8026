"""Take numbers from text, once.   prompts, responses -> features"""

import unicodedata
from pathlib import Path

import polars as pl

from schemas.features import Features
from stages.ids import digest

INVISIBLE = frozenset({"Cc", "Cf"})


def measure(
    prompts: pl.DataFrame, responses: pl.DataFrame, max_length: int, tokenizer: Path | None
) -> pl.DataFrame:
    """Measure every distinct response.

    Lengths are in tokens of the tokenizer file, or in UTF-8 bytes where there is none. The chat
    template's own tokens are not counted in `truncated`.
    """
    texts = responses.filter(pl.col("text").is_not_null()).unique(
        "response_id", keep="first", maintain_order=True
    )
    cut = responses.filter(pl.col("finish_reason") == "length")["response_id"].unique()
    asked = _prompt_lengths(prompts, tokenizer)
    lengths = count_tokens(texts["text"].to_list(), tokenizer)
    return (
        texts.with_columns(num_tokens=pl.Series(lengths, dtype=pl.Int64))
        .join(asked, on="prompt_id", how="left", maintain_order="left")
        .select(
            "response_id",
            "prompt_id",
            key=pl.col("text").map_elements(lambda t: digest([normalise(t)]), pl.String),
            num_chars=pl.col("text").str.len_chars().cast(pl.Int64),
            num_tokens="num_tokens",
            blank=pl.col("text").map_elements(lambda t: not normalise(t), pl.Boolean),
            unfinished=pl.col("response_id").is_in(cut.implode()),
            truncated=pl.col("num_tokens") + pl.col("prompt_tokens") > max_length,
        )
        .select(Features.column_names())
    )


def normalise(text: str) -> str:
    """Reduce a text to what a reader sees: NFKC, no invisible characters, one space, casefold."""
    spaced = " ".join(unicodedata.normalize("NFKC", text).split())
    visible = "".join(c for c in spaced if unicodedata.category(c) not in INVISIBLE)
    return " ".join(visible.casefold().split())


def count_tokens(texts: list[str], tokenizer: Path | None) -> list[int]:
    """Count each text's tokens, special ones left out; bytes where there is no tokenizer."""
    if tokenizer is None:
        return [len(text.encode()) for text in texts]
    from tokenizers import Tokenizer

    model = Tokenizer.from_file(str(tokenizer))
    model.no_truncation()
    model.no_padding()
    return [len(found) for found in model.encode_batch_fast(texts, add_special_tokens=False)]


def _prompt_lengths(prompts: pl.DataFrame, tokenizer: Path | None) -> pl.DataFrame:
    """Count each prompt's tokens over all its messages."""
    text = pl.col("messages").list.eval(pl.element().struct.field("content")).list.join("\n")
    texts = prompts.select(text).to_series().to_list()
    counts = pl.Series("prompt_tokens", count_tokens(texts, tokenizer), dtype=pl.Int64)
    return prompts.select("prompt_id").with_columns(counts)
