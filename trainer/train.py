"""Trains one model: supervised fine-tuning, a reward model, or a policy on preferences."""

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from transformers import set_seed

from rather.trainer.compute import ranks
from rather.trainer.compute.objective import objective
from rather.trainer.config import TrainConfig
from rather.trainer.data.batches import Rows
from rather.trainer.data.encoding import ChatEncoder
from rather.trainer.errors import TrainerError
from rather.trainer.loop.checkpoints import Checkpoints
from rather.trainer.loop.loop import PreferenceTrainer
from rather.trainer.loop.splits import read_rows
from rather.trainer.model.assembly import assemble
from rather.trainer.model.load_model import fingerprint, load_tokenizer
from rather.trainer.preflight import (
    check_ledger,
    check_reference_given,
    check_reporters,
    check_step0,
    check_tokens,
)
from rather.trainer.reference.reference import RERUN, Reference

# Settings that decide how a training is told of and kept, and not what comes out of it.
BESIDE_THE_POINT = {"save_steps", "saves_per_epoch", "report_to", "max_dropped", "max_truncated"}


def train(
    model: Path,
    data: Path,
    out: Path,
    config: TrainConfig,
    reference: Path | None = None,
    checkpoints: Path | None = None,
    log: Path | None = None,
) -> dict[str, Any]:
    """Train the model in a folder on data/train.parquet, publish it at `out`, return metrics.

    `out` is replaced whole, once training has ended well. checkpoints: a folder of this training's
    own, from which it goes on exactly where it was stopped, and which is removed at its end. log: a
    file for the history as it grows, one JSON line a record; tensorboard writes beside it.

    Metrics: loss_step0, on the first batch before training; train_loss and TRL's metrics, over the
    last record of the history; the same over test.parquet, prefixed eval_; tokens, a ledger for
    each split; num_steps; tokens_per_second, padding excluded; padding_fraction; mfu, with the
    device's peak where it is known; warnings, what the watch found; history. Each example weighs
    the same in a mean, and for sft each token.

    Raises TrainerError on data, reference or settings that do not fit together, and before the
    first step where the reference turns out not to be the starting model.
    """
    ranks.join()
    goal = objective(config)
    check_reference_given(goal, reference, config)
    check_reporters(config, log)
    tokenizer = load_tokenizer(model)
    splits, ledgers = read_rows(data, goal.loss.eats, ChatEncoder(tokenizer), config)
    check_ledger(ledgers["train"], config)
    cache = None if reference is None else Reference(reference)
    starts_at_reference = _attach(cache, splits, model, config)
    # New weights, of an adapter or of a reward model's head, are drawn at random.
    set_seed(config.seed)
    assembly = assemble(model, int(tokenizer.pad_token_id), goal, config)
    check_tokens(tokenizer, assembly.task.policy, splits)
    kept = _checkpoints(checkpoints, model, data, reference, config)
    with tempfile.TemporaryDirectory() as scratch:
        check = partial(check_step0, goal, starts_at_reference=starts_at_reference, config=config)
        run = PreferenceTrainer(assembly, splits, config, check, Path(scratch), kept, log)
        metrics = _fit(run, kept)
    metrics |= _held_out(run, splits.get("test"))
    metrics |= {"computation": assembly.choice.layout, "computation_reason": assembly.choice.reason}
    assembly.publish(out, tokenizer)
    if kept is not None and ranks.rank() == 0:
        kept.clear()
    made_with = {} if cache is None else {"reference": cache.made_with}
    tokens = {split: ledger.as_dict() for split, ledger in ledgers.items()}
    return metrics | made_with | {"tokens": tokens}


def _attach(
    cache: Reference | None, splits: Mapping[str, Rows], model: Path, config: TrainConfig
) -> bool:
    """Attach the reference's log-probs to rows; return whether training starts at the reference."""
    if cache is None:
        return True
    cache.expect_made_for(config)
    weights = fingerprint(model)
    same = bool(cache.made_with["weights"] == weights)
    if not same and not config.separate_reference:
        raise TrainerError(
            f"{cache.path}: expected log-probs of the starting model, with weights {weights}, "
            f"found those of weights {cache.made_with['weights']}; {RERUN}, "
            "or declare the reference another model with separate_reference"
        )
    for rows in splits.values():
        rows.refer_to(cache.logps)
    return same


def _checkpoints(
    folder: Path | None, model: Path, data: Path, reference: Path | None, config: TrainConfig
) -> Checkpoints | None:
    """Know this training's checkpoints by all that decides what comes out of it."""
    if folder is None:
        return None
    settings = {
        name: json.dumps(value)
        for name, value in asdict(config).items()
        if name not in BESIDE_THE_POINT
    }
    files = {"data": sorted(data.glob("*.parquet")), "reference": [reference] if reference else []}
    files["model"] = sorted(path for path in model.iterdir() if path.is_file())
    belongs_to = {name: _digest(paths) for name, paths in files.items()}
    processes = {"number of processes": str(ranks.size())}
    return Checkpoints(folder, settings | belongs_to | processes)


def _digest(paths: list[Path]) -> str:
    digest = hashlib.sha256()
    for path in paths:
        with path.open("rb") as file:
            digest.update(f"{path.name} {hashlib.file_digest(file, 'sha256').hexdigest()}".encode())
    return digest.hexdigest()


def _fit(run: PreferenceTrainer, kept: Checkpoints | None) -> dict[str, Any]:
    """Train from the start, or from the last checkpoint, where step 0 is past checking."""
    found = kept.latest() if kept is not None and ranks.rank() == 0 else None
    resume = ranks.gather(found)[0]
    metrics = run.fit(resume)
    said = kept.said if kept is not None else []
    if resume is not None:
        said.append(f"training went on from {resume.name}")
        metrics["step0_check"] = f"skipped: training went on from {resume.name}"
    return {**run.step0, **metrics} | ({"checkpoints": said} if said else {})


def _held_out(run: PreferenceTrainer, rows: Rows | None) -> dict[str, Any]:
    if rows is None:
        return {"eval_skipped": "test.parquet is absent, or too few of its rows can be used"}
    return {f"eval_{name}": value for name, value in run.measure(rows).items()}
