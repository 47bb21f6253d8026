"""Answers of models to prompts: asked, written and accounted for."""

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run


def answer(run: Run, ledger: Ledger, prompts: pl.DataFrame, name: str) -> None:
    """Sample one generator's answers, write them, and account for every sample."""
    from rather.stages.models.generate import generate, once

    generator = run.params.generators[name]
    responses = generate(
        prompts=prompts,
        model=run.model(generator.model),
        options=generator.options,
        seed=run.params.seed,
        generator=name,
        store=run.work("generate"),
    )
    written = run.write(f"generate/{name}", once(responses))
    dropped = by_reason(responses)
    num_answers = int(responses["text"].count())
    if repeated := num_answers - int(written["text"].count()):
        dropped["duplicates"] = repeated
    ledger.account("responses", came=responses.height, kept=num_answers - repeated, dropped=dropped)


def policies(run: Run) -> list[str]:
    """Return the policies' names: the model that training starts from, then the trained ones."""
    return ["sft", *run.params.trained]
