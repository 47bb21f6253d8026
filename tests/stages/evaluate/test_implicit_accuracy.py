"""What log-probs under two models tell of a policy."""

from typing import Any

import polars as pl
import pytest

from rather.stages.evaluate.implicit_accuracy import chosen_under, longer_wins, of_policy
from rather.stages.evaluate.sampled_answers import LOGPS, SIDES, Scored

PAIRS = {
    "prompt_id": pl.String,
    **{f"{side}_{name}": kind for side in SIDES for name, kind in LOGPS.items()},
}
SAMPLES = {"prompt_id": pl.String, **LOGPS}
# policy, reference, tokens, and the end token's log-prob under both
Side = tuple[float, float, int, float, float]


def pairs(*rows: tuple[Side, Side]) -> pl.DataFrame:
    """Make held-out pairs, each of its own prompt."""
    return pl.DataFrame(
        [(f"p{at}", *chosen, *rejected) for at, (chosen, rejected) in enumerate(rows)],
        schema=PAIRS,
        orient="row",
    )


def side(log_ratio: float, num_tokens: int) -> Side:
    """Make an answer of a log-ratio; a token costs 1 nat under the reference."""
    return (log_ratio - num_tokens, -float(num_tokens), num_tokens, -1.0, -1.0)


def figures(given: pl.DataFrame, samples: pl.DataFrame | None = None) -> dict[str, Any]:
    """Take the figures of held-out pairs and perhaps of samples."""
    return of_policy(Scored(given, pl.DataFrame(schema=SAMPLES) if samples is None else samples))


def test_accuracy_compares_log_ratios_and_a_tie_is_half() -> None:
    """Right, wrong, tied: 1.5 of 3."""
    given = pairs((side(2, 5), side(1, 5)), (side(0, 5), side(3, 5)), (side(1, 5), side(1, 5)))
    assert figures(given)["implicit_accuracy"] == 0.5


def test_summed_and_per_token_may_disagree() -> None:
    """Log-ratios 4 over 8 tokens and 3 over 2: the sum prefers the first, the mean the second."""
    found = figures(pairs((side(4, 8), side(3, 2))))
    assert (found["implicit_accuracy"], found["implicit_accuracy_per_token"]) == (1.0, 0.0)


def test_accuracy_is_split_by_length() -> None:
    """Right where chosen is longer, wrong where it is shorter; nothing is equally long."""
    given = pairs((side(2, 9), side(1, 5)), (side(1, 5), side(2, 9)))
    found = figures(given)["implicit_accuracy_by_length"]
    assert {name: (told["pairs"], told["accuracy"]) for name, told in found.items()} == {
        "chosen_longer": (1, 1.0),
        "equal": (0, None),
        "chosen_shorter": (1, 0.0),
    }


def test_longer_wins_is_the_baseline() -> None:
    """Chosen longer, equally long, shorter, shorter: 1.5 of 4."""
    lengths = [(9, 5), (5, 5), (4, 5), (3, 5)]
    given = pairs(*((side(0, chosen), side(0, rejected)) for chosen, rejected in lengths))
    assert longer_wins(given).value == 0.375


def test_kl_is_over_the_policys_own_samples() -> None:
    """Log-ratios 1 and 3 over 4 and 6 tokens: .4 nats a token, 2 an answer."""
    rows = [("p", *side(1, 4)), ("q", *side(3, 6))]
    samples = pl.DataFrame(rows, schema=SAMPLES, orient="row")
    found = figures(pairs(), samples)
    assert found["kl_per_token"] == pytest.approx(0.4)
    assert found["kl_per_answer"] == pytest.approx(2.0)
    assert found["kl_offline_per_token"] is None


def test_the_offline_measure_is_named_so() -> None:
    """On a pair of log-ratios -1 and -5 over 4 and 8 tokens: 6 / 12, and no kl_per_token."""
    found = figures(pairs((side(-1, 4), side(-5, 8))))
    assert found["kl_offline_per_token"] == pytest.approx(0.5)
    assert found["kl_per_token"] is None


def test_drift_is_the_policy_minus_the_reference() -> None:
    """Chosen lost 2 nats over 4 tokens; the end token's log-prob went from -1 to -1.5."""
    given = pairs(((-6.0, -4.0, 4, -1.5, -1.0), side(0, 4)))
    found = figures(given)
    assert found["chosen_nll"] == pytest.approx(1.5)
    assert found["chosen_nll_drift"] == pytest.approx(0.5)
    assert found["chosen_end_drift"] == pytest.approx(-0.5)
    assert chosen_under(given, "reference")["chosen_nll"].value == pytest.approx(1.0)


def test_without_pairs_or_samples_nothing_is_told() -> None:
    """Nulls."""
    found = figures(pairs())
    assert {value for name, value in found.items() if name != "implicit_accuracy_by_length"} == {
        None
    }
