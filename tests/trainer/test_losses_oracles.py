"""Every loss against the numbers of other projects' own code: each example's, and gradients."""

import json
from typing import Any

import pytest
import torch
from torch import Tensor

from rather.trainer.compute.objective import RunningMean, objective
from rather.trainer.config import TrainConfig
from rather.trainer.losses import LOSSES, Pair, log_odds_ratio, nll, z0
from rather.trainer.losses.margin import ipo
from tests.trainer import oracles as given
from tests.trainer.oracles import OF_LABELS, ORPO, OURS, SFT, Entry, double, oracles

ENTRIES: dict[str, Entry] = oracles()["losses"]
EDGES: dict[str, dict[str, Any]] = oracles()["edge_cases"]
EXACT = 1e-9
PAIRS = [name for name in ENTRIES if name not in {*OF_LABELS, ORPO, SFT}]


def close(found: Tensor | float, expected: Any, within: float = EXACT) -> bool:
    """Compare all numbers to an absolute tolerance."""
    return torch.allclose(double(found), double(expected), rtol=0, atol=within)


@pytest.mark.parametrize("name", PAIRS)
def test_a_loss_of_pairs_is_its_originals(name: str) -> None:
    """Mean, each example's and the gradient of each completion's first token, to 1e-9."""
    entry = ENTRIES[name]
    loss, numbers = given.loss_of(given.case_of(name), entry["params"])
    if loss.needs_scores:
        compare(entry, loss(**given.scores(entry["params"]), **numbers))
        return
    logps, quantities = given.pairs(entry["params"])
    losses = loss(
        **{each: quantities[each] for each in loss.inputs if each in quantities}, **numbers
    )
    compare(entry, losses)
    losses.mean().backward()
    assert logps.values.grad is not None
    chosen, rejected = given.firsts(logps, logps.values.grad)
    for side, found in (("chosen", chosen), ("rejected", rejected)):
        expected = entry.get(f"dloss_dtokenlogp_{side}_first_token")
        assert expected is None or close(double(found), expected), side


def compare(entry: Entry, losses: Tensor) -> None:
    """Compare a loss with an entry's mean and, where it has them, each example's."""
    assert close(losses.mean(), entry["loss"])
    if entry.get("per_example") is not None:
        assert close(losses, entry["per_example"])


def test_orpo_is_its_originals() -> None:
    """Its odds term, each example's; its log odds; and whole, with the NLL of chosen tokens."""
    entry = ENTRIES[ORPO]
    beta = entry["params"]["lambda_or_beta"]
    _, quantities = given.pairs({})
    lengths = Pair(quantities["chosen_lengths"], quantities["rejected_lengths"])
    chosen, rejected = quantities["policy_chosen"], quantities["policy_rejected"]
    inputs = {name: quantities[name] for name in LOSSES["orpo"].inputs if name in quantities}
    whole = LOSSES["orpo"](**inputs, beta=beta)
    likelihood = nll(chosen, quantities["mean_chosen_length"])
    compare(entry, whole - likelihood)
    assert close(log_odds_ratio(Pair(chosen, rejected), lengths), entry["log_odds"])
    assert close(likelihood.mean(), entry["chosen_nll_completion_token_mean"])
    assert close(whole.mean(), entry["loss_with_completion_nll"])


def test_cpo_adds_the_nll_of_chosen_tokens() -> None:
    """CPO with alpha 1 is its preference term plus the mean NLL per chosen token."""
    entry = ENTRIES["cpo_preference_term"]
    _, quantities = given.pairs({})
    inputs = {name: quantities[name] for name in LOSSES["cpo"].inputs if name in quantities}
    found = LOSSES["cpo"](**inputs, beta=entry["params"]["beta"]).mean()
    assert close(found, entry["loss"] + entry["nll_token_mean_chosen"])


@pytest.mark.parametrize("name", [name for name in OF_LABELS if name != "bco_unpaired"])
def test_a_loss_of_labels_is_its_originals(name: str) -> None:
    """Mean and each example's, and the reference point z0 where there is one."""
    entry = ENTRIES[name]
    params = entry["params"]
    rows = given.rows_of(params["rows"]) if "rows" in params else given.halos_rows()
    quantities = given.labels(rows, swapped="z0_unclamped" in entry)
    loss = LOSSES[OF_LABELS[name]]
    inputs = {each: quantities[each] for each in loss.inputs if each in quantities}
    compare(entry, loss(**inputs, beta=params["beta"], **given.weights(params)))
    if "z0" in entry:
        assert close(z0(quantities["kl"]), entry["z0"])
    if "z0_unclamped" in entry:
        assert close(quantities["kl"].mean(), entry["z0_unclamped"])


