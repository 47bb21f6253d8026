"""Model folders: safetensors only, published whole."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from transformers import PreTrainedTokenizerFast

from rather.trainer.errors import TrainerError
from rather.trainer.model.load_model import fingerprint, load_tokenizer, publish, weight_files


def test_a_folder_without_safetensors_is_refused(tmp_path: Path) -> None:
    """Pickled weights could run code, so they are no weights."""
    (tmp_path / "pytorch_model.bin").write_bytes(b"")
    with pytest.raises(TrainerError, match="safetensors"):
        weight_files(tmp_path)


def test_a_fingerprint_is_of_the_weights(make_model: Callable[[int], Path]) -> None:
    """Equal weights in another folder have one fingerprint, other weights another."""
    first, again, other = make_model(0), make_model(0), make_model(1)
    assert fingerprint(first) == fingerprint(again) != fingerprint(other)


def test_publishing_replaces_what_was_there(tmp_path: Path) -> None:
    """Nothing of the former folder remains, nor anything beside it."""
    out = tmp_path / "model"
    for name in ("old", "new"):
        publish(out, lambda folder, name=name: (folder / name).touch())  # type: ignore[misc]
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "model",
        "model/new",
    ]


def test_a_crash_while_writing_leaves_the_former_model(tmp_path: Path) -> None:
    """The destination changes only once the new folder is complete."""
    out = tmp_path / "model"
    publish(out, lambda folder: (folder / "old").touch())

    def crash(folder: Path) -> None:
        (folder / "half").touch()
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        publish(out, crash)
    assert [path.name for path in out.iterdir()] == ["old"]


def test_eos_never_pads(model: Path, tokenizer: PreTrainedTokenizerFast, tmp_path: Path) -> None:
    """A classifier that looks for padding would take the end of a text for it."""
    folder = tmp_path / "model"
    shutil.copytree(model, folder)
    padless = load_tokenizer(folder)
    padless.pad_token = padless.eos_token
    padless.save_pretrained(folder)
    assert load_tokenizer(folder).pad_token_id != tokenizer.eos_token_id


def test_a_full_disk_leaves_the_former_model(tmp_path: Path) -> None:
    """What cannot be written is told of in a sentence; the old model stays, and nothing beside."""
    out = tmp_path / "model"
    publish(out, lambda folder: (folder / "old").touch())

    def fill(folder: Path) -> None:
        (folder / "half").touch()
        raise OSError(28, "No space left on device")

    with pytest.raises(TrainerError, match=r"model: expected to write a model, found.*No space"):
        publish(out, fill)
    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*")] == [
        "model",
        "model/old",
    ]
