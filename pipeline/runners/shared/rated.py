"""Ratings of one rater: written and accounted for."""

import polars as pl

from rather.ledger import Ledger
from rather.params.params import rater_model
from rather.run import Run
from rather.stages.raters.rating import Models, Rated, accounts


def models_of(run: Run, rater: str) -> Models:
    """Return the models and the store that a rater by model works with."""
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
