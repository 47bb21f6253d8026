"""Oracle values of losses: numbers that other projects' own code gave, in float64.

tests/oracles/losses.json holds them, or the file that RATHER_LOSS_ORACLES names. Each entry says
where its numbers come from; how it is computed here follows from its name and its params alone.
A loss that no other project has is derived here from its formula, with Python's floats alone:
`python -m tests.trainer.oracles` writes those entries.
"""

import json
import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from rather.trainer.compute.logps import TokenLogps
from rather.trainer.compute.objective import objective, of_labels, of_pairs
from rather.trainer.config import TrainConfig
from rather.trainer.losses import LOSSES, Loss, weighted_sum

OURS = Path(__file__).resolve().parent.parent / "oracles" / "losses.json"
Entry = dict[str, Any]


@cache
def oracles() -> dict[str, Any]:
    """Read the oracle values."""
    found: dict[str, Any] = json.loads(
        Path(os.environ.get("RATHER_LOSS_ORACLES", OURS)).read_text(encoding="utf-8")
    )
    return found


@dataclass(frozen=True)
class Case:
    """How an entry is computed: our loss, and what its params are called here.

    renamed: param to argument, or to None where the loss itself says it. given: arguments the
    entry's name stands for. other: further losses of a weighted sum, to the param of their weight.
    """

    loss: str
    renamed: Mapping[str, str | None] = field(default_factory=dict)
    given: Mapping[str, Any] = field(default_factory=dict)
    other: Mapping[str, str] = field(default_factory=dict)


SMOOTHED = {"label_smoothing": "label_smoothing"}
DIVERGENCE = {"f_divergence_type": None, "f_alpha_divergence_coef": "alpha"}
OF_PAIRS: dict[str, Case] = {
    "dpo_sigmoid": Case("dpo"),
    "dpo_original": Case("dpo"),
    "dpo_hinge": Case("hinge"),
    "ipo_length_normalized": Case("ipo"),
    "ipo_summed_logps": Case("ipo", given={"summed": True}),
    "exo_pair": Case("exo", SMOOTHED),
    "nca_pair": Case("nca"),
    "robust_dpo": Case("robust", SMOOTHED),
    "cdpo": Case("cdpo", SMOOTHED),
    "robust_per_pair": Case("robust_per_pair", {"p_correct": None, "most_noise": "most_noise"}),
    "bco_pair_no_delta": Case("bco_pair"),
    "sppo_hard": Case("sppo"),
    "apo_zero": Case("apo_zero"),
    "apo_down": Case("apo_down"),
    "discopop": Case("discopop", {"discopop_tau": "tau"}),
    "dpo_sigmoid_norm": Case("dpo_norm"),
    "dpo_norm_open_instruct": Case("dpo_norm"),
    "aot": Case("aot", SMOOTHED),
    "aot_unpaired": Case("aot_unpaired", SMOOTHED),
    "sft_completion_nll": Case("nll", {"beta": None}),
    "ld_dpo": Case("ld_dpo", {"ld_alpha": "alpha"}),
    "f_dpo_forward_kl": Case("f_dpo_forward_kl", DIVERGENCE),
    "f_dpo_js": Case("f_dpo_js", DIVERGENCE),
    "f_dpo_alpha": Case("f_dpo_alpha", DIVERGENCE),
    "dpo_reference_free": Case("dpo_reference_free"),
    "simpo": Case("simpo", {"gamma_beta_ratio": "gamma_beta_ratio"}),
    "cpo_preference_term": Case("cpo", SMOOTHED, {"alpha": 0.0}),
    "odpo": Case("odpo", {"alpha": "alpha", "chosen_score": None, "rejected_score": None}),
    "slic_hinge_calibration_term": Case("slic", given={"lambda_": 0.0}),
    "dpop": Case("dpop", {"dpop_lambda": "lambda_"}),
    "dpop_v1_outside": Case("dpop", {"dpop_lambda": "lambda_"}, {"outside": True}),
    "r_dpo": Case("r_dpo", {"alpha": "alpha"}),
    "dpo_plus_rpo_nll": Case("dpo", other={"rpo_nll": "rpo_alpha"}),
    "bradley_terry": Case("bradley_terry", {"chosen_reward": None, "rejected_reward": None}),
    "bradley_terry_margin": Case(
        "bradley_terry_margin", {"chosen_reward": None, "rejected_reward": None, "margin": None}
    ),
    "bradley_terry_centered": Case(
        "bradley_terry_centred",
        {
            "chosen_reward": None,
            "rejected_reward": None,
            "center_rewards_coefficient": "centring",
        },
    ),
}
OF_LABELS: dict[str, str] = {
    "kto_halos": "kto",
    "kto_trl": "kto",
    "kto_trl_negative_kl_clamped": "kto",
    "apo_zero_unpaired": "apo_zero_unpaired",
    "bco_unpaired": "bco_unpaired",
}
ORPO = "orpo_odds_ratio_term"
SFT = "sft"


