"""Measure the drift of a round's model, and sample its answers."""

import polars as pl

from rather.ledger import Ledger, plain
from rather.params.training import Round
from rather.run import Run
from rather.runners.shared.rounds import FIRST, round_run
from rather.runners.shared.sample_answers import answer
from rather.schemas.base import MESSAGES_DTYPE, RatherError
from rather.schemas.training_sets import Dpo
from rather.stages.common.bootstrap import NOTHING, Estimate
from rather.stages.common.ids import prompt_ids
from rather.stages.models.pointer import weights
from rather.tables.contracts import schema_of

SURVEYED = 200  # prompts that drift is measured on
BATCH_SIZE = 16
LOADS_NONE = ("load/responses", "load/ratings", "load/comparisons", "load/set_aside")
# A later turn's prompt has none of these columns.
NOTHING_MORE = [
    pl.lit(None, dtype).alias(name)
    for name, dtype in (
        ("later_turns", pl.List(pl.String)),
        ("demonstration", pl.String),
        ("answer", pl.String),
    )
]


def run(run: Run, name: str) -> None:
    """Measure the drift of a round's model, and sample its answers to the training prompts.

    Raises:
        RatherError: The drift exceeds the round's bounds; the metrics hold it.
    """
    entry, ledger = run.params.rounds[name], Ledger("generate")
    own = round_run(run, name)
    prompts = _lay_prompts(run, own, ledger, entry)
    found = _drift(own, entry.from_, prompts)
    told = {key: value for of, each in found.items() for key, value in each.named(of).items()}
    ledger.note(drift=plain(told))
    own.close(ledger)
    bounds = {"kl_per_token": entry.max_kl, "length_ratio": entry.max_length_ratio}
    for what, bound in bounds.items():
        _stay_within(name, what, found[what], bound)
    answer(own, ledger, prompts, entry.from_)
    own.close(ledger)


def _lay_prompts(run: Run, own: Run, ledger: Ledger, entry: Round) -> pl.DataFrame:
    """Write the round's load tables and return its prompts."""
    for table in LOADS_NONE:
        own.write(table, schema_of(table).create_empty())
    prompts = run.read("load/prompts").filter(pl.col("split") == "train")
    if entry.turn == 1:
        return prompts
    asked = prompts.filter(pl.col("later_turns").list.len() >= entry.turn - 1)
    found = asked
    for at in range(entry.turn - 1):
        found = _next_turn(own, entry.from_, found, at)
    lost = {"unanswered": asked.height - found.height} if found.height < asked.height else {}
    ledger.account("prompts", came=asked.height, kept=found.height, dropped=lost)
    return own.write("load/prompts", found.with_columns(NOTHING_MORE))


def _next_turn(own: Run, model: str, prompts: pl.DataFrame, at: int) -> pl.DataFrame:
    """Append a model's answer and the user's next turn to each prompt."""
    answers = _survey(own, model, prompts).select("prompt_id", "text").drop_nulls("text")
    said = pl.struct(role=pl.lit("assistant"), content="text")
    asked = pl.struct(role=pl.lit("user"), content=pl.col("later_turns").list.get(at))
    turns = pl.concat_list(said, asked).cast(MESSAGES_DTYPE)
    found = prompts.join(answers, on="prompt_id").with_columns(
        messages=pl.concat_list("messages", turns)
    )
    return found.with_columns(prompt_id=prompt_ids(pl.col("messages"))).drop("text")


def _drift(run: Run, model: str, prompts: pl.DataFrame) -> dict[str, Estimate]:
    """Measure a model's drift from the first one, on some of its own answers.

    kl_per_token: KL(model || first), in nats;  length_ratio: of its answers to the first one's
    These answers are among those that the round asks for: nothing is asked for twice.
    """
    from rather.stages.common.bootstrap import ratio
    from rather.stages.evaluate.sampled_answers import listed, score

    if model == FIRST:
        return {"kl_per_token": Estimate(0.0), "length_ratio": Estimate(1.0)}
    surveyed = prompts.sort("prompt_id").head(SURVEYED)
    if surveyed.is_empty():
        return {"kl_per_token": NOTHING, "length_ratio": NOTHING}
    own, first = (_survey(run, of, surveyed) for of in (model, FIRST))
    answers = listed(surveyed, Dpo.create_empty(), own)
    folders = weights(run.model(model)), weights(run.model(FIRST))
    samples = score(answers, *folders, run.params.max_length, BATCH_SIZE).samples
    beside = own.join(first.select("prompt_id", first="num_tokens"), on="prompt_id")
    log_ratio = pl.col("policy") - pl.col("reference")
    return {
        "kl_per_token": ratio(samples, log_ratio, pl.col("num_tokens")),
        "length_ratio": ratio(beside, pl.col("num_tokens"), pl.col("first")),
    }


def _survey(run: Run, model: str, prompts: pl.DataFrame) -> pl.DataFrame:
    """Sample one answer to each prompt."""
    from rather.stages.models.generate import generate

    (generator,) = run.params.generators.values()
    once = {"num_samples": 1, "temperature": generator.temperatures[0]}
    return generate(
        prompts=prompts,
        model=run.model(model),
        options=generator.options.model_copy(update=once),
        seed=run.params.seed,
        generator=model,
        store=run.work("generate"),
    )


def _stay_within(name: str, what: str, found: Estimate, bound: float | None) -> None:
    """Raise RatherError if a figure of drift exceeds its bound."""
    if bound is None or found.value is None or found.value <= bound:
        return
    option = {"kl_per_token": "max_kl", "length_ratio": "max_length_ratio"}[what]
    low, high = found.interval or (found.value, found.value)
    raise RatherError(
        f"rounds.{name}: expected {what} of at most {bound:g} from {FIRST} before the round, found "
        f"{found.value:.4g} ({low:.4g} to {high:.4g}); train the model before it more gently (a "
        f"larger beta, a smaller learning_rate), or raise rounds.{name}.{option} in params.yaml"
    )