def test_bco_is_its_originals_batch_after_batch() -> None:
    """Rewards are shifted by the mean of all so far; each example's loss of two batches.

    The original keeps its running mean in fp32, so that the shift is compared to that precision,
    and the losses to 1e-9 about the shift it found.
    """
    entry = ENTRIES["bco_unpaired"]
    beta, running = entry["params"]["beta"], RunningMean()
    for batch in ("batch1", "batch2"):
        quantities = given.labels(given.rows_of(entry["params"][batch]))
        policy, reference = quantities["policy"], quantities["reference"]
        running.add(beta * (policy - reference))
        assert close(running.mean, entry[f"{batch}_delta"], within=1e-6)
        losses = LOSSES["bco_unpaired"](
            policy=policy,
            reference=reference,
            labels=quantities["labels"],
            shift=double(entry[f"{batch}_delta"]),
            beta=beta,
        )
        assert close(losses, entry[f"{batch}_per_example"])
        if batch == "batch1":
            assert close(losses.mean(), entry["loss"])


def test_every_loss_of_the_oracles_is_one_of_ours() -> None:
    """Each entry goes with a loss in LOSSES, by its name; one that goes with none fails here."""
    of_pairs = {given.case_of(name).loss for name in PAIRS}
    assert of_pairs | set(OF_LABELS.values()) <= LOSSES.keys()
    assert ENTRIES.keys() >= {*OF_LABELS, ORPO}


@pytest.mark.parametrize("name", LOSSES)
def test_every_loss_of_ours_has_an_oracle(name: str) -> None:
    """A loss that the committed values leave out fails here, alone or as a term of a sum."""
    entries = json.loads(OURS.read_text(encoding="utf-8"))["losses"]
    covered = {OF_LABELS[entry] for entry in entries if entry in OF_LABELS}
    covered |= {"orpo"} if ORPO in entries else set()
    covered |= {SFT} & entries.keys()
    for entry in entries.keys() - {*OF_LABELS, ORPO, SFT}:
        case = given.case_of(entry)
        covered |= {case.loss, *case.other}
    assert name in covered


def test_derived_oracles_are_their_formula() -> None:
    """The entries without another project's code are those that Python's floats give."""
    entries = json.loads(OURS.read_text(encoding="utf-8"))["losses"]
    derived = given.derived()
    assert {name: entries[name] for name in derived} == derived


def test_sft_is_its_formula() -> None:
    """Each example's loss, and a mean of 7.4 nats over 10 tokens."""
    logps, _ = given.pairs({})
    chosen, lengths = logps.sums().chunk(2)[0], logps.counts().chunk(2)[0]
    compare(given.derived()[SFT], LOSSES["sft"](logps=chosen, lengths=lengths))


@pytest.mark.parametrize("loss", ["dpo", "kto"])
def test_metrics_are_trls(loss: str) -> None:
    """Rewards, log-probs and KL of the same batch; accuracies differ, for a tie is half right."""
    if loss == "dpo":
        expected = oracles()["metrics_example"]["trl_dpo"]
        beta, (_, quantities) = ENTRIES["dpo_sigmoid"]["params"]["beta"], given.pairs({})
        found = objective(TrainConfig("dpo", beta=beta)).metrics(quantities)
    else:
        entry = ENTRIES["kto_trl"]
        expected, params = entry["metrics"], entry["params"]
        found = given.label_metrics(params["beta"], given.labels(given.rows_of(params["rows"])))
    shared = (expected.keys() & found.keys()) - {"rewards/accuracies"}
    assert shared >= {"rewards/chosen", "rewards/rejected", "logps/chosen", "logps/rejected"}
    for name in shared:
        assert close(found[name].mean(), expected[name]), name


def test_ipo_of_the_reference_itself_is_finite() -> None:
    """Lengths count tokens, not tokens whose log-prob changed: (1 / (2 tau))^2 and no NaN."""
    same = Pair(double([-3.0]), double([-3.0]))
    lengths = Pair(torch.tensor([3]), torch.tensor([3]))
    assert close(ipo(same, same, lengths, beta=0.1), [25.0])


