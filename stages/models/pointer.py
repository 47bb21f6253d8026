"""The place of a model's files: its folder, or the place that the folder's pointer names."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rather.schemas.base import UserError
from rather.stages.common.ids import digest

POINTER = "pointer.json"
PATTERNS = ["*.safetensors", "*.json", "*.jinja", "*.model", "*.txt"]
HASHED_SUFFIXES = {".safetensors", ".json", ".jinja", ".model", ".txt"}


@dataclass(frozen=True)
class Address:
    """An OpenAI-compatible endpoint: its address, the model it serves, and limits.

    key:         the environment variable that holds its key; None: it needs none
    concurrency: requests under way at a time;  retries: of one request, with backoff
    logprobs:    ask for the answers' log-probabilities, which some servers do not return
    """

    url: str
    model: str
    key: str | None = None
    concurrency: int = 16
    retries: int = 8
    logprobs: bool = False


def address(folder: Path) -> Address | None:
    """Return the endpoint that a resolved folder points at; None if it holds or names weights."""
    endpoint = _pointer(folder).get("endpoint")
    return None if endpoint is None else Address(**endpoint)


def locate(folder: Path) -> tuple[str, str | None]:
    """Return the path or hub name, and the revision, that loaders take.

    Any model folder without a pointer, such as a trained one, is its own location.
    Raises UserError where the folder names an endpoint.
    """
    pointer = _pointer(folder)
    if "endpoint" in pointer:
        raise UserError(
            f"{folder}: expected a model's weights, found the endpoint "
            f"{pointer['endpoint']['url']}; name another model in params.yaml"
        )
    return pointer.get("model", str(folder)), pointer.get("revision")


def _pointer(folder: Path) -> dict[str, Any]:
    """Read a folder's pointer, empty where it has none."""
    path = folder / POINTER
    if not path.exists():
        return {}
    pointer: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return pointer


def weights(folder: Path) -> Path:
    """Return the folder of a model's files; a pinned hub model is fetched if need be.

    Raises UserError where a local model is no longer the one that was pointed at, or the hub
    cannot be reached.
    """
    name, revision = locate(folder)
    if revision is None:
        _check_unchanged(folder, Path(name))
        return Path(name)
    from huggingface_hub import snapshot_download

    try:
        return Path(snapshot_download(name, revision=revision, allow_patterns=PATTERNS))
    except OSError as error:
        raise UserError(
            f"model: expected {name} at {revision} from the hub, found "
            f"{type(error).__name__}: {error}; check the network, or give a local folder"
        ) from error


def _check_unchanged(folder: Path, model: Path) -> None:
    """Raise UserError if a local model's files changed since it was pointed at."""
    if model == folder:
        return
    expected = _pointer(folder)["fingerprint"]
    found = fingerprint(model)
    if found != expected:
        stage = "model" if folder.name == "base" else f"models@{folder.name}"
        raise UserError(
            f"{model}: expected the model as it was, with fingerprint {expected}, found {found}; "
            f"run `dvc repro --force {stage}` to take it as it is now"
        )


def fingerprint(folder: Path) -> str:
    """Return a hash of a model's weights, configuration, tokenizer and template files."""
    if not (folder / "config.json").is_file():
        raise UserError(
            f"{folder}: expected a model folder with config.json, found none there; "
            "correct `model` in params.yaml, or run the stage that writes this model"
        )
    parts: list[str] = []
    for path in sorted(folder.iterdir()):
        if path.suffix in HASHED_SUFFIXES:
            with path.open("rb") as file:
                parts += [path.name, hashlib.file_digest(file, hashlib.sha256).hexdigest()]
    return digest(parts)