def case_of(name: str) -> Case:
    """Find how an entry of pairs is computed; one may carry its parameter behind its name."""
    found = [case for case in OF_PAIRS if re.fullmatch(rf"{case}(_?[a-z]*[\d.]+)?", name)]
    assert found, f"{name}: no loss of ours goes with this entry; add it to OF_PAIRS"
    return OF_PAIRS[found[0]]


def loss_of(case: Case, params: Mapping[str, Any]) -> tuple[Loss, dict[str, Any]]:
    """Give an entry's loss and its numbers; a param that means nothing here is a KeyError."""
    renamed = {"beta": "beta", **case.renamed, **dict.fromkeys(case.other.values())}
    numbers = {renamed[name]: value for name, value in params.items()}
    numbers.pop(None, None)
    terms = [(LOSSES[name], float(params[weight])) for name, weight in case.other.items()]
    loss = weighted_sum([(LOSSES[case.loss], 1.0), *terms]) if terms else LOSSES[case.loss]
    return loss, numbers | dict(case.given)


def double(values: Any) -> Tensor:
    """Make a float64 tensor."""
    return torch.as_tensor(values, dtype=torch.float64)


def token_logps(rows: list[list[float]]) -> TokenLogps:
    """Lay token log-probs out as a batch's, ready for a gradient."""
    values = double([value for row in rows for value in row]).requires_grad_()
    sequence = torch.tensor([at for at, row in enumerate(rows) for _ in row])
    position = torch.tensor([at for row in rows for at in range(len(row))])
    return TokenLogps(values, sequence, position, len(rows))


def pairs(params: Mapping[str, Any]) -> tuple[TokenLogps, dict[str, Tensor]]:
    """Give the fixture's token log-probs, chosen then rejected, and all that losses take of it."""
    fixture = oracles()["fixture"]
    sides = [f"{{}}_{side}_token_logps" for side in ("chosen", "rejected")]
    policy = token_logps([row for side in sides for row in fixture[side.format("policy")]])
    reference = token_logps([row for side in sides for row in fixture[side.format("ref")]])
    shorter = torch.minimum(*reference.counts().chunk(2)).repeat(2)
    batch = {
        "reference": reference.sums().detach(),
        "reference_heads": reference.sums_within(shorter).detach(),
    }
    if "chosen_score" in params:
        batch["score_margin"] = double(params["chosen_score"]) - double(params["rejected_score"])
    if "p_correct" in params:
        batch["p_correct"] = double(params["p_correct"])
    return policy, of_pairs(policy, batch)


def scores(params: Mapping[str, Any]) -> dict[str, Tensor]:
    """Give a reward model's scores, and the margin where there is one."""
    names = {"chosen_reward": "chosen_scores", "rejected_reward": "rejected_scores"}
    names["margin"] = "score_margin"
    return {ours: double(params[name]) for name, ours in names.items() if name in params}


def firsts(logps: TokenLogps, gradients: Tensor) -> tuple[list[float], list[float]]:
    """Pick the gradients of each completion's first token: the chosen's, then the rejected's."""
    found = gradients[logps.position == 0]
    chosen, rejected = found.chunk(2)
    return chosen.tolist(), rejected.tolist()


def rows_of(text: str) -> tuple[list[int], list[int]]:
    """Read which of the fixture's rows an entry means: "chosen rows 0,1 rejected rows 0,2"."""
    found = re.search(r"chosen\D*([\d, ]+)\D*rejected\D*([\d, ]+)", text)
    assert found, text
    chosen, rejected = ([int(at) for at in found[side].strip(", ").split(",")] for side in (1, 2))
    return chosen, rejected


def halos_rows() -> tuple[list[int], list[int]]:
    """Give the rows that every entry of KTO's kind means unless it names others."""
    params = oracles()["losses"]["kto_halos"]["params"]
    return params["chosen_rows"], params["rejected_rows"]


def labels(rows: tuple[list[int], list[int]], swapped: bool = False) -> dict[str, Tensor]:
    """Give what losses of labels take of rows of the fixture: chosen ones, then rejected ones.

    swapped: the mismatched completions' policy and reference have changed places.
    """
    fixture, halos = oracles()["fixture"], oracles()["losses"]["kto_halos"]
    of = {"policy": halos["kl_policy_token_logps"], "ref": halos["kl_ref_token_logps"]}
    if swapped:
        of = {"policy": of["ref"], "ref": of["policy"]}
    sides = dict(zip(("chosen", "rejected"), rows, strict=True))
    all_logps = {
        model: token_logps(
            [fixture[f"{model}_{side}_token_logps"][at] for side in sides for at in sides[side]]
            + of[model]
        )
        for model in of
    }
    batch = {
        "reference": all_logps["ref"].sums().detach(),
        "label": torch.tensor([True] * len(rows[0]) + [False] * len(rows[1])),
    }
    return of_labels(all_logps["policy"], batch)


