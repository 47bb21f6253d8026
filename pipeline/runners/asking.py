"""The stages that ask models for answers, and raters for what they think of them."""

from collections.abc import Callable
from importlib import import_module

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.params.params import rater_model, rater_options
from rather.run import Run
from rather.stages.raters.rating import Models, Rated, accounts


def run_generate(run: Run, name: str) -> None:
    """Let one generator answer the source's prompts, unless the source brought answers."""
    prompts, ledger = run.read("load/prompts"), Ledger(f"generate/{name}")
    if run.read("load/ratings").height or run.source_comparisons().height:
        prompts = prompts.clear()
    answer(run, ledger, prompts, name)
    run.close(ledger)


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


def run_sample(run: Run) -> None:
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


def policies(run: Run) -> list[str]:
    """Name the policies: the one that training starts from, and the trained."""
    return ["sft", *run.params.trained]


def run_rate(run: Run, name: str) -> None:
    """Let one rater that is a program rate the generated responses."""
    kind, options = rater_options(run.params, name)
    rate = import_module(f"rather.stages.raters.{kind}").rate
    prompts, responses = run.read("load/prompts"), run.generated()
    ratings = rate(name, prompts, responses, options, run.params.seed)
    _publish(run, name, responses, Rated(ratings))


def run_rate_by_model(run: Run, name: str) -> None:
    """Let one rater that is a model, or asks one, judge the generated responses."""
    kind, options = rater_options(run.params, name)
    rate: Callable[..., Rated] = import_module(f"rather.stages.raters.{kind}").rate
    prompts, responses = run.read("load/prompts"), run.generated()
    rated = rate(name, prompts, responses, options, run.params.seed, models_of(run, name))
    run.write(f"verdicts/{name}", rated.verdicts)
    _publish(run, name, responses, rated)


def models_of(run: Run, rater: str) -> Models:
    """Give what a rater that is a model works with."""
    model = run.model(rater_model(run.params, rater))
    return Models(model, reference=run.model("sft"), store=run.work("rate"))


def _publish(run: Run, name: str, responses: pl.DataFrame, rated: Rated) -> None:
    """Write a rater's tables and its account."""
    run.write(f"rate/{name}", rated.ratings)
    run.write(f"compare/{name}", rated.comparisons)
    ledger = Ledger(f"rate/{name}")
    for unit, (came, dropped) in accounts(responses, rated).items():
        ledger.account(unit, came=came, kept=came - sum(dropped.values()), dropped=dropped)
    ledger.note(mean=rated.ratings["score"].mean(), **rated.figures)
    run.close(ledger)


ASKING: dict[str, Callable[[Run], None]] = {"sample": run_sample}
ASKING_EACH: dict[str, Callable[[Run, str], None]] = {
    "generate": run_generate,
    "rate": run_rate,
    "rate_by_model": run_rate_by_model,
}
