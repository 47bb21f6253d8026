"""What is known to go wrong in preference training, each recognised in a run's own numbers.

A symptom is judged on a window of records, against a bound that matters in practice, and only
where the window's mean lies beyond the bound by three standard errors (two where it is the lack
of an effect that has to be shown): a few noisy steps alarm nobody.
"""

from collections.abc import Callable
from math import hypot

from rather.trainer.watch.findings import Finding, Past
from rather.trainer.watch.windows import Window

FEW, MANY = 1_000, 5_000
# Nats by which chosen completions may become less likely before it is said, and each token.
FALL_NATS, FALL_PER_TOKEN = 1.0, 0.1
STUCK_BELOW = 0.55
# Nats by which a pair's, and a token's, margin must have grown; and a reward model's, in logits.
FLAT_NATS, FLAT_PER_TOKEN, FLAT_LOGITS = 0.5, 0.02, 0.05
PERFECT_ABOVE, SPENT_BELOW = 0.99, 0.05
# Between pairs whose chosen completion is the longer and those whose it is not.
LENGTH_GAP = 0.2
# A whole completion's, as KTO's z0 measures it, and one token's.
KL_NATS, DRIFT_NATS = 20.0, 0.5
# Half as likely to stop where the chosen completion stops.
EOS_NATS = 0.69
SURPRISE_NATS = 1.0


def few_rows(past: Past) -> Finding | None:
    """Few pairs or labels: 1,000 seldom teach anything, 5,000 may."""
    if past.loss.eats == "demonstrations" or past.num_rows >= MANY:
        return None
    return Finding(
        "few_rows",
        past.step,
        f"{past.num_rows:,} {past.loss.eats} to train on",
        f"Fewer than {FEW:,} seldom change a model for the better, and fewer than {MANY:,} are "
        "soon learnt by heart.",
        "more data, fewer epochs, and a comparison with the model it started from",
        "warning" if past.num_rows < FEW else "note",
    )


def unusual_beta(past: Past) -> Finding | None:
    """A beta outside the range that the loss is commonly used with."""
    usual = past.loss.usual_betas
    if past.beta is None or usual is None or usual[0] <= past.beta <= usual[1]:
        return None
    low = past.beta < usual[0]
    return past.saw(
        "unusual_beta",
        f"beta {past.beta:g}, where {past.config.loss} is commonly trained with "
        f"{usual[0]:g} to {usual[1]:g}",
        "So small a beta lets the policy move far from where it started."
        if low
        else "So large a beta hardly lets the policy move.",
        f"a beta from {usual[0]:g} to {usual[1]:g}, or a sweep of it that shows win rate against "
        "KL",
    )


def chosen_falling(past: Past) -> Finding | None:
    """The chosen completions have become less likely than they were.

    Pal et al. 2024 (arXiv:2402.13228), section 3; Razin et al. 2024 (arXiv:2410.08847).
    """
    per_token = past.loss.per_token
    if past.loss.needs_reference and past.beta:
        # Each completion is compared with itself: which ones a record averages hardly matters.
        rewards = past.window("rewards/chosen")
        fell = rewards and Window(rewards.mean / past.beta, rewards.error / past.beta)
    else:
        fell = past.change("logps/chosen")
    if fell is None or not fell.below(-FALL_PER_TOKEN if per_token else -FALL_NATS):
        return None
    return past.saw(
        "chosen_falling",
        f"chosen completions are {-fell.mean:.1f} nats{' a token' if per_token else ''} less "
        f"likely than at the start (standard error {fell.error:.1f})",
        "The margin grows only because rejected ones fall faster; what becomes likelier instead "
        "is in neither.",
        "dpop or ipo, a term of sft beside the loss, a higher beta, a lower learning_rate, or "
        "pairs whose answers differ more",
    )


def accuracy_stuck(past: Past) -> Finding | None:
    """Half the run is over, and pairs are still told apart about as by a coin."""
    accuracy = past.window("rewards/accuracies")
    if accuracy is None or not past.compared or not accuracy.below(STUCK_BELOW, errors=2):
        return None
    return past.saw(
        "accuracy_stuck",
        f"accuracy on training pairs is {accuracy.mean:.3f} (standard error {accuracy.error:.3f}) "
        "after half of the run",
        "Nothing that tells chosen from rejected is being learnt.",
        "looking at the pairs for swapped or random labels, a higher learning_rate, a lower beta, "
        "or more data",
    )


def margin_flat(past: Past) -> Finding | None:
    """Half the run is over, and the reward margin has not grown.

    Against a reference, and from a new head, margins start at 0; else at the first record.
    """
    starts_at_0 = past.loss.needs_reference or past.loss.needs_scores
    grown = (past.window if starts_at_0 else past.change)("rewards/margins")
    if grown is None or not past.compared or not grown.below(_flat(past), errors=2):
        return None
    return past.saw(
        "margin_flat",
        f"the reward margin has grown by {grown.mean:.3f} (standard error {grown.error:.3f}) "
        "in half of the run",
        "The policy prefers the chosen completions hardly more than where it started.",
        "a higher learning_rate, more epochs, a lower beta, or pairs with a clearer preference",
    )


