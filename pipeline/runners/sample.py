"""Sample every policy's answers to the held-out prompts."""

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.runners.shared.sample_answers import policies


def run(run: Run) -> None:
    """Sample every policy's answers to the held-out prompts."""
    from rather.stages.models.generate import generate

    prompts = run.read("load/prompts").filter(pl.col("split") == "test")
    ledger = Ledger("sample")
    for policy in policies(run):
        responses = generate(
            prompts=prompts,
            model=run.model(policy),
            options=run.params.sample,
            seed=run.params.seed,
            generator=policy,
            store=run.work("generate"),
        )
        run.write(f"sample/{policy}", responses)
        given, dropped = int(responses["text"].count()), by_reason(responses)
        ledger.account(f"responses_{policy}", came=responses.height, kept=given, dropped=dropped)
    run.close(ledger)
