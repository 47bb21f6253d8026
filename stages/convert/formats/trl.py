"""TRL: conversational (messages, under the model's chat template) or standard (bare text).

https://huggingface.co/docs/trl/dataset_formats
"""

from json import dumps

import polars as pl

from rather.stages.convert.formats.turns import ONE_QUESTION, Facts, Reshaped, keep, text


def conversational(rows: pl.DataFrame) -> Reshaped:
    """Give the rows as they are: prompt and answers are lists of messages."""
    return Reshaped(rows, rows.clear().with_columns(reason=pl.lit(None, pl.String)))


def standard_dpo(rows: pl.DataFrame) -> Reshaped:
    """Give prompt, chosen and rejected as bare text."""
    return _bare(rows, "chosen", "rejected")


def standard_kto(rows: pl.DataFrame) -> Reshaped:
    """Give prompt and completion as bare text."""
    return _bare(rows, "completion")


def _bare(rows: pl.DataFrame, *answers: str) -> Reshaped:
    """Take texts out of messages; several turns are no one text without a template of ours."""
    kept, dropped = keep(rows, ONE_QUESTION, "not_one_question")
    return Reshaped(kept.with_columns(text("prompt"), *map(text, answers)), dropped)


def dpo_recipe(facts: Facts) -> str:
    """Say how TRL reads the pairs."""
    return f"DPOTrainer(train_dataset={_dataset(facts)})"


def kto_recipe(facts: Facts) -> str:
    """Say how TRL reads the labels, and the weights that balance them."""
    good, bad = facts.desirable_weight, facts.undesirable_weight
    weights = f"desirable_weight={good:.4g}, undesirable_weight={bad:.4g}"
    return f"KTOTrainer(train_dataset={_dataset(facts)}, args=KTOConfig({weights}))"


def _dataset(facts: Facts) -> str:
    """Say how Hugging Face's datasets reads the file."""
    return f'load_dataset("{facts.reader}", data_files={dumps(facts.file_name)}, split="train")'
