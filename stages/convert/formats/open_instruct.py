"""open-instruct: chosen and rejected as whole conversations that differ in their last turn.

Its preference transform, `preference_tulu_tokenize_and_truncate_v1` in
open_instruct/dataset_transformation.py of https://github.com/allenai/open-instruct, says so.
"""

from shlex import quote

import polars as pl

from rather.stages.convert.formats.turns import Facts, Reshaped, with_answers


def dpo(rows: pl.DataFrame) -> Reshaped:
    """Return chosen and rejected with the prompt in front."""
    reshaped = with_answers(rows, "chosen", "rejected").drop("prompt")
    return Reshaped(reshaped, rows.clear().with_columns(reason=pl.lit(None, pl.String)))


def dpo_recipe(facts: Facts) -> str:
    """Return the options of open-instruct's DPO script."""
    return f"--dataset_mixer_list {quote(facts.location)} 1.0"
