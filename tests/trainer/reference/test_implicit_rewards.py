"""Log-ratios of conversations under two models."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from rather.trainer.errors import TrainerError
from rather.trainer.reference.implicit_rewards import LogRatio, Said, log_ratios
from tests.trainer.conftest import assistant, user

SAID = [
    Said(user("say one"), assistant("yes, one, and more of it")),
    Said(user("say two"), assistant("no")),
    Said(user("say three of them"), assistant("yes, three"), finished=False),
]


@pytest.fixture(scope="module")
def reference(make_model: Callable[[int], Path]) -> Path:
    """Another model than the policy."""
    return make_model(1)


def token_logps(folder: Path, tokenizer: PreTrainedTokenizerFast, said: Said) -> torch.Tensor:
    """Compute a completion's log-probs token by token, one conversation at a time."""
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    prompt = tokenizer.apply_chat_template(said.prompt, tokenize=False, add_generation_prompt=True)
    text = prompt + said.completion[0]["content"] + ("<|end|>" if said.finished else "")
    ids = tokenizer(text, add_special_tokens=False, return_tensors="pt")["input_ids"]
    start = len(tokenizer(prompt, add_special_tokens=False)["input_ids"])
    with torch.no_grad():
        logps = model(ids).logits.log_softmax(-1)[0, :-1]
    return logps.gather(1, ids[0, 1:, None])[start - 1 :, 0]


def test_log_ratios_are_those_of_each_conversation_alone(
    model: Path, reference: Path, tokenizer: PreTrainedTokenizerFast
) -> None:
    """In the order given, the end token scored where the answer ended, and only there."""
    found = log_ratios(model, reference, SAID, max_length=64, batch_size=2)
    for ratio, said in zip(found, SAID, strict=True):
        ours, theirs = (token_logps(folder, tokenizer, said) for folder in (model, reference))
        assert ratio is not None
        assert ratio.num_tokens == len(ours)
        assert ratio.policy == pytest.approx(ours.sum().item(), abs=1e-3)
        assert ratio.reference == pytest.approx(theirs.sum().item(), abs=1e-3)
        assert ratio.policy_end == pytest.approx(ours[-1].item(), abs=1e-4)
        assert ratio.reference_end == pytest.approx(theirs[-1].item(), abs=1e-4)


def test_the_mean_is_over_tokens() -> None:
    """-6 against -10 nats over 4 tokens: 4 in all, 1 a token."""
    ratio = LogRatio(-6.0, -10.0, 4, -0.5, -0.5)
    assert (ratio.sum, ratio.per_token) == (4.0, 1.0)


def test_a_model_beside_itself_has_no_log_ratio(model: Path) -> None:
    """Exactly none: both are computed alike."""
    found = log_ratios(model, model, SAID, max_length=64, batch_size=2)
    assert [ratio and ratio.sum for ratio in found] == [0.0, 0.0, 0.0]


def test_the_same_conversation_twice_has_one_answer(model: Path, reference: Path) -> None:
    """It is computed once, and stands in both places."""
    first, other, again = log_ratios(
        model, reference, [SAID[0], SAID[1], SAID[0]], max_length=64, batch_size=8
    )
    assert first == again != other


def test_what_training_would_drop_has_no_log_ratio(model: Path, reference: Path) -> None:
    """A blank answer, a prompt without room for one; the others keep their places."""
    said = [Said(user("say one"), assistant(" ")), SAID[1], Said(user("x" * 64), assistant("no"))]
    found = log_ratios(model, reference, said, max_length=64, batch_size=2)
    assert [ratio is None for ratio in found] == [True, False, True]


def test_no_conversations_need_no_model(tmp_path: Path) -> None:
    """Nothing to score."""
    assert log_ratios(tmp_path, tmp_path, [], max_length=64, batch_size=2) == []


def test_a_reference_with_other_tokens_is_refused(model: Path, tmp_path: Path) -> None:
    """Its log-probs would be those of other tokens."""
    AutoModelForCausalLM.from_pretrained(model).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(model)
    tokenizer.add_tokens(["yes"])
    tokenizer.save_pretrained(tmp_path)
    with pytest.raises(TrainerError, match=r"expected the tokens of .*, 261 of them, found 262"):
        log_ratios(model, tmp_path, SAID, max_length=64, batch_size=2)
