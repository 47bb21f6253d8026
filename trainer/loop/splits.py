"""Reads a data folder's splits as rows to train and to evaluate on."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from rather.trainer.config import Kind, TrainConfig
from rather.trainer.data.batches import Rows
from rather.trainer.data.dataset import EVIDENCE, Example, TokenLedger, read_examples
from rather.trainer.data.encoding import ChatEncoder
from rather.trainer.errors import TrainerError
from rather.trainer.losses import find_loss


def read_rows(
    data: Path, eats: Kind, encoder: ChatEncoder, config: TrainConfig
) -> tuple[dict[str, Rows], dict[str, TokenLedger]]:
    """Read a data folder's splits: train, for all epochs, and test, once, where it has rows.

    Raises TrainerError where train has too few rows left, or where rows lack evidence that the
    loss takes; a test split with too few is left out.
    """
    inputs = _inputs(config)
    needs_heads, needs_partners = any(name.endswith("heads") for name in inputs), "kl" in inputs
    splits, ledgers = {}, {}
    for split, epochs in (("train", config.epochs), ("test", 1)):
        path = data / f"{split}.parquet"
        if split == "test" and not path.exists():
            continue
        examples, ledgers[split] = read_examples(path, eats, encoder, config.max_length)
        if split == "test" and len(examples) < (2 if needs_partners else 1):
            continue
        if not examples:
            raise _nothing_left(path, eats, ledgers[split], config.max_length)
        _expect_evidence(path, examples, sorted(inputs & EVIDENCE.keys()))
        splits[split] = Rows(
            examples, eats, epochs, config.seed, config.max_length, needs_partners, needs_heads
        )
    return splits, ledgers


def _inputs(config: TrainConfig) -> set[str]:
    """Return the quantities that a configuration's loss, or any of several, requires."""
    named = config.loss if isinstance(config.loss, Mapping) else (config.loss,)
    losses = [loss for name in named if (loss := find_loss(name)) is not None]
    return {name for loss in losses for name in loss.inputs if name not in loss.options}


def _expect_evidence(path: Path, examples: Sequence[Example], wanted: Iterable[str]) -> None:
    for name in wanted:
        lacking = sum(name not in example.evidence for example in examples)
        if lacking:
            raise TrainerError(
                f"{path}: expected a finite {EVIDENCE[name]} in every row, from which the loss "
                f"takes {name}; found {lacking:,} of {len(examples):,} rows without; give data "
                "that have it, or choose another loss"
            )


def _nothing_left(path: Path, eats: Kind, ledger: TokenLedger, max_length: int) -> TrainerError:
    dropped = ", ".join(f"{count} {reason}" for reason, count in ledger.dropped.items())
    found = f"all {ledger.rows_in} dropped ({dropped})" if ledger.rows_in else "no rows"
    return TrainerError(
        f"{path}: expected {eats} to train on, found {found}; raise max_length, now {max_length}, "
        "or see the report on why there are none"
    )
