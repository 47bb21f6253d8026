"""A reward model's scores of conversations."""

from pathlib import Path

import pytest
import torch
from transformers import AutoModelForSequenceClassification, PreTrainedTokenizerFast

from rather.trainer.config import TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.reference.rewards import score
from rather.trainer.train import train


def turn(role: str, content: str) -> list[dict[str, str]]:
    """Make a conversation of one message."""
    return [{"role": role, "content": content}]


CONVERSATIONS = [
    (turn("user", "say one"), turn("assistant", "yes, one, and more of it")),
    (turn("user", "say two"), turn("assistant", "no")),
    (turn("user", "say three of them"), turn("assistant", "yes, three")),
]


@pytest.fixture
def reward_model(model: Path, pairs: Path, tmp_path: Path) -> Path:
    """A reward model that prefers yes."""
    config = TrainConfig("bradley_terry", epochs=8, learning_rate=5e-3, batch_size=5, max_length=64)
    train(model, pairs, tmp_path / "reward", config)
    return tmp_path / "reward"


def test_scores_are_the_logits_at_the_end_of_each_conversation(
    reward_model: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    """In the order given, equal to the model run on one conversation at a time, EOS included."""
    scorer = AutoModelForSequenceClassification.from_pretrained(reward_model)
    expected = []
    for prompt, completion in CONVERSATIONS:
        text = tokenizer.apply_chat_template([*prompt, *completion], tokenize=False).strip()
        ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
        assert ids[0, -1] == tokenizer.eos_token_id
        hidden = scorer.model(ids).last_hidden_state[0, -1]
        expected.append(scorer.score(hidden).item())
    found = torch.tensor(score(reward_model, CONVERSATIONS, max_length=64, batch_size=3))
    assert torch.allclose(found, torch.tensor(expected), rtol=0, atol=1e-5)


def test_no_conversations_have_no_scores(tmp_path: Path) -> None:
    """Nothing to score needs no model."""
    assert score(tmp_path, [], max_length=64, batch_size=2) == []


def test_a_conversation_without_room_for_its_completion_has_no_score(reward_model: Path) -> None:
    """Its place stays, empty, and the others keep theirs."""
    found = score(reward_model, CONVERSATIONS, max_length=20, batch_size=2)
    assert [value is None for value in found] == [False, False, True]


def test_a_model_without_head_is_refused(model: Path) -> None:
    """A head drawn at random would rate at random."""
    with pytest.raises(TrainerError, match="expected a reward model"):
        score(model, CONVERSATIONS, max_length=64, batch_size=2)