def weights(params: Mapping[str, Any]) -> dict[str, float]:
    """Give KTO's weights of an entry."""
    return {name: params[name] for name in ("desirable_weight", "undesirable_weight")}


def label_metrics(beta: float, quantities: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Compute the metrics of KTO."""
    return objective(TrainConfig("kto", beta=beta)).metrics(quantities)


DERIVED = "derived from the formula in Python floats (tests/trainer/oracles.py)"
P_CORRECT, MOST_NOISE, BETA, ALPHA = (0.9, 0.55, 1.0), 0.4, 0.1, 0.5


def derived() -> dict[str, Entry]:
    """Compute the entries of losses that no other project's code gives, without torch."""
    return {
        "robust_per_pair": _robust_per_pair(),
        "f_dpo_alpha": _f_dpo_alpha(),
        SFT: _sft(),
    }


def _robust_per_pair() -> Entry:
    """Chowdhury et al. 2024 (arXiv:2403.00409), with eps = min(1 - p_correct, most_noise).

    loss = [(1 - eps) log(1 + e^-z) - eps log(1 + e^z)] / (1 - 2 eps), z = beta delta, whose
    derivative by z is [-(1 - eps) / (1 + e^z) - eps / (1 + e^-z)] / (1 - 2 eps).
    """
    losses, slopes = [], []
    for p, (chosen, rejected) in zip(P_CORRECT, _log_ratios(), strict=True):
        z, eps = BETA * (chosen - rejected), min(1 - p, MOST_NOISE)
        right, wrong = math.log1p(math.exp(-z)), math.log1p(math.exp(z))
        losses.append(((1 - eps) * right - eps * wrong) / (1 - 2 * eps))
        slope = -(1 - eps) / (1 + math.exp(z)) - eps / (1 + math.exp(-z))
        slopes.append(BETA * slope / (1 - 2 * eps) / len(P_CORRECT))
    return {
        "source": DERIVED,
        "params": {"beta": BETA, "p_correct": [*P_CORRECT], "most_noise": MOST_NOISE},
        "per_example": losses,
        "loss": math.fsum(losses) / len(losses),
        "dloss_dtokenlogp_chosen_first_token": slopes,
        "dloss_dtokenlogp_rejected_first_token": [-slope for slope in slopes],
    }


def _f_dpo_alpha() -> Entry:
    """Wang et al. 2023 (arXiv:2309.16240): log(1 + e^-z), z = beta (f'(t_w) - f'(t_l)).

    f'(t) = (t^(alpha - 1) - 1) / (alpha - 1), whose derivative by log t is t^(alpha - 1).
    """
    losses, of_chosen, of_rejected = [], [], []
    for ratios in _log_ratios():
        slopes = [math.exp(ratio) ** (ALPHA - 1) for ratio in ratios]
        chosen, rejected = ((slope - 1) / (ALPHA - 1) for slope in slopes)
        z = BETA * (chosen - rejected)
        losses.append(math.log1p(math.exp(-z)))
        by_z = -1 / (1 + math.exp(z)) / len(P_CORRECT)
        of_chosen.append(by_z * BETA * slopes[0])
        of_rejected.append(-by_z * BETA * slopes[1])
    return {
        "source": DERIVED,
        "params": {"beta": BETA, "f_alpha_divergence_coef": ALPHA},
        "per_example": losses,
        "loss": math.fsum(losses) / len(losses),
        "dloss_dtokenlogp_chosen_first_token": of_chosen,
        "dloss_dtokenlogp_rejected_first_token": of_rejected,
    }


def _log_ratios() -> list[tuple[float, float]]:
    """Return each pair's summed log-ratios, in nats: the chosen's and the rejected's."""
    fixture = oracles()["fixture"]
    sums = [
        [math.fsum(row) for row in fixture[f"{model}_{side}_token_logps"]]
        for side in ("chosen", "rejected")
        for model in ("policy", "ref")
    ]
    return [(p_w - r_w, p_l - r_l) for p_w, r_w, p_l, r_l in zip(*sums, strict=True)]


def _sft() -> Entry:
    """The chosen completions' negative log-likelihood; its mean is that of all their tokens."""
    rows = oracles()["fixture"]["policy_chosen_token_logps"]
    tokens = [value for row in rows for value in row]
    return {
        "source": DERIVED,
        "params": {},
        "per_example": [-math.fsum(row) * len(rows) / len(tokens) for row in rows],
        "loss": -math.fsum(tokens) / len(tokens),
    }


if __name__ == "__main__":
    written = json.loads(OURS.read_text(encoding="utf-8"))
    written["losses"] |= derived()
    OURS.write_text(json.dumps(written, indent=1), encoding="utf-8")
