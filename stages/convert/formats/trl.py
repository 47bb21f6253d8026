"""TRL: conversational (messages, under the model's chat template) or standard (bare text).

https://huggingface.co/docs/trl/dataset_formats
"""

from json import dumps

import polars as pl

from rather.stages.convert.formats.turns import ONE_QUESTION, Facts, Reshaped, keep, text


def conversational(rows: pl.DataFrame) -> Reshaped:
    """Return the rows unchanged: prompt and answers are lists of messages."""
    return Reshaped(rows, rows.clear().with_columns(reason=pl.lit(None, pl.String)))


def standard_dpo(rows: pl.DataFrame) -> Reshaped:
    """Return prompt, chosen and rejected as bare text."""
    return _bare(rows, "chosen", "rejected")


def standard_kto(rows: pl.DataFrame) -> Reshaped:
    """Return prompt and completion as bare text."""
    return _bare(rows, "completion")


def _bare(rows: pl.DataFrame, *answers: str) -> Reshaped:
    """Return bare texts; prompts of several turns are dropped, since joining takes a template."""
    kept, dropped = keep(rows, ONE_QUESTION, "not_one_question")
    return Reshaped(kept.with_columns(text("prompt"), *map(text, answers)), dropped)


def dpo_recipe(facts: Facts) -> str:
    """Return the line of Python that trains TRL on the pairs."""
    return f"DPOTrainer(train_dataset={_dataset(facts)})"


def kto_recipe(facts: Facts) -> str:
    """Return the line of Python that trains TRL on the labels, with balancing weights."""
    good, bad = facts.desirable_weight, facts.undesirable_weight
    weights = f"desirable_weight={good:.4g}, undesirable_weight={bad:.4g}"
    return f"KTOTrainer(train_dataset={_dataset(facts)}, args=KTOConfig({weights}))"


def _dataset(facts: Facts) -> str:
    """Return the call of Hugging Face's datasets that reads the file."""
    return f'load_dataset("{facts.reader}", data_files={dumps(facts.location)}, split="train")'
