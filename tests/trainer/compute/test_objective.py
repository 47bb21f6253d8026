"""Quantities, metrics, settings and the comparison with the reference, on numbers done by hand."""

import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from rather.trainer.compute.logps import TokenLogps
from rather.trainer.compute.objective import (
    Objective,
    RunningMean,
    at_reference,
    objective,
    of_labels,
    of_pairs,
)
from rather.trainer.config import TrainConfig
from rather.trainer.errors import TrainerError
from rather.trainer.losses import LOSSES
from tests.paths import ROOT


def logps(*rows: list[float]) -> TokenLogps:
    """Lay token log-probs out as a batch's."""
    return TokenLogps(
        torch.tensor([value for row in rows for value in row]),
        torch.tensor([at for at, row in enumerate(rows) for _ in row]),
        torch.tensor([at for row in rows for at in range(len(row))]),
        len(rows),
    )


# A pair: three chosen tokens of -1 in all, two rejected ones of -9.
PAIR = logps([-0.2, -0.3, -0.5], [-4.0, -5.0])
PAIR_BATCH = {"reference": torch.tensor([-3.0, -5.0])}
# A desirable and two undesirable completions, and three mismatched ones.
LABELLED = logps([-1.0], [-2.0], [-3.0], [-0.5], [-1.5], [-0.7])
LABELLED_BATCH = {
    "reference": torch.tensor([-2.0, -2.0, -2.0, -1.0, -1.0, -1.0]),
    "label": torch.tensor([True, False, False]),
}


def found(goal: Objective, quantities: dict[str, Tensor]) -> dict[str, float]:
    """Average a batch's metrics."""
    return {name: values.float().mean().item() for name, values in goal.metrics(quantities).items()}


def test_a_tie_is_half_right() -> None:
    """Scores above, equal to and below the rejected one's count 1, 1/2 and 0."""
    scores = {
        "chosen_scores": torch.tensor([2.0, 1.0, 0.0]),
        "rejected_scores": torch.tensor([1.0, 1.0, 1.0]),
    }
    metrics = objective(TrainConfig("bradley_terry")).metrics(scores)
    assert metrics["rewards/accuracies"].tolist() == [1.0, 0.5, 0.0]


def test_rewards_are_scaled_log_ratios() -> None:
    """With beta 0.5, log-ratios of 2 and -4 are rewards of 1 and -2, a margin of 3."""
    metrics = found(objective(TrainConfig("dpo", beta=0.5)), of_pairs(PAIR, PAIR_BATCH))
    assert metrics == pytest.approx(
        {
            "rewards/chosen": 1.0,
            "rewards/rejected": -2.0,
            "rewards/margins": 3.0,
            "rewards/accuracies": 1.0,
            "logps/chosen": -1.0,
            "logps/rejected": -9.0,
            "nll_loss": 1 / 3,
            "lengths/chosen": 3,
            "lengths/rejected": 2,
            "rewards/accuracies_longer": 1.0,
            "rewards/accuracies_shorter": math.nan,
            "drift/chosen": 2 / 3,
            "logps/eos": -0.5,
        },
        nan_ok=True,
    )


@pytest.mark.parametrize(
    ("loss", "chosen", "rejected"),
    [("simpo", -1 / 3, -4.5), ("orpo", -1 / 3, -4.5), ("cpo", -1, -9)],
)
def test_without_a_reference_rewards_are_log_probs(
    loss: str, chosen: float, rejected: float
) -> None:
    """Per token where the loss takes means, summed elsewhere, and never against a reference."""
    metrics = found(objective(TrainConfig(loss, beta=2.0)), of_pairs(PAIR, PAIR_BATCH))
    assert metrics["rewards/chosen"] == pytest.approx(2 * chosen)
    assert metrics["rewards/rejected"] == pytest.approx(2 * rejected)
    assert metrics["logps/chosen"] == pytest.approx(chosen)


def test_orpo_tells_its_odds() -> None:
    """Mean log-probs of -1/3 and -4.5: log odds 0.9307 and -4.4888, so 5.4195 apart."""
    metrics = found(objective(TrainConfig("orpo")), of_pairs(PAIR, {}))
    odds = [math.log(math.exp(p) / (1 - math.exp(p))) for p in (-1 / 3, -4.5)]
    assert metrics["log_odds_chosen"] == pytest.approx(odds[0] - odds[1], rel=1e-5)
    assert metrics["log_odds_ratio"] == pytest.approx(
        -math.log1p(math.exp(odds[1] - odds[0])), rel=1e-4
    )


def test_labels_share_out_the_rewards() -> None:
    """The one desirable completion is chosen, the two others rejected, whatever the batch."""
    metrics = found(objective(TrainConfig("kto", beta=1.0)), of_labels(LABELLED, LABELLED_BATCH))
    assert metrics["rewards/chosen"] == 1.0
    assert metrics["rewards/rejected"] == -0.5
    assert metrics["kl"] == pytest.approx(0.1)


