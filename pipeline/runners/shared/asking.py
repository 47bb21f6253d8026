"""What the stages share that ask models for answers or ratings."""

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.params.params import rater_model
from rather.run import Run
from rather.stages.raters.rating import Models, Rated, accounts


def answer(run: Run, ledger: Ledger, prompts: pl.DataFrame, name: str) -> None:
    """Let one generator answer prompts, and account for its samples."""
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
    said = int(responses["text"].count())
    if repeated := said - int(written["text"].count()):
        dropped["duplicates"] = repeated
    ledger.account("responses", came=responses.height, kept=said - repeated, dropped=dropped)


def policies(run: Run) -> list[str]:
    """Name the policies: the one that training starts from, and the trained."""
    return ["sft", *run.params.trained]


def models_of(run: Run, rater: str) -> Models:
    """Give what a rater that is a model works with."""
    model = run.model(rater_model(run.params, rater))
    return Models(model, reference=run.model("sft"), store=run.work("rate"))


def publish(run: Run, name: str, responses: pl.DataFrame, rated: Rated) -> None:
    """Write a rater's tables and its account."""
    run.write(f"rate/{name}", rated.ratings)
    run.write(f"compare/{name}", rated.comparisons)
    ledger = Ledger(f"rate/{name}")
    for unit, (came, dropped) in accounts(responses, rated).items():
        ledger.account(unit, came=came, kept=came - sum(dropped.values()), dropped=dropped)
    ledger.note(mean=rated.ratings["score"].mean(), **rated.figures)
    run.close(ledger)
