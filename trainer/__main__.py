"""The trainer from the shell: python -m rather.trainer, also under torchrun."""

import argparse
import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rather.trainer.config import TrainConfig, read_settings
from rather.trainer.errors import TrainerError

EXAMPLES = """examples:
  python -m rather.trainer reference --model sft --data pairs --out reference.parquet \\
      --config dpo.json
  python -m rather.trainer train --model sft --data pairs --out policy --config dpo.json \\
      --reference reference.parquet --checkpoints .checkpoints --log policy.jsonl
  torchrun --nproc-per-node 2 -m rather.trainer train --model sft --data pairs --out policy \\
      --config dpo.json --reference reference.parquet

where dpo.json holds {"loss": "dpo", "beta": 0.1, "epochs": 1, "batch_size": 16}
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; return 2, with one line on stderr, where what it was given is mistaken."""
    given = _parser().parse_args(argv)
    logging.basicConfig(format="%(message)s", level=logging.WARNING)
    try:
        metrics = _run(given)
    except TrainerError as error:
        print(f"trainer: {error}", file=sys.stderr)
        return 2
    if metrics is not None:
        print(json.dumps(metrics, indent=2))
    return 0


def _run(given: argparse.Namespace) -> dict[str, Any] | None:
    config = read_config(given.config)
    # Imported here, since torch takes seconds and --help should not.
    if given.command == "reference":
        from rather.trainer.reference.reference import write_reference

        return write_reference(given.model, given.data, given.out, config)
    from rather.trainer.compute import ranks
    from rather.trainer.train import train

    metrics = train(
        model=given.model,
        data=given.data,
        out=given.out,
        config=config,
        reference=given.reference,
        checkpoints=given.checkpoints,
        log=given.log,
    )
    if given.metrics is not None and ranks.rank() == 0:
        given.metrics.write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    del metrics["history"]
    return metrics if ranks.rank() == 0 else None


def read_config(path: Path) -> TrainConfig:
    """Read settings from a JSON file; raises TrainerError where it holds none or wrong ones."""
    try:
        settings = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise TrainerError(
            f"{path}: expected settings as JSON, found: {error}; correct the file"
        ) from None
    if not isinstance(settings, dict) or "loss" not in settings:
        raise TrainerError(f"{path}: expected an object with a loss, found none; name a loss")
    return read_settings(TrainConfig, settings, str(path))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m rather.trainer",
        description="Train policies and reward models on preference data.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", required=True)
    train = commands.add_parser("train", help="train a model and publish it")
    reference = commands.add_parser("reference", help="cache the reference model's log-probs")
    for command, made in ((train, "folder of the trained model"), (reference, "Parquet file")):
        command.add_argument("--model", type=Path, required=True, help="folder of the model")
        command.add_argument("--data", type=Path, required=True, help="folder with train.parquet")
        command.add_argument("--out", type=Path, required=True, help=made)
        command.add_argument("--config", type=Path, required=True, help="settings as JSON")
    train.add_argument("--reference", type=Path, help="what the reference command wrote")
    train.add_argument("--checkpoints", type=Path, help="folder to go on from, if stopped")
    train.add_argument("--log", type=Path, help="file for the history, a JSON line a record")
    train.add_argument("--metrics", type=Path, help="file for metrics and history as JSON")
    return parser


if __name__ == "__main__":
    sys.exit(main())
