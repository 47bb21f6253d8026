"""The trainer from the shell."""

import json
from pathlib import Path

import pytest

from rather.trainer.__main__ import main


def write(folder: Path, settings: object) -> str:
    """Write settings into a file."""
    path = folder / "config.json"
    path.write_text(json.dumps(settings))
    return str(path)


def test_a_reference_then_a_policy(
    model: Path, pairs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The two commands, one after the other, write a cache and a model, and print metrics."""
    config = write(tmp_path, {"loss": "dpo", "max_length": 64, "lora": {"r": 2}})
    given = ["--model", str(model), "--data", str(pairs), "--config", config]
    cache, out = str(tmp_path / "reference.parquet"), tmp_path / "out"
    assert main(["reference", *given, "--out", cache]) == 0
    assert main(["train", *given, "--out", str(out), "--reference", cache]) == 0
    assert (out / "model.safetensors").is_file()
    printed = capsys.readouterr().out
    assert '"step0_check": "passed"' in printed
    assert '"history"' not in printed


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"beta": 0.1}, "expected an object with a loss"),
        ({"loss": "dpo", "betas": 1}, "found betas; correct the name"),
        ({"loss": "dpo", "lora": {"rank": 2}}, "lora: expected some of r,"),
        ({"loss": "dpo", "lora": {"r": 0}}, "lora.r: expected at least 1, found 0"),
        ({"loss": "dpo", "epochs": "three"}, "epochs: expected a number"),
        ({"loss": "sft"}, "nowhere: expected a model folder"),
    ],
)
def test_a_mistake_is_one_line(
    settings: dict[str, object], told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2, and what was expected, found and to mend."""
    given = ["--model", "nowhere", "--data", "nowhere", "--out", str(tmp_path / "out")]
    assert main(["train", *given, "--config", write(tmp_path, settings)]) == 2
    error = capsys.readouterr().err
    assert told in error
    assert error.startswith("trainer: ") and error.count("\n") == 1


def test_a_missing_settings_file_is_told_of(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The file is named."""
    given = ["--model", "m", "--data", "d", "--out", "o", "--config", str(tmp_path / "none.json")]
    assert main(["reference", *given]) == 2
    assert "none.json: expected settings as JSON" in capsys.readouterr().err


def test_help_shows_examples(capsys: pytest.CaptureFixture[str]) -> None:
    """Among them one for several processes."""
    with pytest.raises(SystemExit) as ended:
        main(["--help"])
    assert ended.value.code == 0
    assert "torchrun --nproc-per-node 2 -m rather.trainer train" in capsys.readouterr().out
