"""The reference model's log-probs, computed once and cached in a Parquet file.

A row holds key, the hash of a sequence's token ids, logps, the float64 sum over its completion in
nats, and num_tokens, the completion's length. Rows are sorted by key and carry no time, so that
the same model and data give the same bytes. What the cache was made with stands in the file's
schema metadata, as JSON under "reference". For a loss that compares completions over their first
tokens alone, those first tokens are sequences of their own.
"""

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from rather.trainer.compute.computation import Choice, choose
from rather.trainer.compute.objective import objective
from rather.trainer.config import Kind, TrainConfig
from rather.trainer.data.encoding import ChatEncoder, Tokens
from rather.trainer.errors import TrainerError
from rather.trainer.loop.splits import read_rows
from rather.trainer.model.load_model import fingerprint, load_policy, load_tokenizer, to_accelerator
from rather.trainer.reference.scoring import Sequences, sequence_key, token_logps

COLUMNS = {"key": pa.string(), "logps": pa.float64(), "num_tokens": pa.int32()}
RERUN = "rerun the reference stage with this model, data and settings"


class Reference:
    """A cache of log-probs, looked up by the tokens themselves; raises TrainerError on a bad file.

    made_with: weights (their fingerprint), loss, max_length, precision, computation, and for KTO
    epochs and seed; loss alone for a loss without reference, whose cache is empty.
    """

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise TrainerError(f"expected a reference cache {path}, found none; {RERUN}")
        table = pq.read_table(path)
        metadata = (table.schema.metadata or {}).get(b"reference")
        if metadata is None or not set(COLUMNS) <= set(table.column_names):
            raise TrainerError(
                f"{path}: expected a reference cache with columns {', '.join(COLUMNS)}, "
                f"found {', '.join(table.column_names)}; {RERUN}"
            )
        self.path = path
        self.made_with: dict[str, Any] = json.loads(metadata)
        keys, logps = table["key"].to_pylist(), table["logps"].to_pylist()
        self._logps: dict[str, float] = dict(zip(keys, logps, strict=True))

    def expect_made_for(self, config: TrainConfig) -> None:
        """Raise TrainerError where the cache was made in another precision, or for no reference."""
        if "weights" not in self.made_with:
            raise TrainerError(
                f"{self.path}: expected log-probs of a reference, found the empty cache of "
                f"{self.made_with['loss']}, which has none; {RERUN}"
            )
        if self.made_with["precision"] != config.precision:
            raise TrainerError(
                f"{self.path}: expected log-probs in precision {config.precision}, found "
                f"{self.made_with['precision']}; {RERUN}"
            )

    def logps(self, prompt: Tokens, completion: Tokens) -> float:
        """Look up a completion's summed log-probs; raises TrainerError where it is not cached."""
        key = sequence_key(prompt, completion)
        if key not in self._logps:
            raise TrainerError(
                f"{self.path}: expected log-probs of every sequence to train on, found none of a "
                f"prompt of {len(prompt)} and a completion of {len(completion)} tokens; the cache "
                f"was made with {json.dumps(self.made_with)}, perhaps of other data; {RERUN}"
            )
        return self._logps[key]


def write_reference(model: Path, data: Path, out: Path, config: TrainConfig) -> dict[str, Any]:
    """Compute the log-probs that training on a data folder will look up, into the file `out`.

    Covers train.parquet and, where it has rows, test.parquet; for KTO also each prompt with its
    partner's completion, in every epoch. Returns counts, the computation and the token ledgers. For
    a loss without reference, or with one computed online, it loads nothing and writes an empty file
    that says so. Raises TrainerError where the data do not suit the loss.
    """
    loss = objective(config).loss
    if not loss.needs_reference or config.reference == "online":
        reason = "the reference is online" if loss.needs_reference else "the loss takes none"
        _write(out, {}, {}, {"loss": _named(config), "reference": f"none: {reason}"})
        return {"num_sequences": 0, "num_tokens": 0, "skipped": reason}
    tokenizer = load_tokenizer(model)
    splits, ledgers = read_rows(data, loss.eats, ChatEncoder(tokenizer), config)
    sequences = {
        sequence_key(prompt, completion): (prompt, completion)
        for rows in splits.values()
        for prompt, completion in rows.sequences()
    }
    policy = to_accelerator(load_policy(model))
    choice = choose(policy, config)
    pad_id = int(tokenizer.pad_token_id)
    logps = {
        key: value
        for keys, found in token_logps(policy, sequences, pad_id, config, choice)
        for key, value in zip(keys, found.sums().tolist(), strict=True)
    }
    _write(out, sequences, logps, _made_with(model, loss.eats, config, choice))
    return {
        "num_sequences": len(sequences),
        "num_tokens": sum(len(completion) for _, completion in sequences.values()),
        "computation": choice.layout,
        "computation_reason": choice.reason,
        "tokens": {split: ledger.as_dict() for split, ledger in ledgers.items()},
    }


def _made_with(model: Path, eats: Kind, config: TrainConfig, choice: Choice) -> dict[str, Any]:
    made_with = {
        "weights": fingerprint(model),
        "loss": _named(config),
        "max_length": config.max_length,
        "precision": config.precision,
        "computation": choice.layout,
    }
    drawn = {"epochs": config.epochs, "seed": config.seed} if eats == "labels" else {}
    return made_with | drawn


def _named(config: TrainConfig) -> str | dict[str, float]:
    return config.loss if isinstance(config.loss, str) else dict(config.loss)


def _write(
    out: Path,
    sequences: Sequences,
    logps: dict[str, float],
    made_with: dict[str, Any],
) -> None:
    keys = sorted(logps)
    columns = {
        "key": keys,
        "logps": [logps[key] for key in keys],
        "num_tokens": [len(sequences[key][1]) for key in keys],
    }
    metadata = {"reference": json.dumps(made_with, sort_keys=True)}
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.with_name(f".{out.name}.partial")
    pq.write_table(pa.table(columns, schema=pa.schema(COLUMNS, metadata=metadata)), partial)
    partial.replace(out)