def of_orpo(inputs: list[float]) -> tuple[float, float, float]:
    """Give -log sigma(log odds ratio) of mean log-probs in fp32, and its two derivatives."""
    chosen, rejected = (torch.tensor([value], requires_grad=True) for value in inputs)
    one = torch.ones(1)
    loss = -torch.nn.functional.logsigmoid(log_odds_ratio(Pair(chosen, rejected), Pair(one, one)))
    loss.sum().backward()
    assert chosen.grad is not None
    assert rejected.grad is not None
    return loss.item(), chosen.grad.item(), rejected.grad.item()


ORPO_EDGES = [name for name in EDGES if name.startswith("orpo_") and "inputs" in EDGES[name]]


@pytest.mark.parametrize("name", ORPO_EDGES)
def test_orpo_stays_finite_where_others_do_not(name: str) -> None:
    """The logarithm of the odds ratio's sigmoid, about the value of the form that never is -inf."""
    expected = -float(EDGES[name]["trl116_log1mexp_logsigmoid"])
    assert of_orpo(EDGES[name]["inputs"])[0] == pytest.approx(expected, rel=1e-5, abs=1e-6)


@pytest.mark.parametrize("inputs", EDGES["orpo_gradients_fp32"])
def test_orpos_gradient_is_never_nan(inputs: str) -> None:
    """Loss and gradients are those of the bounded form, and so finite at a probability of 1."""
    expected = EDGES["orpo_gradients_fp32"][inputs]["suggested_clamped"]
    found = of_orpo([float(value) for value in inputs.split(",")])
    wanted = [float(expected[name]) for name in ("loss", "d_chosen", "d_rejected")]
    assert found == pytest.approx(wanted, rel=1e-4, abs=1e-9)


def test_a_margin_far_on_the_wrong_side_costs_what_it_is() -> None:
    """-log sigma(-200) is 200 in fp32, where log(sigmoid) is infinite."""
    edge = EDGES["log_of_sigmoid_vs_logsigmoid_fp32"]
    zero = torch.zeros(1)
    margin = torch.tensor([edge["x"]])
    found = LOSSES["dpo_reference_free"](policy_chosen=margin, policy_rejected=zero, beta=1.0)
    assert found.item() == -float(edge["logsigmoid(x)"])


def test_summed_log_probs_keep_fp32() -> None:
    """A sum near -2000 that arrives in bf16 steps of 8 is not made worse by arithmetic in bf16."""
    edge = EDGES["bf16_logp_sum"]
    summed = torch.tensor([edge["true_sum"]])
    lost = abs(summed.double().item() - edge["true_sum"])
    assert lost < 1e-3 < abs(float(edge["bf16_rounded_result"]) - edge["true_sum"])
    halved = summed.bfloat16()
    found = LOSSES["dpo_reference_free"](policy_chosen=halved, policy_rejected=halved)
    assert found.dtype == torch.float32


def test_ktos_reference_point_is_not_the_matched_mean() -> None:
    """z0 comes from mismatched completions: the toy's matched mean gives another loss."""
    edge = EDGES["kto_toy_z0_matched_mean"]
    quantities = given.labels(given.halos_rows())
    params = ENTRIES["kto_halos"]["params"]
    inputs = {name: quantities[name] for name in LOSSES["kto"].inputs if name in quantities}
    found = LOSSES["kto"](**inputs, beta=params["beta"], **given.weights(params)).mean()
    assert close(z0(quantities["kl"]), edge["right_z0"])
    assert close(found, edge["right_loss"])
    assert not close(found, edge["loss"])


@pytest.mark.parametrize(("summed", "name"), [(True, "summed"), (False, "length_normalised")])
def test_ipo_divides_by_length_unless_told(summed: bool, name: str) -> None:
    """Both forms, each example's."""
    _, quantities = given.pairs({})
    inputs = {each: quantities[each] for each in LOSSES["ipo"].inputs if each in quantities}
    beta = ENTRIES["ipo_length_normalized"]["params"]["beta"]
    assert close(LOSSES["ipo"](**inputs, beta=beta, summed=summed), EDGES["ipo_sum_vs_mean"][name])
