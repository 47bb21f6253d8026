"""LLaMA-Factory: its sharegpt format, and the entry of dataset_info.json that names the columns.

https://github.com/hiyouga/LLaMA-Factory/blob/main/data/README.md; columns and tags are those of
its demonstration files.
"""

from json import dumps
from typing import Any

import polars as pl

from rather.stages.convert.formats.turns import (
    ALTERNATING,
    Facts,
    Reshaped,
    SideFile,
    keep,
    last,
    with_answers,
)

TAGS = {"system": "system", "user": "human", "assistant": "gpt"}
SIDE_FILE = "dataset_info.json"
DPO_ENTRY: dict[str, Any] = {
    "ranking": True,
    "formatting": "sharegpt",
    "columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"},
}
KTO_ENTRY: dict[str, Any] = {
    "formatting": "sharegpt",
    "columns": {"messages": "messages", "kto_tag": "label"},
    "tags": {
        "role_tag": "role",
        "content_tag": "content",
        "user_tag": "user",
        "assistant_tag": "assistant",
        "system_tag": "system",
    },
}


def dpo(rows: pl.DataFrame) -> Reshaped:
    """Return the prompt as `conversations`, and each answer as one turn of `from` and `value`."""
    kept, dropped = keep(rows, ALTERNATING, "turns_do_not_alternate")
    turns = pl.col("prompt").list.eval(_tagged(pl.element()))
    answers = [_tagged(last(side)).alias(side) for side in ("chosen", "rejected")]
    reshaped = kept.with_columns(turns, *answers).rename({"prompt": "conversations"})
    return Reshaped(reshaped, dropped)


def kto(rows: pl.DataFrame) -> Reshaped:
    """Return prompt and answer as one conversation, `messages`."""
    kept, dropped = keep(rows, ALTERNATING, "turns_do_not_alternate")
    whole = with_answers(kept, "completion").drop("prompt")
    return Reshaped(whole.rename({"completion": "messages"}), dropped)


def _tagged(message: pl.Expr) -> pl.Expr:
    """Rename a message's fields and roles to those of sharegpt."""
    role, content = message.struct.field("role"), message.struct.field("content")
    return pl.struct(role.replace_strict(TAGS).alias("from"), content.alias("value"))


def dpo_side_file(facts: Facts) -> SideFile:
    """Return the entry that LLaMA-Factory reads the pairs by."""
    return SIDE_FILE, {facts.name: {"file_name": facts.file_name} | DPO_ENTRY}


def kto_side_file(facts: Facts) -> SideFile:
    """Return the entry that LLaMA-Factory reads the labels by."""
    return SIDE_FILE, {facts.name: {"file_name": facts.file_name} | KTO_ENTRY}


def dpo_recipe(facts: Facts) -> str:
    """Return the lines for LLaMA-Factory's configuration."""
    return f"stage: dpo\n{_dataset(facts)}"


def kto_recipe(facts: Facts) -> str:
    """Return the lines for LLaMA-Factory's configuration, with the weights that balance labels."""
    return (
        f"stage: kto\n{_dataset(facts)}\n"
        f"kto_chosen_weight: {facts.desirable_weight:.4g}\n"
        f"kto_rejected_weight: {facts.undesirable_weight:.4g}"
    )


def _dataset(facts: Facts) -> str:
    """Return the lines that name the data set, and the folder of its side file."""
    return (
        f"dataset_dir: {dumps(facts.folder)}  # where {SIDE_FILE} lies\n"
        f"dataset: {dumps(facts.name)}"
    )
