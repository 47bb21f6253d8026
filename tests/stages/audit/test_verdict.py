"""The verdict: each rule at its thresholds, and what they come to together."""

from collections.abc import Callable
from typing import Any

import pytest

from rather.stages.audit.audit_options import Options
from rather.stages.audit.verdict import RULES, verdict

Figures = dict[str, Any]
Change = Callable[[Figures], None]


def estimate(value: float | None, reach: float = 0.01) -> Figures:
    """A share with an interval around it."""
    ends = (None, None) if value is None else (value - reach, value + reach)
    return {"value": value, "low": ends[0], "high": ends[1], "num": 1000}


def rater(name: str = "ann", **changes: Any) -> Figures:
    """A rater who sides with the others in nine of ten pairs."""
    told = {"rater": name, "num_judgements": 100, "with_others": estimate(0.9)}
    return {**told, "correlation": 0.8, "confusion": None, **changes}


def sound() -> Figures:
    """Figures that nothing speaks against."""
    share = {"num_longer": 1000}
    return {
        "kind": "pairs",
        "source": {
            "num_rows": 2000,
            "num_read": 2000,
            "num_judged": 4000,
            "num_judged_unread": 0,
        },
        "totals": {"training": 2000, "pairs": 2000, "prompts": 2000},
        "headline": [
            estimate(1.0),
            {**estimate(0.8), "detail": "of two raters"},
            estimate(0.95),
            estimate(0.5),
            estimate(0),
        ],
        "length": {
            "target": 0.5,
            "share_longer": {"before": estimate(0.5), "after": estimate(0.5)},
            "before": {"tokens": share},
        },
        "raters": [rater(), rater("bob")],
        "equality": {"identical": 0, "share_identical": 0.0},
        "duplicates": {"rows": 0, "pairs": 0, "share": 0.0},
        "contradicted": {"count": 0, "share": 0.0},
        "flips": {"label": "label", "judged": 2000, "flipped": 0, "share": 0.0},
        "leakage": {"prompts_on_both_sides": 0, "near": 0, "contaminated_pairs": 0},
        "coverage": [{"by": "source", "groups": [{"group": "a", "flagged": False}]}],
        "kto": {"desirable": 500, "undesirable": 500},
    }


def told(change: Change | None = None, **options: Any) -> Figures:
    """The verdict on sound figures with one change."""
    figures = sound()
    if change is not None:
        change(figures)
    return verdict(figures, Options(**options))


def at(path: str, value: Any) -> Change:
    """Change one figure."""

    def change(figures: Figures) -> None:
        *above, last = path.split(".")
        for name in above:
            figures = figures[int(name) if name.isdigit() else name]
        figures[last] = value

    return change


CASES = [
    ("few_pairs", at("totals.training", 999), "warning"),
    ("few_pairs", at("totals.training", 0), "error"),
    ("unread_rows", at("source.num_read", 1880), "warning"),
    ("unread_rows", at("source.num_read", 1500), "error"),
    ("unread_judgements", at("source.num_judged_unread", 400), "warning"),
    ("unread_judgements", at("source.num_judged_unread", 1000), "error"),
    ("flipped_labels", at("flips.share", 0.03), "warning"),
    ("flipped_labels", at("flips.share", 0.1), "error"),
    ("adversarial_rater", at("raters.1.with_others", estimate(0.3)), "error"),
    ("low_agreement", at("headline.1.value", 0.6), "warning"),
    ("low_agreement", at("headline.1.low", 0.0), "error"),
    ("agreement_unknown", at("headline.1.value", None), "warning"),
    ("unsure_labels", at("headline.2.value", 0.75), "warning"),
    ("unsure_labels", at("headline.2.value", 0.6), "error"),
    ("contradictions", at("contradicted.share", 0.03), "warning"),
    ("length_confounded", at("length.share_longer.before", estimate(0.7)), "warning"),
    ("length_confounded", at("length.share_longer.before", estimate(0.15)), "error"),
    ("length_confounded", at("length.share_longer.after", estimate(0.57)), "warning"),
    ("length_confounded", at("length.share_longer.after", estimate(0.65)), "error"),
    ("identical_answers", at("equality.share_identical", 0.05), "warning"),
    ("duplicates", at("duplicates.share", 0.1), "warning"),
    ("duplicates", at("duplicates.share", 0.3), "error"),
    ("test_leakage", at("leakage.near", 1), "warning"),
    ("test_leakage", at("leakage.prompts_on_both_sides", 60), "error"),
    ("contamination", at("leakage.contaminated_pairs", 1), "warning"),
    ("contamination", at("leakage.contaminated_pairs", 200), "error"),
]