def _flat(past: Past) -> float:
    """Return the growth below which a margin counts as flat, in units of reward."""
    if past.loss.needs_scores or past.beta is None:
        return FLAT_LOGITS
    return past.beta * (FLAT_PER_TOKEN if past.loss.per_token else FLAT_NATS)


def memorised(past: Past) -> Finding | None:
    """Every training pair is told apart and the loss is spent."""
    accuracy, loss = past.window("rewards/accuracies"), past.window("loss")
    if accuracy is None or loss is None:
        return None
    if accuracy.mean <= PERFECT_ABOVE or loss.mean >= SPENT_BELOW:
        return None
    return past.saw(
        "memorised",
        f"accuracy {accuracy.mean:.4f} and loss {loss.mean:.4f} on training pairs",
        "Pairs are learnt by heart, or something gives the label away, such as length or a "
        "phrase; further steps only move the policy away.",
        "fewer epochs, a higher beta, ipo, cdpo, more data, and a look at eval_ accuracy and at "
        "what else tells chosen from rejected",
    )


def length_drift(past: Past) -> Finding | None:
    """Pairs whose chosen completion is the longer are learnt, the others not.

    Singhal et al. 2023 (arXiv:2310.03716); Park et al. 2024 (arXiv:2403.19159).
    """
    longer = past.window("rewards/accuracies_longer")
    shorter = past.window("rewards/accuracies_shorter")
    if longer is None or shorter is None:
        return None
    gap = Window(longer.mean - shorter.mean, hypot(longer.error, shorter.error))
    if not (gap.above(LENGTH_GAP) or gap.below(-LENGTH_GAP)):
        return None
    return past.saw(
        "length_drift",
        f"accuracy is {longer.mean:.2f} where the chosen completion is the longer and "
        f"{shorter.mean:.2f} where it is the shorter",
        f"The policy learns to be {'longer' if gap.mean > 0 else 'shorter'}, whatever is said.",
        "balanced lengths (choose.balance), r_dpo, ld_dpo or simpo, and the length ratio that "
        "evaluate reports",
    )


def kl_high(past: Past) -> Finding | None:
    """The policy has moved far from its reference.

    kl: nats of a whole completion;  drift/chosen: nats of a token, without sign, of chosen ones.
    """
    kl, drift = past.window("kl"), past.window("drift/chosen")
    if kl is not None and kl.above(KL_NATS):
        saw = f"KL to the reference is about {kl.mean:.1f} nats a completion, above {KL_NATS:g}"
    elif drift is not None and drift.above(DRIFT_NATS):
        saw = (
            f"chosen tokens' log-probs lie {drift.mean:.2f} nats from the reference's on average, "
            f"above {DRIFT_NATS:g} (an offline measure)"
        )
    else:
        return None
    return past.saw(
        "kl_high",
        saw,
        "What the reference could do may be lost; rewards rise while answers get worse "
        "(Gao et al. 2022, arXiv:2210.10760).",
        "a higher beta, a lower learning_rate, fewer epochs, or ipo",
    )


def eos_falling(past: Past) -> Finding | None:
    """The policy has become less ready to stop where chosen completions stop."""
    change = past.change("logps/eos")
    if change is None or not change.below(-EOS_NATS):
        return None
    return past.saw(
        "eos_falling",
        f"the end of chosen completions is {-change.mean:.2f} nats less likely than at the start "
        f"(standard error {change.error:.2f})",
        "Answers will run on until they are cut.",
        "a higher max_length if the token ledger shows eos_lost, a term of sft beside the loss, "
        "balanced lengths, or a higher beta",
    )


def ignorant_reference(chosen_nll: float, own_nll: float) -> Finding | None:
    """The reference finds chosen completions far less likely than what it says itself.

    chosen_nll, own_nll: nats per token, of the chosen completions and of the reference's samples.
    """
    if chosen_nll - own_nll < SURPRISE_NATS:
        return None
    return Finding(
        "ignorant_reference",
        0,
        f"the reference gives chosen completions {chosen_nll:.2f} nats a token, and what it "
        f"samples itself {own_nll:.2f}",
        "It does not know this domain: log-ratios then rest on answers it would never give.",
        "sft on the chosen completions first, or pairs made of the reference's own samples",
    )


BEFORE: tuple[Callable[[Past], Finding | None], ...] = (few_rows, unusual_beta)
DURING: tuple[Callable[[Past], Finding | None], ...] = (
    chosen_falling,
    accuracy_stuck,
    margin_flat,
    memorised,
    length_drift,
    kl_high,
    eos_falling,
)
