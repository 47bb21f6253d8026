"""Further rounds: a trained model answers, its answers are rated and curated, and it learns."""

from collections.abc import Callable
from functools import partial

import polars as pl

from rather.auditing.accounts import plain
from rather.ledger import Ledger
from rather.params.groups import Generator
from rather.params.training import Round
from rather.run import Run
from rather.runners.asking import answer, run_rate, run_rate_by_model
from rather.runners.calibrate import run_calibrate
from rather.runners.convert import run_convert
from rather.runners.evidence import run_measure, run_pair
from rather.runners.modelling import settings, train_model
from rather.runners.selection import run_choose, run_validate, run_winnow
from rather.schemas.base import MESSAGES_DTYPE, RatherError
from rather.schemas.training_sets import Dpo
from rather.stages.common.ids import digest, prompt_ids
from rather.stages.convert import kto_labels
from rather.stages.evaluate.bootstrap import NOTHING, Estimate
from rather.stages.models.pointer import weights
from rather.tables.buckets import Bucket
from rather.tables.contracts import schema_of
from rather.tables.tables import Frames

FIRST = "sft"  # the model that every drift is measured from, and the reference that is kept
SURVEYED = 200  # prompts that drift is measured on
BATCH_SIZE = 16
LOADS_NONE = ("load/responses", "load/ratings", "load/comparisons", "load/set_aside")
# What is known of a prompt's first turn says nothing of the next.
NOTHING_MORE = [
    pl.lit(None, dtype).alias(name)
    for name, dtype in (
        ("later_turns", pl.List(pl.String)),
        ("demonstration", pl.String),
        ("answer", pl.String),
    )
]
SETS = {"dpo": "pair_id", "kto": "response_id"}
SPLITS = ("train", "test")


def round_run(run: Run, name: str) -> Run:
    """Give the run of a round: its own tables, and its `from` for a generator.

    It samples as policies are sampled, with a seed of its own: what an earlier pass has asked of
    the same model is asked anew.
    """
    model = run.params.rounds[name].from_
    seed = int(digest([str(run.params.seed), name])[:12], 16)
    sampled = run.params.sample.model_dump() | {"seed": seed}
    generators = {model: Generator(model=model, **sampled)}
    return Run(run.root, run.params.model_copy(update={"generators": generators}), name)


def run_round_generate(run: Run, name: str) -> None:
    """Measure how far a round's model has drifted, and let it answer the prompts to train on.

    Raises RatherError where it is beyond the round's bounds; the metrics then say how far.
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
    """Write what a round loads, which is nothing but a later turn's prompts; give its prompts."""
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
    """Let a model answer prompts once, and go on with what the user says next."""
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
    from rather.stages.evaluate.bootstrap import ratio
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
    """Stop a round whose model has gone too far."""
    if bound is None or found.value is None or found.value <= bound:
        return
    option = {"kl_per_token": "max_kl", "length_ratio": "max_length_ratio"}[what]
    low, high = found.interval or (found.value, found.value)
    raise RatherError(
        f"rounds.{name}: expected {what} of at most {bound:g} from {FIRST} before the round, found "
        f"{found.value:.4g} ({low:.4g} to {high:.4g}); train the model before it more gently (a "
        f"larger beta, a smaller learning_rate), or raise rounds.{name}.{option} in params.yaml"
    )


def run_round_rate(run: Run, name: str) -> None:
    """Let every rater rate a round's responses."""
    own = round_run(run, name)
    for folder in ("rate", "compare", "verdicts"):
        (own.data / folder).mkdir(parents=True, exist_ok=True)
    for rater in run.params.raters:
        run_rate(own, rater)
    for rater in run.params.model_raters:
        run_rate_by_model(own, rater)


def run_round_curate(run: Run, name: str) -> None:
    """Turn a round's ratings into its training sets."""
    own = round_run(run, name)
    run_measure(own)
    run_calibrate(own)
    run_pair(own)
    run_winnow(own)
    run_choose(own)
    run_validate(own)
    run_convert(own)
    if run.params.rounds[name].pairs == "join":
        join(own, _before(run, name))


def _before(run: Run, name: str) -> Run:
    """Give the pass that a round's `from` came out of: an earlier round, or the first one."""
    model = run.params.rounds[name].from_
    return round_run(run, model) if model in run.params.rounds else run


def join(own: Run, before: Run) -> None:
    """Add the pairs and labels of an earlier pass to a round's own, which come first."""
    for name, key in SETS.items():
        for split in SPLITS:
            table = f"convert/{name}/{split}"
            joined: Callable[[Bucket], tuple[Frames, None]] = partial(
                _joined, own, before, table, key
            )
            own.fill([table], joined)
    _weigh(own)


def _joined(own: Run, before: Run, table: str, key: str, bucket: Bucket) -> tuple[Frames, None]:
    """Give one bucket of both, each pair or label once."""
    rows = own.read(table, bucket)
    others = before.read(table, bucket).join(rows, on=key, how="anti", maintain_order="left")
    return (pl.concat([rows, others]),), None


def _weigh(own: Run) -> None:
    """Weigh joined labels so that both kinds balance."""
    trained = own.read("convert/kto/train", columns=["label"])["label"]
    good = int(trained.sum())
    desirable, undesirable = kto_labels.weights(good, len(trained) - good)
    weight = pl.when("label").then(desirable).otherwise(undesirable)
    for split in SPLITS:
        rows = own.read(f"convert/kto/{split}")
        own.write(f"convert/kto/{split}", rows.with_columns(weight=weight))


def run_round_train(run: Run, name: str) -> None:
    """Train a round's model on its pairs, against the first model or the one it started from."""
    from rather.trainer.compute.objective import objective
    from rather.trainer.reference.reference import write_reference

    entry, policy = run.params.rounds[name], run.params.trained[name]
    keeps = entry.reference == "keep"
    if keeps:  # an online reference is the starting model
        policy = policy.model_copy(update={"reference": "cached"})
    loss = policy.loss or entry.policy or next(iter(run.params.train))
    data = round_run(run, name).data / "convert" / policy.data
    config = settings(run, loss, policy)
    reference, model = None, FIRST if keeps else entry.from_
    if config.reference == "cached" and objective(config).loss.needs_reference:
        reference = run.work("reference") / f"{name}.parquet"
        write_reference(weights(run.model(model)), data, reference, config)
    apart, ledger = model != entry.from_, Ledger(f"train/{name}")
    train_model(run, ledger, entry.from_, data, loss, policy, reference, separate_reference=apart)


ROUNDS: dict[str, Callable[[Run, str], None]] = {
    "round_generate": run_round_generate,
    "round_rate": run_round_rate,
    "round_curate": run_round_curate,
    "round_train": run_round_train,
}
