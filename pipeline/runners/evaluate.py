"""The stage that compares trained policies with the model they started from."""

import json
import shlex
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import polars as pl

from rather.ledger import plain
from rather.params.params import rater_model, rater_options
from rather.params.rater_kinds import rate_function
from rather.run import Run
from rather.runners.shared.rated import models_of
from rather.runners.shared.sample_answers import policies
from rather.schemas.base import UserError
from rather.schemas.training_sets import Dpo
from rather.stages.common.ids import text_ids
from rather.stages.models.pointer import weights
from rather.stages.raters.rating import Rated
from rather.tables.atomic_files import atomic_path, write_text

Figures = dict[str, Any]
BATCH_SIZE = 16
CURVE = {
    "policy": pl.String,
    "beta": pl.Float64,
    "kl_per_token": pl.Float64,
    "win_rate": pl.Float64,
}


def run(run: Run) -> None:
    """Compare the trained policies with the one they started from, and say how they differ."""
    from rather.stages.evaluate.evaluate import evaluate
    from rather.stages.evaluate.evaluation_summary import lines

    prompts = run.read("load/prompts")
    samples = {name: run.read(f"sample/{name}") for name in policies(run)}
    ratings = _ratings(run, prompts, samples)
    rewards = next((of for name, of in ratings.items() if _kind(run, name) == "reward_model"), {})
    metrics = evaluate(prompts, samples, rewards)
    metrics |= _by_figure(samples, _win_rates(samples, ratings))
    metrics |= _implicit(run, prompts, samples)
    metrics |= _by_figure(samples, _refusals(run))
    metrics |= _by_figure(samples, _commanded(run))
    warnings = _warnings(run, metrics)
    metrics = plain({**metrics, "warnings": warnings})
    write_text(run.data / "metrics" / "evaluate.json", json.dumps(metrics, indent=2) + "\n")
    _plot(run, metrics)
    print(lines(metrics, warnings))


def _by_figure(models: Iterable[str], figures: Mapping[str, Figures]) -> Figures:
    """Turn figures by model into models by figure, null where a model has none."""
    names = dict.fromkeys(name for of in figures.values() for name in of)
    return {name: {model: figures.get(model, {}).get(name) for model in models} for name in names}


def _kind(run: Run, rater: str) -> str:
    return rater_options(run.params, rater)[0]


def _ratings(
    run: Run, prompts: pl.DataFrame, samples: Mapping[str, pl.DataFrame]
) -> dict[str, dict[str, pl.DataFrame]]:
    """Rate every model's samples by the run's own raters.

    A rater whose answers may cost money is left out, such as a judge; so is an untrained reward
    model.
    """
    return {
        name: {model: _rated(run, name, prompts, given) for model, given in samples.items()}
        for name in run.params.all_raters
        if _may_rate(run, name)
    }


def _may_rate(run: Run, name: str) -> bool:
    """Check whether a rater rates the policies' samples."""
    if name in run.params.raters:
        return True
    own = rater_model(run.params, name) == "reward"
    _, options = rater_options(run.params, name)
    return not options.costs_money and not (own and not run.figures("train/reward")["trained"])


def _rated(run: Run, name: str, prompts: pl.DataFrame, given: pl.DataFrame) -> pl.DataFrame:
    """Rate one model's samples by one rater."""
    kind, options = rater_options(run.params, name)
    rate = rate_function(kind)
    if name in run.params.raters:
        ratings: pl.DataFrame = rate(name, prompts, given, options, run.params.seed)
        return ratings
    rated: Rated = rate(name, prompts, given, options, run.params.seed, models_of(run, name))
    return rated.ratings


def _win_rates(
    samples: Mapping[str, pl.DataFrame], ratings: Mapping[str, Mapping[str, pl.DataFrame]]
) -> dict[str, Figures]:
    """Compare each policy's samples with the first model's."""
    from rather.stages.evaluate.evaluate import win_rates

    first, *others = samples
    return {
        policy: win_rates(
            samples[policy],
            samples[first],
            {rater: (of[policy], of[first]) for rater, of in ratings.items()},
        )
        for policy in others
    }


def _implicit(run: Run, prompts: pl.DataFrame, samples: Mapping[str, pl.DataFrame]) -> Figures:
    """Compute implicit accuracy and drift of each policy against the first model."""
    from rather.stages.evaluate import implicit_accuracy
    from rather.stages.evaluate.sampled_answers import listed, score

    first, *others = samples
    pairs, found = _held_out_pairs(run), {}
    told: Figures = {}
    for policy in others:
        scored = score(
            listed(prompts, pairs, samples[policy]),
            weights(run.model(policy)),
            weights(run.model(first)),
            run.params.max_length,
            BATCH_SIZE,
        )
        found[policy] = implicit_accuracy.of_policy(scored)
        estimates = implicit_accuracy.chosen_under(scored.pairs, "reference")
        found[first] = {
            key: value for name, of in estimates.items() for key, value in of.named(name).items()
        }
        longer = implicit_accuracy.longer_wins(scored.pairs)
        told = {"longer_wins": {**longer.named("accuracy"), "pairs": scored.pairs.height}}
    options = run.params.sample
    told["sampled_at"] = {"temperature": options.temperature, "top_p": options.top_p}
    return {**_by_figure(samples, found), **told}


