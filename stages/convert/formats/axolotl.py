"""axolotl: pairs for `chat_template.default`, single-turn labels for `chatml.ultra`.

https://docs.axolotl.ai/docs/rlhf.html
"""

from json import dumps

import polars as pl

from rather.stages.convert.formats.turns import (
    ONE_QUESTION_OR_SYSTEM,
    Facts,
    Reshaped,
    keep,
    last,
    system,
    text,
)


def dpo(rows: pl.DataFrame) -> Reshaped:
    """Return the prompt as `messages`, chosen and rejected as one message each."""
    reshaped = rows.with_columns(last("chosen"), last("rejected")).rename({"prompt": "messages"})
    return Reshaped(reshaped, rows.clear().with_columns(reason=pl.lit(None, pl.String)))


def kto(rows: pl.DataFrame) -> Reshaped:
    """Return system, prompt and completion as text: axolotl's KTO types hold one question."""
    kept, dropped = keep(rows, ONE_QUESTION_OR_SYSTEM, "not_one_question")
    columns = system("prompt").alias("system"), text("prompt"), text("completion")
    return Reshaped(kept.with_columns(*columns), dropped)


def dpo_recipe(facts: Facts) -> str:
    """Return the lines for axolotl's configuration."""
    return "\n".join(["rl: dpo", *_dataset(facts, "chat_template.default")])


def kto_recipe(facts: Facts) -> str:
    """Return the lines for axolotl's configuration, with the weights that balance the labels."""
    return "\n".join(
        [
            "rl: kto",
            f"kto_desirable_weight: {facts.desirable_weight:.4g}",
            f"kto_undesirable_weight: {facts.undesirable_weight:.4g}",
            *_dataset(facts, "chatml.ultra  # llama3.ultra for a model with Llama 3's template"),
        ]
    )


def _dataset(facts: Facts, type_: str) -> list[str]:
    """Return the entry of a local file."""
    return [
        "datasets:",
        f"  - path: {dumps(facts.location)}",
        f"    ds_type: {facts.reader}",
        "    split: train",
        f"    type: {type_}",
    ]
