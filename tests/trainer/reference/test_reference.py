"""The reference cache: joined by content, the same bytes each time."""

from array import array
from pathlib import Path

import pyarrow.parquet as pq
import pytest
import torch

from rather.trainer.compute.logps import completion_logps, inference
from rather.trainer.config import TrainConfig
from rather.trainer.data.layouts import pad
from rather.trainer.errors import TrainerError
from rather.trainer.model.load_model import load_policy, load_tokenizer
from rather.trainer.reference.reference import Reference, write_reference
from rather.trainer.reference.scoring import sequence_key

DPO = TrainConfig("dpo", max_length=64)
KTO = TrainConfig("kto", max_length=64, epochs=2)


@pytest.mark.parametrize("config", [DPO, KTO], ids=["dpo", "kto"])
def test_the_same_model_and_data_give_the_same_bytes(
    config: TrainConfig, model: Path, pairs: Path, labels: Path, tmp_path: Path
) -> None:
    """Nothing in the file tells when or where it was made."""
    outs = [tmp_path / "first.parquet", tmp_path / "second.parquet"]
    for out in outs:
        write_reference(model, labels if config.loss == "kto" else pairs, out, config)
    assert outs[0].read_bytes() == outs[1].read_bytes()


def test_log_probs_are_found_by_the_tokens(model: Path, pairs: Path, tmp_path: Path) -> None:
    """A cached value is the model's own for those tokens, whatever row they stood in."""
    out = tmp_path / "reference.parquet"
    write_reference(model, pairs, out, DPO)
    tokenizer = load_tokenizer(model)
    prompt, completion = (
        array("i", tokenizer.encode(text, add_special_tokens=False))
        for text in ("<|bos|><|user|>say six<|end|>\n<|assistant|>", "no six<|end|>")
    )
    policy = load_policy(model)
    with inference(policy, "fp32"):
        expected = completion_logps(policy, pad([(prompt, completion)], pad_id=0)).sums()
    found = torch.tensor([Reference(out).logps(prompt, completion)])
    assert torch.allclose(found, expected, rtol=0, atol=1e-4)


def test_a_missing_sequence_is_an_error(model: Path, pairs: Path, tmp_path: Path) -> None:
    """The error tells to rerun the reference stage."""
    out = tmp_path / "reference.parquet"
    write_reference(model, pairs, out, DPO)
    with pytest.raises(TrainerError, match="rerun the reference stage"):
        Reference(out).logps(array("i", [1]), array("i", [2]))


def test_the_boundary_belongs_to_the_key() -> None:
    """The same tokens, cut elsewhere, are another sequence."""
    one, two = (array("i", ids) for ids in ([1], [1, 2]))
    assert sequence_key(one, array("i", [2, 3])) != sequence_key(two, array("i", [3]))


def test_kto_caches_the_mismatched_completions_of_every_epoch(
    model: Path, labels: Path, tmp_path: Path
) -> None:
    """Ten rows, each with its own completion and up to two partners': more than one epoch has."""
    counts = {}
    for epochs in (1, 2):
        config = TrainConfig("kto", max_length=64, epochs=epochs)
        out = tmp_path / f"{epochs}.parquet"
        counts[epochs] = write_reference(model, labels, out, config)["num_sequences"]
    assert counts[1] == 20
    assert 20 < counts[2] <= 30


def test_the_cache_says_what_made_it(model: Path, pairs: Path, tmp_path: Path) -> None:
    """Rows are sorted by key, and the file names its model's weights."""
    out = tmp_path / "reference.parquet"
    write_reference(model, pairs, out, DPO)
    keys = pq.read_table(out)["key"].to_pylist()
    assert keys == sorted(keys)
    expected = {"weights", "loss", "max_length", "precision", "computation"}
    assert Reference(out).made_with.keys() == expected


@pytest.mark.parametrize("loss", ["dpo", "ld_dpo"])
def test_every_computation_caches_the_same(
    loss: str, model: Path, pairs: Path, tmp_path: Path
) -> None:
    """Shared, packed or padded: the same sequences, and log-probs that differ by rounding."""
    tables = {}
    for computation in ("padded", "packed", "shared"):
        config = TrainConfig(loss, max_length=64, computation=computation)  # type: ignore[arg-type]
        told = write_reference(model, pairs, tmp_path / computation, config)
        assert told["computation"] == computation
        tables[computation] = pq.read_table(tmp_path / computation)
    right = tables.pop("padded")
    for table in tables.values():
        assert table["key"].equals(right["key"])
        found, expected = (torch.tensor(t["logps"].to_pylist()) for t in (table, right))
        assert torch.allclose(found, expected, rtol=0, atol=1e-4)


def test_heads_are_cached_for_a_loss_that_takes_them(
    model: Path, pairs: Path, tmp_path: Path
) -> None:
    """A chosen completion is longer by its "yes," than "no": its first tokens are cached too."""
    config = TrainConfig("ld_dpo", max_length=64)
    told = write_reference(model, pairs, tmp_path / "reference.parquet", config)
    assert told["num_sequences"] == 30


def test_a_loss_without_reference_has_an_empty_cache_that_says_so(
    model: Path, demonstrations: Path, tmp_path: Path
) -> None:
    """No model is run; training that asks for the log-probs is told why there are none."""
    out = tmp_path / "reference.parquet"
    told = write_reference(model, demonstrations, out, TrainConfig("sft"))
    assert told["num_sequences"] == 0
    with pytest.raises(TrainerError, match="the empty cache of sft, which has none"):
        Reference(out).expect_made_for(DPO)


def test_another_precision_is_refused(model: Path, pairs: Path, tmp_path: Path) -> None:
    """Log-probs rounded otherwise than the policy's would be noise in every loss."""
    out = tmp_path / "reference.parquet"
    write_reference(model, pairs, out, DPO)
    with pytest.raises(TrainerError, match="expected log-probs in precision bf16, found fp32"):
        Reference(out).expect_made_for(TrainConfig("dpo", precision="bf16"))


def test_any_other_file_is_refused(pairs: Path) -> None:
    """Training data given for a cache is named as such by its columns."""
    with pytest.raises(TrainerError, match="found prompt, chosen, rejected"):
        Reference(pairs / "train.parquet")
