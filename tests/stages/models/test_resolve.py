"""Resolving the model: the demo's own, a local folder, a hub name."""

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerBase

from rather.schemas.base import UserError
from rather.stages.models.pointer import locate, weights
from rather.stages.models.resolve import resolve

COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's model."""
    out = tmp_path_factory.mktemp("models") / "base"
    resolve("demo", None, out, seed=0)
    return out


@pytest.fixture(scope="module")
def tokenizer(base: Path) -> PreTrainedTokenizerBase:
    """The demo's tokenizer, as loaded back."""
    loaded: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(base)
    return loaded


def files(folder: Path) -> dict[str, bytes]:
    """Read a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def local(folder: Path, weights: bytes = b"weights") -> Path:
    """Make what looks like a local model."""
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text("{}")
    (folder / "model.safetensors").write_bytes(weights)
    return folder


def test_demo_model_is_tiny(base: Path) -> None:
    """The demo's Llama has about 0.65 million parameters and takes long prompts."""
    model = AutoModelForCausalLM.from_pretrained(base)
    assert 0.55e6 < model.num_parameters() < 0.75e6
    assert model.config.max_position_embeddings == 16384


def test_demo_model_ends_by_itself(base: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Generation stops at the token that ends a message, and the model begins with none."""
    model = AutoModelForCausalLM.from_pretrained(base)
    end = tokenizer.convert_tokens_to_ids("<|end|>")
    assert tokenizer.eos_token_id == model.generation_config.eos_token_id == end
    assert tokenizer.bos_token_id is None
    assert tokenizer.pad_token_id not in (None, end)


@pytest.mark.parametrize("seed", [0, 1])
def test_demo_model_is_reproducible(base: Path, tmp_path: Path, seed: int) -> None:
    """One seed gives the same bytes; another gives other weights, but the same tokenizer."""
    resolve("demo", None, tmp_path / "again", seed)
    once, again = files(base), files(tmp_path / "again")
    assert (once.pop("model.safetensors") == again.pop("model.safetensors")) == (seed == 0)
    assert once == again


@pytest.mark.parametrize("text", ["Reverse: banel", "naïve 🦜 日本\n\t x", "a\u0000b  c "])
def test_any_text_round_trips(tokenizer: PreTrainedTokenizerBase, text: str) -> None:
    """No text is beyond the tokenizer: it decodes to what was encoded."""
    assert tokenizer.decode(tokenizer.encode(text)) == text


def test_task_words_stay_letters(tokenizer: PreTrainedTokenizerBase) -> None:
    """An instruction is one token, and what it is about a token for each letter."""
    assert tokenizer.tokenize("Reverse: dumok") == ["Reverse", ":", "Ġ", "d", "u", "m", "o", "k"]


def test_chat_template_spells_a_conversation(tokenizer: PreTrainedTokenizerBase) -> None:
    """System, user and assistant turns are told apart, and the model is asked to go on."""
    turns = [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Yes?"},
        {"role": "user", "content": "Bye"},
    ]
    text = tokenizer.apply_chat_template(turns, tokenize=False, add_generation_prompt=True)
    assert text == (
        "<|system|>Be brief.<|end|><|user|>Hi<|end|><|assistant|>Yes?<|end|>"
        "<|user|>Bye<|end|><|assistant|>"
    )


def test_model_folder_is_its_own_location(base: Path) -> None:
    """A folder that holds a model is located at itself."""
    assert locate(base) == (str(base), None)


def test_local_folder_becomes_a_pointer(tmp_path: Path) -> None:
    """A local model is pointed at, not copied."""
    model, out = local(tmp_path / "mine"), tmp_path / "base"
    resolve(str(model), None, out, seed=0)
    assert locate(out) == (str(model), None)
    assert list(files(out)) == ["pointer.json"]


def test_changed_weights_change_the_pointer(tmp_path: Path) -> None:
    """The pointer's bytes follow the weights', so that what rests on them is run again."""
    pointers = []
    for content in (b"one", b"two", b"one"):
        resolve(str(local(tmp_path / "mine", content)), None, tmp_path / "base", seed=0)
        pointers.append((tmp_path / "base" / "pointer.json").read_bytes())
    assert pointers[0] == pointers[2] != pointers[1]


def test_a_model_changed_since_is_refused(tmp_path: Path) -> None:
    """Weights that are no longer those pointed at are not used in silence."""
    model, out = local(tmp_path / "mine", b"one"), tmp_path / "base"
    resolve(str(model), None, out, seed=0)
    assert weights(out) == model
    local(model, b"two")
    with pytest.raises(UserError, match="dvc repro --force model"):
        weights(out)


def test_another_model_replaces_the_former(tmp_path: Path) -> None:
    """Nothing of an earlier model is left in the folder."""
    out = local(tmp_path / "base")
    resolve(str(local(tmp_path / "mine")), None, out, seed=0)
    assert list(files(out)) == ["pointer.json"]


def test_a_model_is_not_replaced_by_itself(tmp_path: Path) -> None:
    """The folder that is written cannot be the model to start from: it would be lost."""
    out = local(tmp_path / "base")
    with pytest.raises(UserError, match="other than"):
        resolve(str(out), None, out, seed=0)
    assert "model.safetensors" in files(out)


def test_folder_without_a_model(tmp_path: Path) -> None:
    """A folder that holds no model is refused, with the place to mend."""
    with pytest.raises(UserError, match=r"config\.json.*params\.yaml"):
        resolve(str(tmp_path), None, tmp_path / "base", seed=0)


def test_missing_folder(tmp_path: Path) -> None:
    """A path that does not exist is no hub name."""
    with pytest.raises(UserError, match=r"no such folder.*params\.yaml"):
        resolve(str(tmp_path / "absent"), None, tmp_path / "base", seed=0)


def test_hub_name_is_pinned(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub name becomes a pointer to the commit that its revision means now."""
    asked: list[tuple[str, str | None]] = []

    def model_info(_: Any, name: str, revision: str | None) -> SimpleNamespace:
        asked.append((name, revision))
        return SimpleNamespace(sha=COMMIT)

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    resolve("owner/name", "v1", tmp_path / "base", seed=0)
    assert asked == [("owner/name", "v1")]
    assert locate(tmp_path / "base") == ("owner/name", COMMIT)
    assert json.loads((tmp_path / "base" / "pointer.json").read_text())["fingerprint"] is None


def test_unreachable_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the hub cannot be reached, the error names the model and what to do instead."""

    def model_info(_: Any, name: str, revision: str | None) -> None:
        raise ConnectionError("no route to host")

    monkeypatch.setattr("huggingface_hub.HfApi.model_info", model_info)
    with pytest.raises(UserError, match=r"owner/name at revision main.*no route.*local model"):
        resolve("owner/name", None, tmp_path / "base", seed=0)