@pytest.mark.parametrize(("name", "change", "severity"), CASES)
def test_each_rule_names_its_problem(name: str, change: Change, severity: str) -> None:
    """Beyond the first threshold with a warning, beyond the second with an error; no other does."""
    found = told(change)
    assert [(each["name"], each["severity"]) for each in found["problems"]] == [(name, severity)]
    assert found["answer"] == {"warning": "with_care", "error": "no"}[severity]
    (problem,) = found["problems"]
    assert problem["sentence"]
    assert problem["next"]


def test_sound_figures_are_a_yes() -> None:
    """And nothing is named."""
    found = told()
    assert (found["answer"], found["problems"]) == ("yes", [])
    assert "2,000" in found["sentence"]


def test_errors_come_first() -> None:
    """Whatever the order of the rules; two of them are counted in the sentence."""

    def change(figures: Figures) -> None:
        at("totals.training", 900)(figures)
        at("leakage.near", 500)(figures)
        at("flips.share", 0.5)(figures)

    found = told(change)
    severities = [each["severity"] for each in found["problems"]]
    assert severities == ["error", "error", "warning"]
    assert "2 problems to fix" in found["sentence"]


def test_a_share_that_is_only_perhaps_off_is_none() -> None:
    """Three of four pairs have the longer answer chosen, which four pairs may well have."""
    assert told(at("length.share_longer.before", estimate(0.75, reach=0.3)))["answer"] == "yes"


def test_thresholds_can_be_turned() -> None:
    """A team that trains on 500 pairs says so."""
    change = at("totals.training", 600)
    assert told(change, num_pairs_at_least=(500, 100))["answer"] == "yes"


@pytest.mark.parametrize(("num_raters", "answer"), [(2, "with_care"), (400, "yes")])
def test_of_many_raters_some_seem_adverse_by_chance(num_raters: int, answer: str) -> None:
    """.45 with an upper end of .49 is surely below .5 for one of two raters, not of 400."""

    def change(figures: Figures) -> None:
        figures["raters"] = [rater(str(number)) for number in range(num_raters)]
        figures["raters"][0] |= {"with_others": estimate(0.45, 0.04), "num_judgements": 1}

    assert told(change)["answer"] == answer


def test_without_pairs_a_rater_is_judged_by_its_scores() -> None:
    """A correlation of -.5 over 100 answers; one who always says the same has none."""
    cells = {"labels": ["0", "1"], "counts": [[10, 40], [40, 10]]}
    alone = {"with_others": {"value": None, "low": None, "high": None, "num": 0}}

    def change(figures: Figures) -> None:
        figures["raters"][0] |= alone | {"correlation": -0.5, "confusion": cells}
        figures["raters"][1] |= alone | {"correlation": None, "confusion": cells}

    (problem,) = told(change)["problems"]
    assert problem["name"] == "adversarial_rater"
    assert problem["sentence"].startswith("the rater ann says")


def test_one_sided_labels_matter_where_there_are_labels_alone() -> None:
    """Ten to one is a warning, one kind alone an error; of pairs nobody asks."""
    ten, alone = ({"desirable": 1000, "undesirable": number} for number in (100, 0))

    def labels(kto: Figures) -> Change:
        return lambda figures: figures.update(kind="labels", kto=kto)

    assert told(labels(ten))["problems"][0]["name"] == "one_sided_labels"
    assert told(labels(ten))["answer"] == "with_care"
    assert told(labels(alone))["answer"] == "no"
    assert told(at("kto", alone))["answer"] == "yes"


def test_groups_kept_far_less_often_are_named() -> None:
    """With the one that lost most."""
    lost = {"group": "poems", "flagged": True, "rate": 0.1, "before": 100, "after": 10}
    (problem,) = told(at("coverage.0.groups", [lost]))["problems"]
    assert problem["name"] == "uneven_retention"
    assert "poems: 10 of 100" in problem["sentence"]


def test_every_rule_states_its_thresholds() -> None:
    """In its docstring."""
    assert all(rule.__doc__ for rule in RULES.values())


def test_short_answers_that_win_are_called_short() -> None:
    """Of 1,000 pairs of unequal length the longer answer is chosen in 150, the shorter in 850."""

    def change(figures: Figures) -> None:
        figures["length"]["share_longer"]["before"] = estimate(0.15)
        figures["length"]["before"]["tokens"]["num_longer"] = 150

    (problem,) = told(change)["problems"]
    assert (problem["count"], problem["share"]) == (850, 0.85)
    assert "the shorter in 850 pairs, 85.0%" in problem["sentence"]
