"""Is our DPO the same as TRL's, and how much faster?   python tests/bench/trainer_vs_trl.py [...]

Trains one model on one set of pairs three times, each in a process of its own: ours, the
reference's log-probs included; TRL as shipped, in its own order; and TRL fed our batches in our
order, which are of like length. Neither side recomputes activations. Prints one line of JSON: the
greatest difference of the losses at any step from TRL's in our order, wall and CPU seconds and
peak memory of each, and how many times faster ours is than the faster TRL. Time is from the loaded
libraries to the saved model.

--pairs 128 --batch 8 --shape 12m|qwen3-0.6b|qwen3-1.7b --lengths hh|chats --precision fp32|bf16
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from tests.bench.workload import LENGTHS, SHAPES, write_model, write_pairs  # noqa: E402

SIDES = ("ours", "trl_shipped", "trl_our_batches")
LEARNING_RATE = 1e-4


def ours(folder: Path, options: argparse.Namespace) -> Callable[[], list[float]]:
    """Prepare our training; it gives the loss of every step."""
    from rather.trainer.config import TrainConfig
    from rather.trainer.reference.reference import write_reference
    from rather.trainer.train import train

    config = TrainConfig(
        "dpo",
        batch_size=options.batch,
        learning_rate=LEARNING_RATE,
        lr_scheduler_type="linear",
        max_length=max_length(options),
        precision=options.precision,
        logging_steps=1,
    )

    def run() -> list[float]:
        reference = folder / "reference.parquet"
        write_reference(folder / "model", folder / "data", reference, config)
        told = train(folder / "model", folder / "data", folder / "ours", config, reference)
        return [record["loss"] for record in told["history"] if "loss" in record]

    return run


def trl(folder: Path, options: argparse.Namespace, in_our_order: bool) -> Callable[[], list[float]]:
    """Prepare TRL's training; it gives the loss of every step."""
    from datasets import Dataset
    from torch.utils.data import Sampler, SequentialSampler
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer

    class InOrder(DPOTrainer):
        def _get_train_sampler(self, dataset: Any = None) -> Sampler[int]:
            return SequentialSampler(self.train_dataset)

    def run() -> list[float]:
        data = Dataset.from_parquet(str(folder / "data" / "train.parquet"))
        if in_our_order:
            data = data.select(our_order(folder, options))
        arguments = DPOConfig(
            output_dir=str(folder / "trl"),
            beta=0.1,
            per_device_train_batch_size=options.batch,
            num_train_epochs=1,
            learning_rate=LEARNING_RATE,
            lr_scheduler_type="linear",
            warmup_steps=0.1,
            max_length=max_length(options),
            gradient_checkpointing=False,
            bf16=options.precision == "bf16",
            use_cpu=not torch.cuda.is_available(),
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        )
        model = AutoModelForCausalLM.from_pretrained(folder / "model", dtype=torch.float32)
        tokenizer = AutoTokenizer.from_pretrained(folder / "model")
        trainer = (InOrder if in_our_order else DPOTrainer)(
            model, args=arguments, train_dataset=data, processing_class=tokenizer
        )
        trainer.train()
        trainer.save_model()
        return [record["loss"] for record in trainer.state.log_history if "loss" in record]

    return run


def our_order(folder: Path, options: argparse.Namespace) -> list[int]:
    """Give rows in the order of our batches."""
    from rather.trainer.config import TrainConfig
    from rather.trainer.data.batches import Batches
    from rather.trainer.data.encoding import ChatEncoder
    from rather.trainer.loop.splits import read_rows
    from rather.trainer.model.load_model import load_tokenizer

    config = TrainConfig("dpo", batch_size=options.batch, max_length=max_length(options))
    encoder = ChatEncoder(load_tokenizer(folder / "model"))
    splits, _ = read_rows(folder / "data", "pairs", encoder, config)
    return [row for batch in Batches(splits["train"], options.batch, 0) for _, row in batch]


def max_length(options: argparse.Namespace) -> int:
    """Leave room for the longest prompt and completion."""
    return 1024 if options.lengths == "hh" else 4096


def side(name: str, folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Run one side in this process."""
    run = ours(folder, options) if name == "ours" else trl(folder, options, "our" in name)
    torch.manual_seed(0)
    wall, cpu = time.perf_counter(), time.process_time()
    losses = run()
    found = {
        "wall_s": round(time.perf_counter() - wall, 2),
        "cpu_s": round(time.process_time() - cpu, 2),
        "peak_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }
    if torch.cuda.is_available():
        found["peak_gpu_mb"] = torch.cuda.max_memory_allocated() // 2**20
    return found | {"losses": losses}


def measure(folder: Path, arguments: list[str], name: str) -> dict[str, Any]:
    """Run one side in a process of its own."""
    command = [sys.executable, __file__, *arguments, "--side", name, "--folder", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    print(f"{name}: { {key: found[key] for key in found if key != 'losses'} }", file=sys.stderr)
    return found


def count_tokens(folder: Path) -> int:
    """Count the tokens of all sequences, a prompt in each of its two, by words."""
    import pyarrow.parquet as pq

    rows = pq.read_table(folder / "data" / "train.parquet").to_pylist()
    words = {"prompt": 4, "chosen": 1, "rejected": 1}
    return sum(
        (2 if name == "prompt" else 1) * (len(row[name][0]["content"].split()) + more)
        for row in rows
        for name, more in words.items()
    )


def compare(options: argparse.Namespace, arguments: list[str]) -> dict[str, Any]:
    """Run all sides and set them beside each other."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_model(folder / "model", options.shape)
        write_pairs(folder / "data", options.pairs, options.lengths)
        found = {name: measure(folder, arguments, name) for name in SIDES}
        num_tokens = count_tokens(folder)
    losses = {name: result.pop("losses") for name, result in found.items()}
    peer = min(SIDES[1:], key=lambda name: float(found[name]["wall_s"]))
    steps = zip(losses["ours"], losses["trl_our_batches"], strict=True)
    line: dict[str, Any] = {
        "bench": "trainer_vs_trl",
        **{name: getattr(options, name) for name in ("pairs", "batch", "shape", "precision")},
        "max_loss_difference": max(abs(one - other) for one, other in steps),
        "num_steps": len(losses["ours"]),
        "peer": peer,
        "times_faster": round(found[peer]["wall_s"] / found["ours"]["wall_s"], 2),
        "times_less_cpu": round(found[peer]["cpu_s"] / found["ours"]["cpu_s"], 2),
        "memory_share": round(found["ours"]["peak_mb"] / found[peer]["peak_mb"], 3),
        "sequence_tokens_per_s": round(num_tokens / found["ours"]["wall_s"]),
        **found,
    }
    if torch.cuda.is_available():
        line["memory_share"] = found["ours"]["peak_gpu_mb"] / found[peer]["peak_gpu_mb"]
    return line


def main(arguments: list[str]) -> None:
    """Compare, or run the one side asked for, and print a line of JSON."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pairs", type=int, default=128)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--shape", choices=SHAPES, default="12m")
    parser.add_argument("--lengths", choices=LENGTHS, default="hh")
    parser.add_argument("--precision", choices=("fp32", "bf16"), default="fp32")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    found = side(options.side, options.folder, options) if options.side else None
    print(json.dumps(found or compare(options, arguments)))


if __name__ == "__main__":
    main(sys.argv[1:])
