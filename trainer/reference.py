"""The reference model's log-probs, computed once and cached in a Parquet file.

A row holds key, the hash of a sequence's token ids, logps, the float64 sum over its completion in
nats, and num_tokens, the completion's length. Rows are sorted by key and carry no time, so that
the same model and data give the same bytes. What the cache was made with stands in the file's
schema metadata, as JSON under "reference".
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from transformers import PreTrainedModel

from trainer.batches import cut, pad, read_rows
from trainer.config import TrainConfig
from trainer.encoding import ChatEncoder, Tokens
from trainer.errors import TrainerError
from trainer.logps import completion_logps, inference, to_device
from trainer.losses import Kind
from trainer.models import fingerprint, load_policy, load_tokenizer, to_accelerator
from trainer.objective import objective

COLUMNS = {"key": pa.string(), "logps": pa.float64(), "num_tokens": pa.int32()}
RERUN = "rerun the reference stage with this model, data and settings"


class Reference:
    """A cache of log-probs, looked up by the tokens themselves; raises TrainerError on a bad file.

    made_with: weights (their fingerprint), loss, max_length, precision; for KTO epochs and seed.
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


def sequence_key(prompt: Tokens, completion: Tokens) -> str:
    """Hash the token ids of a prompt and a completion: hex sha256, the boundary included."""
    boundary = len(prompt).to_bytes(8, "little")
    return hashlib.sha256(boundary + prompt.tobytes() + completion.tobytes()).hexdigest()


def write_reference(model: Path, data: Path, out: Path, config: TrainConfig) -> dict[str, Any]:
    """Compute the log-probs that training on a data folder will look up, into the file `out`.

    Covers train.parquet and, where it has rows, test.parquet; for KTO also each prompt with its
    partner's completion, in every epoch. Returns counts and the token ledgers. Raises TrainerError
    where the loss has no reference or the data do not suit it.
    """
    loss = objective(config).loss
    if not loss.needs_reference:
        raise TrainerError(
            f"expected a loss with a reference, found {config.loss}; leave out the reference stage"
        )
    tokenizer = load_tokenizer(model)
    splits, ledgers = read_rows(data, loss.eats, ChatEncoder(tokenizer), config)
    sequences = {
        sequence_key(prompt, completion): (prompt, completion)
        for rows in splits.values()
        for prompt, completion in rows.sequences()
    }
    pad_id = int(tokenizer.pad_token_id)
    logps = _compute(to_accelerator(load_policy(model)), sequences, pad_id, config)
    _write(out, sequences, logps, _made_with(model, loss.eats, config))
    return {
        "num_sequences": len(sequences),
        "num_tokens": sum(len(completion) for _, completion in sequences.values()),
        "tokens": {split: ledger.as_dict() for split, ledger in ledgers.items()},
    }


def _compute(
    model: PreTrainedModel,
    sequences: dict[str, tuple[Tokens, Tokens]],
    pad_id: int,
    config: TrainConfig,
) -> dict[str, float]:
    """Compute summed log-probs by key, batched by length."""
    by_length = sorted(sequences, key=lambda key: (sum(map(len, sequences[key])), key))
    logps: dict[str, float] = {}
    for keys in cut(by_length, config.batch_size):
        batch = pad([sequences[key] for key in keys], pad_id)
        with inference(model, config.precision):
            sums, _ = completion_logps(model, to_device(batch, model))
        logps |= zip(keys, sums.tolist(), strict=True)
    return logps


def _made_with(model: Path, eats: Kind, config: TrainConfig) -> dict[str, Any]:
    made_with = {
        "weights": fingerprint(model),
        "loss": config.loss,
        "max_length": config.max_length,
        "precision": config.precision,
    }
    drawn = {"epochs": config.epochs, "seed": config.seed} if eats == "labels" else {}
    return made_with | drawn


def _write(
    out: Path,
    sequences: dict[str, tuple[Tokens, Tokens]],
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
