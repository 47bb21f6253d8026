"""What sft and reward learn from."""

import polars as pl
import pytest

from rather.schemas.judgements import Comparisons
from rather.schemas.texts import Prompts, Responses
from rather.stages.models.teach import decide, demonstrations, reward_pairs


def prompts(*rows: tuple[str, str, str | None]) -> pl.DataFrame:
    """Make prompts of (id, split, demonstration)."""
    return pl.DataFrame(
        [
            {
                "prompt_id": name,
                "split": split,
                "demonstration": shown,
                "messages": [{"role": "user", "content": name}],
            }
            for name, split, shown in rows
        ],
        schema=Prompts.create_empty().schema,
    )


RESPONSES = pl.DataFrame(
    [
        {"prompt_id": "p", "generator": "g", "response_id": "a", "text": "yes"},
        {"prompt_id": "p", "generator": "h", "response_id": "a", "text": "yes"},
        {"prompt_id": "p", "generator": "g", "response_id": "b", "text": "no"},
        {"prompt_id": "p", "generator": "g", "reason": "timeout"},
    ],
    schema=Responses.create_empty().schema,
)


def learned(
    *compared: tuple[str, str, float | None], split: str = "train", rater: str = "r"
) -> list[tuple[str, str]]:
    """Give the texts (chosen, rejected) that (first, second, preference) teach."""
    comparisons = pl.DataFrame(
        [
            {"first_id": one, "second_id": two, "preference": by, "rater": rater, "prompt_id": "p"}
            for one, two, by in compared
        ],
        schema=Comparisons.create_empty().schema,
    )
    found = reward_pairs(decide(prompts(("p", split, None)), comparisons), RESPONSES)
    return [(c[0]["content"], r[0]["content"]) for c, r in found["chosen", "rejected"].iter_rows()]


def test_a_demonstration_is_said_by_the_assistant() -> None:
    """Prompt as it was asked, completion as one message."""
    found = demonstrations(prompts(("p", "train", "like this"))).row(0, named=True)
    assert found["prompt"] == [{"role": "user", "content": "p"}]
    assert found["completion"] == [{"role": "assistant", "content": "like this"}]


def test_held_out_prompts_are_not_demonstrated() -> None:
    """What is held out is seen by no training."""
    found = demonstrations(prompts(("p", "test", "x"), ("q", "train", "y")))
    assert found["prompt_id"].to_list() == ["q"]


def test_prompts_without_a_demonstration_teach_nothing() -> None:
    """A null is no answer to imitate."""
    assert demonstrations(prompts(("p", "train", None))).height == 0


@pytest.mark.parametrize(("preference", "chosen"), [(1.0, "yes"), (-1.0, "no")])
def test_the_preferred_answer_is_chosen(preference: float, chosen: str) -> None:
    """1 prefers the first, -1 the second."""
    assert [pair[0] for pair in learned(("a", "b", preference))] == [chosen]


@pytest.mark.parametrize("preference", [0.0, None])
def test_ties_and_missing_preferences_teach_nothing(preference: float | None) -> None:
    """Neither answer was better."""
    assert learned(("a", "b", preference)) == []


def test_comparisons_on_held_out_prompts_teach_nothing() -> None:
    """The reward model sees no test prompt."""
    assert learned(("a", "b", 1.0), split="test") == []


def test_one_preference_told_in_both_orders_is_one_row() -> None:
    """a over b and b under a, by one rater, say the same thing."""
    assert learned(("a", "b", 1.0), ("b", "a", -1.0)) == [("yes", "no")]


def test_a_contradiction_teaches_both_ways() -> None:
    """a over b and b over a, by one rater, are two rows: what to do with them is the loss's."""
    assert sorted(learned(("a", "b", 1.0), ("b", "a", 1.0))) == [("no", "yes"), ("yes", "no")]


def test_every_comparison_is_kept_or_has_its_reason() -> None:
    """Of five: one kept, one said again in the other order, a tie, a null and a held-out one."""
    rows = [("a", "b", 1.0, "p"), ("b", "a", -1.0, "p"), ("a", "c", 0.0, "p")]
    rows += [("a", "d", None, "p"), ("e", "f", 1.0, "q")]
    comparisons = pl.DataFrame(
        [
            {"first_id": one, "second_id": two, "preference": by, "prompt_id": of, "rater": "r"}
            for one, two, by, of in rows
        ],
        schema=Comparisons.create_empty().schema,
    )
    asked = prompts(("p", "train", None), ("q", "test", None))
    reasons = decide(asked, comparisons)["reason"].to_list()
    assert reasons == [None, "said_again", "tie", "no_preference", "held_out"]