def test_mismatched_completions_carry_no_gradient() -> None:
    """They move the reference point of KTO and are not moved by it."""
    values = LABELLED.values.clone().requires_grad_()
    given = TokenLogps(values, LABELLED.sequence, LABELLED.position, 6)
    objective(TrainConfig("kto")).losses(of_labels(given, LABELLED_BATCH)).sum().backward()
    assert values.grad is not None
    assert (values.grad[:3] != 0).all()
    assert values.grad[3:].tolist() == [0, 0, 0]


def test_labels_without_mismatched_completions_do_where_no_kl_is_taken() -> None:
    """A loss without KTO's reference point needs none of them."""
    own = logps([-1.0], [-2.0], [-3.0])
    batch = LABELLED_BATCH | {"reference": torch.tensor([-2.0, -2.0, -2.0])}
    losses = objective(TrainConfig("apo_zero_unpaired")).losses(of_labels(own, batch))
    assert losses.shape == (3,)


def test_heads_are_the_tokens_both_completions_have() -> None:
    """Of three chosen and two rejected tokens, the first two: -0.5 and -9."""
    batch = PAIR_BATCH | {"reference_heads": torch.tensor([-1.0, -5.0])}
    quantities = of_pairs(PAIR, batch)
    assert quantities["policy_chosen_heads"].item() == pytest.approx(-0.5)
    assert quantities["policy_rejected_heads"].item() == pytest.approx(-9.0)
    assert quantities["reference_chosen_heads"].item() == -1.0


AT_REFERENCE = {
    "dpo": math.log(2),
    "cdpo": math.log(2),
    "robust": math.log(2),
    "dpop": math.log(2),
    "ipo": 25.0,
    "hinge": 1.0,
    "nca": 2 * math.log(2),
    "sppo": 500_000.0,
    "apo_zero": 1.0,
    "f_dpo_js": math.log(2),
}


@pytest.mark.parametrize("name", AT_REFERENCE)
def test_at_the_reference_itself_a_loss_is_known(name: str) -> None:
    """ln 2 for all of DPO's kind, 1 / (4 beta^2) for ipo, twice 1 / (4 beta^2) for sppo."""
    losses = objective(TrainConfig(name)).losses(at_reference(of_pairs(PAIR, PAIR_BATCH)))
    assert losses.tolist() == pytest.approx([AT_REFERENCE[name]], rel=1e-5)


@pytest.mark.parametrize("name", [name for name, loss in LOSSES.items() if loss.needs_reference])
def test_every_loss_with_a_reference_is_known_there(name: str) -> None:
    """At the reference itself the policy's log-probs no longer matter, and margins are zero."""
    goal = objective(TrainConfig(name))
    evidence = {"p_correct": torch.tensor([0.9]), "score_margin": torch.tensor([2.0])}
    batch = PAIR_BATCH | {"reference_heads": torch.tensor([-1.0, -5.0])} | evidence
    for policy in (PAIR, logps([-0.1, -0.2, -0.7], [-3.0, -4.5])):
        if goal.loss.eats == "labels":
            quantities = of_labels(LABELLED, LABELLED_BATCH) | {"shift": torch.tensor(0.0)}
        else:
            quantities = of_pairs(policy, batch)
        there = at_reference(quantities)
        expected = [loss.item() for loss in goal.losses(there)]
        assert expected == pytest.approx([loss.item() for loss in goal.losses(at_reference(there))])
        metrics = goal.metrics(there)
        for side in ("chosen", "rejected"):
            assert not metrics[f"rewards/{side}"].any()


def test_a_policy_that_is_the_reference_has_no_log_ratios() -> None:
    """Every policy log-prob becomes the reference's, and the mismatched log-ratios zero."""
    swapped = at_reference(of_labels(LABELLED, LABELLED_BATCH))
    assert swapped["policy"].tolist() == [-2.0, -2.0, -2.0]
    assert swapped["kl"].tolist() == [0.0, 0.0, 0.0]
    assert swapped["labels"].tolist() == [True, False, False]


def test_a_sum_of_losses_is_trained_as_one() -> None:
    """RPO: DPO plus the chosen completion's NLL per token, 1/3; rewards scale by DPO's beta."""
    goal = objective(TrainConfig({"dpo": 1.0, "rpo_nll": 0.5}))
    quantities = of_pairs(PAIR, PAIR_BATCH)
    dpo = objective(TrainConfig("dpo")).losses(quantities)
    assert goal.losses(quantities).tolist() == pytest.approx((dpo + 0.5 / 3).tolist())
    assert (goal.beta, goal.loss.needs_reference, goal.loss.eats) == (0.1, True, "pairs")


