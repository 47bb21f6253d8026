"""TRL's own trainers take a step on what is written for them."""

from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.schemas.training_sets import Dpo, Kto
from rather.stages.convert.formats.formats import Kind, form

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(find_spec("trl") is None, reason="needs the extra rather[bench]"),
]

NUM_ROWS = 4
WRITERS: dict[str, Callable[[pl.DataFrame, Path], None]] = {
    "parquet": lambda rows, path: rows.write_parquet(path),
    "json": lambda rows, path: rows.write_ndjson(path),
}


def said(role: str, text: str) -> list[dict[str, str]]:
    """Make one message."""
    return [{"role": role, "content": text}]


def dpo_rows() -> pl.DataFrame:
    """Make pairs with all their evidence; what a source cannot give is null."""
    rows = [
        {
            "pair_id": f"{n:016x}",
            "prompt_id": f"{n + 10:016x}",
            "split": "train",
            "prompt": said("user", f"reverse: {n} <|end|>"),
            "chosen": said("assistant", f"{n} ab"),
            "rejected": said("assistant", f"{n} ba"),
            "chosen_id": f"{n + 20:016x}",
            "rejected_id": f"{n + 30:016x}",
            "margin": 1.0 if n else None,
            "num_raters": 2,
            "raters": ["ann", "bob"] if n else [],
            "weight": 1.0,
        }
        for n in range(NUM_ROWS)
    ]
    return pl.DataFrame(rows, schema=Dpo.create_empty().schema)


def kto_rows() -> pl.DataFrame:
    """Make labelled answers, every second one desirable."""
    rows = [
        {
            "response_id": f"{n:016x}",
            "prompt_id": f"{n + 10:016x}",
            "split": "train",
            "prompt": said("user", f"reverse: {n} <|end|>"),
            "completion": said("assistant", f"{n} ab"),
            "label": n % 2 == 0,
            "num_raters": 1,
            "raters": ["ann"],
            "weight": 1.0,
        }
        for n in range(NUM_ROWS)
    ]
    return pl.DataFrame(rows, schema=Kto.create_empty().schema)


ROWS: dict[Kind, Callable[[], pl.DataFrame]] = {"dpo": dpo_rows, "kto": kto_rows}


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's tokenizer, and its Llama of random weights."""
    from rather.stages.models.resolve import resolve

    out = tmp_path_factory.mktemp("models") / "base"
    resolve("demo", None, out, seed=0)
    return out


def step(kind: Kind, file: Path, reader: str, model: Path, out: Path) -> dict[str, Any]:
    """Let TRL read a file and take one step; give what it logged last."""
    from datasets import load_dataset
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer

    made = load_dataset(reader, data_files=str(file), split="train", cache_dir=str(out / "cache"))
    classes: dict[Kind, Any] = {"dpo": (DPOConfig, DPOTrainer), "kto": (KTOConfig, KTOTrainer)}
    config_class, trainer_class = classes[kind]
    options = config_class(
        output_dir=str(out),
        max_steps=1,
        logging_steps=1,
        per_device_train_batch_size=NUM_ROWS,
        report_to="none",
        save_strategy="no",
        use_cpu=True,
        bf16=False,
        gradient_checkpointing=False,
    )
    trainer = trainer_class(
        model=AutoModelForCausalLM.from_pretrained(model),
        ref_model=AutoModelForCausalLM.from_pretrained(model),
        args=options,
        train_dataset=made,
        processing_class=AutoTokenizer.from_pretrained(model),
    )
    trainer.train()
    logged: dict[str, Any] = trainer.state.log_history[0]
    return logged


@pytest.mark.parametrize("kind", ["dpo", "kto"])
@pytest.mark.parametrize(("name", "reader"), [("trl", "parquet"), ("trl-standard", "json")])
def test_a_step_is_taken(kind: Kind, name: str, reader: str, model: Path, tmp_path: Path) -> None:
    """Policy and reference are one: DPO's first loss is ln 2 = .6931, KTO's is 1 - sigmoid(0) = .5.

    The columns of evidence stand beside those that TRL reads, and are in nobody's way.
    """
    file = tmp_path / f"rows.{reader}"
    WRITERS[reader](form(name, kind).reshape(ROWS[kind]()).rows, file)
    logged = step(kind, file, reader, model, tmp_path)
    assert logged["loss"] == pytest.approx({"dpo": 0.6931, "kto": 0.5}[kind], abs=1e-3)
