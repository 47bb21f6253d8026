"""Splits: rows to train and to evaluate on, with all that the loss takes."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from rather.trainer.config import TrainConfig
from rather.trainer.data.encoding import ChatEncoder
from rather.trainer.errors import TrainerError
from rather.trainer.loop.splits import read_rows
from rather.trainer.model.load_model import load_tokenizer


@pytest.mark.parametrize("found", [None, float("nan")])
def test_evidence_that_the_loss_takes_must_be_there(
    found: float | None, model: Path, pairs: Path
) -> None:
    """A null or NaN in a column the loss takes is named before training."""
    path = pairs / "train.parquet"
    table = pq.read_table(path)
    column = pa.array([0.9] * 9 + [found])
    pq.write_table(table.append_column("p_correct", column), path)
    encoder = ChatEncoder(load_tokenizer(model))
    with pytest.raises(TrainerError, match=r"finite p_correct in every row.*found 1 of 10"):
        read_rows(pairs, "pairs", encoder, TrainConfig("robust_per_pair", max_length=64))
    splits, _ = read_rows(pairs, "pairs", encoder, TrainConfig("dpo", max_length=64))
    assert len(splits["train"]) == 10
