"""Log-probs of completions, however they are batched."""

from array import array
from pathlib import Path

import torch

from trainer.batches import pad
from trainer.logps import completion_logps, inference
from trainer.models import load_policy

SEQUENCES = [
    (array("i", [1, 3, 70, 71]), array("i", [80, 81, 82, 2])),
    (array("i", [1]), array("i", [90, 2])),
    (array("i", [1, 3, 60, 61, 62, 63, 64]), array("i", [99])),
]


def test_log_probs_are_the_sum_over_completion_tokens(model: Path) -> None:
    """One sequence at a time, from the full softmax at every position: the definition."""
    policy = load_policy(model).double()
    with inference(policy, "fp32"):
        found, lengths = completion_logps(policy, pad(SEQUENCES, pad_id=0))
        for at, (prompt, completion) in enumerate(SEQUENCES):
            ids = torch.tensor([[*prompt, *completion]])
            table = policy(ids).logits[0].log_softmax(-1)
            places = range(len(prompt), ids.shape[1])
            expected = sum(float(table[place - 1, ids[0, place]]) for place in places)
            assert abs(float(found[at]) - expected) < 1e-9
    assert lengths.tolist() == [4, 2, 1]


def test_padding_does_not_change_log_probs(model: Path) -> None:
    """A sequence alone and beside longer ones has the same log-probs."""
    policy = load_policy(model)
    with inference(policy, "fp32"):
        together, _ = completion_logps(policy, pad(SEQUENCES, pad_id=0))
        alone = [completion_logps(policy, pad([one], pad_id=0))[0] for one in SEQUENCES]
    assert torch.allclose(together, torch.cat(alone), rtol=0, atol=1e-4)


def test_half_precision_is_summed_in_fp32(model: Path) -> None:
    """A sum of log-probs near -2000 would move in steps of 8 in bfloat16."""
    policy = load_policy(model).bfloat16()
    with inference(policy, "fp32"):
        found, _ = completion_logps(policy, pad(SEQUENCES, pad_id=0))
    assert found.dtype == torch.float32
