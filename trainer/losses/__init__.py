"""Losses: pure functions of log-probs, returning one value per example.

Every floating tensor is (B,), in nats: log-probs are summed over a completion's scored tokens, and
lengths count those tokens. Arithmetic stays in the dtype given, fp32 or float64, and is finite for
log-probs down to -1e5. A loss takes what it needs by name, from the quantities that
`rather.trainer.compute.objective` can supply; an argument with a default is an option.
"""

from rather.trainer.config import Kind
from rather.trainer.losses.absolute import apo_down, apo_zero, bco_pair, nca, sppo
from rather.trainer.losses.divergences import f_dpo_alpha, f_dpo_forward_kl, f_dpo_js
from rather.trainer.losses.labels import apo_zero_unpaired, bco_unpaired, kto, z0
from rather.trainer.losses.likelihood import nll, rpo_nll, sft
from rather.trainer.losses.loss import Limits, Loss, weighted_sum
from rather.trainer.losses.pairs import (
    cdpo,
    discopop,
    dpo,
    dpo_norm,
    exo,
    hinge,
    ipo,
    robust,
    robust_per_pair,
)
from rather.trainer.losses.penalised import dpop, ld_dpo, odpo, r_dpo
from rather.trainer.losses.reference_free import (
    cpo,
    dpo_reference_free,
    log_odds_ratio,
    orpo,
    simpo,
    slic,
)
from rather.trainer.losses.scores import bradley_terry, bradley_terry_centred, bradley_terry_margin
from rather.trainer.losses.transport import aot, aot_unpaired

__all__ = [
    "LOSSES",
    "Kind",
    "Loss",
    "bradley_terry",
    "dpo",
    "kto",
    "log_odds_ratio",
    "nll",
    "sft",
    "weighted_sum",
    "z0",
]

SMOOTHING: Limits = {"label_smoothing": (0, 0.49)}
WEIGHT: Limits = {"alpha": (0, 1e6), "lambda_": (0, 1e6)}
TRUSTED = (0.05, 0.5)  # the betas that DPO and those on its scale are used with

LOSSES: dict[str, Loss] = {
    "sft": Loss(sft, "demonstrations", averages_over="tokens"),
    "bradley_terry": Loss(bradley_terry, "pairs"),
    "bradley_terry_margin": Loss(bradley_terry_margin, "pairs"),
    "bradley_terry_centred": Loss(bradley_terry_centred, "pairs", limits={"centring": (0, 1)}),
    "dpo": Loss(dpo, "pairs", 0.1, TRUSTED),
    "cdpo": Loss(cdpo, "pairs", 0.1, TRUSTED, limits=SMOOTHING),
    "robust": Loss(robust, "pairs", 0.1, TRUSTED, limits=SMOOTHING),
    "robust_per_pair": Loss(
        robust_per_pair, "pairs", 0.1, TRUSTED, limits={"most_noise": (0, 0.49)}
    ),
    "hinge": Loss(hinge, "pairs", 0.1, TRUSTED),
    "ipo": Loss(ipo, "pairs", 0.1, (0.01, 1)),
    "dpo_norm": Loss(dpo_norm, "pairs", 5, (2, 10)),
    "exo": Loss(exo, "pairs", 0.1, TRUSTED, limits={"label_smoothing": (1e-6, 0.49)}),
    "discopop": Loss(discopop, "pairs", 0.05, (0.01, 0.5), limits={"tau": (1e-3, 1)}),
    "aot": Loss(aot, "pairs", 0.1, TRUSTED, limits=SMOOTHING),
    "aot_unpaired": Loss(aot_unpaired, "pairs", 0.1, TRUSTED, limits=SMOOTHING),
    "dpop": Loss(dpop, "pairs", 0.3, TRUSTED, limits=WEIGHT),
    "r_dpo": Loss(r_dpo, "pairs", 0.1, TRUSTED, limits=WEIGHT),
    "ld_dpo": Loss(ld_dpo, "pairs", 0.1, TRUSTED, limits={"alpha": (0, 1)}),
    "odpo": Loss(odpo, "pairs", 0.5, (0.05, 1), limits=WEIGHT),
    "f_dpo_forward_kl": Loss(f_dpo_forward_kl, "pairs", 0.1, TRUSTED),
    "f_dpo_js": Loss(f_dpo_js, "pairs", 0.1, TRUSTED),
    "f_dpo_alpha": Loss(f_dpo_alpha, "pairs", 0.1, TRUSTED, limits={"alpha": (0, 1)}),
    "nca": Loss(nca, "pairs", 0.01, (0.001, 0.1)),
    "bco_pair": Loss(bco_pair, "pairs", 0.1, (0.01, 0.5)),
    "apo_zero": Loss(apo_zero, "pairs", 0.1, TRUSTED),
    "apo_down": Loss(apo_down, "pairs", 0.1, TRUSTED),
    "sppo": Loss(sppo, "pairs", 0.001, (0.0005, 0.1)),
    "dpo_reference_free": Loss(dpo_reference_free, "pairs", 0.1, TRUSTED),
    "simpo": Loss(simpo, "pairs", 2.5, (2, 10), per_token=True),
    "orpo": Loss(orpo, "pairs", 0.1, (0.05, 1), per_token=True),
    "cpo": Loss(cpo, "pairs", 0.1, (0.05, 0.5), limits={**SMOOTHING, **WEIGHT}),
    "slic": Loss(slic, "pairs", 1.0, (0.1, 10), limits=WEIGHT),
    "nll": Loss(nll, "pairs"),
    "rpo_nll": Loss(rpo_nll, "pairs"),
    "kto": Loss(kto, "labels", 0.1, TRUSTED),
    "apo_zero_unpaired": Loss(apo_zero_unpaired, "labels", 0.1, TRUSTED),
    "bco_unpaired": Loss(bco_unpaired, "labels", 0.1, (0.01, 0.5)),
}