def test_a_sum_needs_no_reference_where_none_of_its_terms_does() -> None:
    """ORPO by its parts loads none."""
    assert not objective(TrainConfig({"simpo": 1.0, "nll": 1.0})).loss.needs_reference


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"loss": "dpq"}, "loss: expected some of bradley_terry, .*found 'dpq'"),
    ({"loss": {}}, "loss: expected some of .*found none"),
    ({"loss": {"dpo": 1.0, "kto": 1.0}}, "found dpo of pairs, kto of labels"),
    ({"loss": {"dpo": 1.0, "bradley_terry": 1.0}}, "same data and model"),
    ({"loss": "simpo", "options": {"gamma": 1}}, "options: expected gamma_beta_ratio, found gamma"),
    ({"loss": "dpo", "options": {"alpha": 1}}, "options: expected none, found alpha"),
    ({"loss": "robust", "options": {"label_smoothing": 0.5}}, "from 0 to 0.49, found 0.5"),
    ({"loss": "exo", "options": {"label_smoothing": 0}}, "from 1e-06 to 0.49, found 0"),
    ({"loss": "cdpo", "options": {"label_smoothing": "a"}}, "expected a number.*found 'a'"),
    ({"loss": "ipo", "options": {"summed": 1}}, "expected true or false, found 1"),
    ({"loss": "dpo", "beta": 0}, "beta: expected above 0, found 0"),
    ({"loss": "nll", "beta": 0.1}, "beta: expected none for a loss without beta, found 0.1"),
]


@pytest.mark.parametrize(("settings", "told"), REFUSED)
def test_settings_that_are_no_loss_are_refused(settings: dict[str, Any], told: str) -> None:
    """The error names what was expected and what was found."""
    with pytest.raises(TrainerError, match=told):
        objective(TrainConfig(**settings))


def test_options_reach_the_loss() -> None:
    """gamma / beta of 0 leaves SimPO's plain margin: 2 * (-1/3 + 4.5)."""
    goal = objective(TrainConfig("simpo", beta=2.0, options={"gamma_beta_ratio": 0.0}))
    expected = math.log1p(math.exp(-2 * (4.5 - 1 / 3)))
    assert goal.losses(of_pairs(PAIR, {})).item() == pytest.approx(expected, rel=1e-4)


def test_the_running_mean_weighs_every_reward_the_same() -> None:
    """Four rewards of mean 1 and two of mean 4 make 2, and not 2.5."""
    mean = RunningMean()
    mean.add(torch.tensor([1.0, 1.0, 0.0, 2.0]))
    mean.add(torch.tensor([3.0, 5.0]))
    assert mean.mean == pytest.approx(2.0)


def test_what_is_carried_from_batch_to_batch_can_be_kept() -> None:
    """A checkpoint's state goes on where it was."""
    goal, other = objective(TrainConfig("bco_unpaired")), objective(TrainConfig("bco_unpaired"))
    goal.rewards.add(torch.tensor([1.0, 2.0]))
    other.load_state_dict(goal.state_dict())
    assert other.rewards == goal.rewards


@pytest.mark.parametrize(
    ("loss", "batch", "expected"),
    [
        ("sft", {"lengths": torch.tensor([3, 4])}, 7),
        ("dpo", {"lengths": torch.tensor([3, 4, 5, 6])}, 2),
        ("kto", {"lengths": torch.tensor([3, 4, 5]), "label": torch.ones(3)}, 3),
    ],
)
def test_a_batch_weighs_its_tokens_or_its_examples(
    loss: str, batch: dict[str, Tensor], expected: int
) -> None:
    """Tokens for sft, rows for all else: pairs have two sequences each."""
    assert objective(TrainConfig(loss)).weight(batch) == expected


OF_A_RANK = """
import sys, torch, torch.distributed as dist
rank, file = int(sys.argv[1]), sys.argv[2]
dist.init_process_group("gloo", init_method=f"file://{file}", rank=rank, world_size=2)
from tests.trainer.compute.test_objective import logps
from rather.trainer.config import TrainConfig
from rather.trainer.losses import z0
from rather.trainer.compute.objective import objective, of_labels
ratios = ([1.0, 2.0, 3.0], [6.0])[rank]
batch = {
    "reference": torch.full((2 * len(ratios),), -9.0),
    "label": torch.ones(len(ratios), dtype=torch.bool),
}
goal = objective(TrainConfig("bco_unpaired", beta=1.0))
own = [[-9.0 + ratio] for ratio in ratios]
found = of_labels(logps(*own, *own), batch)
goal.rewards.add(found["policy"] - found["reference"])
print(z0(found["kl"]).item(), goal.rewards.mean, goal.rewards.count)
"""


@pytest.mark.slow
def test_means_are_over_the_completions_of_all_processes(tmp_path: Path) -> None:
    """Log-ratios 1, 2, 3 in one process and 6 in another: z0 and the running mean are 3 in both."""
    command = [sys.executable, "-c", OF_A_RANK]
    started = [
        subprocess.Popen(
            [*command, str(rank), str(tmp_path / "rendezvous")],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for rank in (0, 1)
    ]
    told = [process.communicate(timeout=120)[0] for process in started]
    assert told == ["3.0 3.0 4\n"] * 2