def _held_out_pairs(run: Run) -> pl.DataFrame:
    """Read the pairs of held-out prompts, none where the run makes no pairs."""
    if not (run.data / "convert" / "dpo" / "test.parquet").is_file():
        return Dpo.create_empty()
    return run.read("convert/dpo/test")


def _refusals(run: Run) -> dict[str, Figures]:
    """Compute every model's refusal rate on harmful and on benign prompts."""
    from rather.stages.evaluate.refusals import refusal_rate
    from rather.stages.models.generate import generate

    options = run.params.sample.model_copy(
        update={"num_samples": 1, "temperature": run.params.sample.temperatures[0]}
    )
    found: dict[str, Figures] = {}
    for kind in ("harmful", "benign"):
        path = getattr(run.params.evaluate, kind)
        for model in policies(run) if path is not None else ():
            answers = generate(
                prompts=_asked(path),
                model=weights(run.model(model)),
                options=options,
                seed=run.params.seed,
                generator=model,
                store=run.work("generate"),
            )
            rate = refusal_rate(answers).named(f"refusal_rate_{kind}")
            found[model] = found.get(model, {}) | rate
    return found


def _asked(path: str) -> pl.DataFrame:
    """Read a file of prompts."""
    from rather.stages.sources.chunks import first_prompts
    from rather.stages.sources.load import Source, read

    chunks = read(Source(path=path, format="auto"))
    return text_ids(first_prompts(pl.concat(chunk.prompts for chunk in chunks)))


def _commanded(run: Run) -> dict[str, Figures]:
    """Run a user's own evaluation on every model, before and after training."""
    command = run.params.evaluate.command
    if command is None:
        return {}
    return {
        model: {"command": _output(command, weights(run.model(model)), run.root)}
        for model in policies(run)
    }


def _output(command: str, model: Path, root: Path) -> Any:
    """Run a command with a model's folder as its last argument, and read the JSON it prints."""
    try:
        words = [*shlex.split(command), str(model.resolve())]
    except ValueError as error:
        raise UserError(
            f"evaluate.command: expected a command line, found {error}: {command}"
        ) from None
    where = f"evaluate.command: {shlex.join(words)}"
    try:
        done = subprocess.run(words, cwd=root, capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return json.loads(done.stdout)
    except OSError as error:
        raise UserError(f"{where}: expected a command, found {error.strerror}") from None
    except ValueError:
        shown = done.stdout[:100]
        raise UserError(f"{where}: expected JSON on its stdout, found {shown!r}") from None
    last = done.stderr.strip().rpartition("\n")[2]
    raise UserError(f"{where}: expected exit code 0, found {done.returncode}: {last}")


def _warnings(run: Run, metrics: Figures) -> dict[str, list[dict[str, Any]]]:
    """Gather what training warned of, and whether the reference knows what it is compared on."""
    from rather.trainer.watch.symptoms import ignorant_reference

    first, *others = policies(run)
    found = {model: run.figures(f"train/{model}").get("warnings", []) for model in (first, *others)}
    chosen = metrics.get("chosen_nll", {}).get(first)
    own = _own_nll(run.read(f"sample/{first}"))
    if chosen is not None and own is not None:
        surprised = ignorant_reference(chosen, own)
        found[first] = [*found[first], *([surprised.as_dict()] if surprised else [])]
    return found


def _own_nll(samples: pl.DataFrame) -> float | None:
    """Return the negative log-likelihood of a model's samples under itself, in nats per token."""
    known = samples.filter(pl.col("logprob").is_not_null() & (pl.col("num_tokens") > 0))
    return -float(known["logprob"].sum()) / int(known["num_tokens"].sum()) if known.height else None


def _plot(run: Run, metrics: Figures) -> None:
    """Write each policy's win rate and KL, by its beta: a sweep's runs make the curve."""
    rows = [
        (name, beta, metrics["kl_per_token"][name], metrics["win_rate"][name])
        for name, training in run.params.trained.items()
        for beta in [training.beta]
    ]
    with atomic_path(run.data / "plots" / "evaluate.csv") as draft:
        pl.DataFrame(rows, schema=CURVE, orient="row").write_csv(draft)
