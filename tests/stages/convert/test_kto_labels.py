"""Labels of single answers, and the weights that balance them."""

from typing import Any

import polars as pl
import pytest

from rather.schemas.evidence import ChosenPairs, Features, Scores
from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.training_sets import DroppedLabels
from rather.stages.calibrate.rating_scale import Scale, shared_scale, usage
from rather.stages.convert.kto_labels import label, label_by_pairs, one_sided, unlabelled, weights
from rather.stages.convert.label_rules import Labels, Rule, settle

NOBODY = Ratings.create_empty()
UNCOMPARED = Comparisons.create_empty()


def features(*names: str, **flaws: str) -> pl.DataFrame:
    """Make features of responses named by prompt and letter; flaws name blank ones and cut ones."""
    rows = [
        {
            "response_id": name,
            "prompt_id": name[0],
            "blank": name in flaws.get("blank", ""),
            "unfinished": name in flaws.get("unfinished", ""),
        }
        for name in names
    ]
    return pl.DataFrame(rows, schema=Features.create_empty().schema)


def scored(num_raters: int = 1, **ratings: float) -> pl.DataFrame:
    """Make scores with these ratings; the calibrated score is a tenth of the rating."""
    rows = [
        {"response_id": name, "rating": rating, "score": rating / 10, "num_raters": num_raters}
        for name, rating in ratings.items()
    ]
    return pl.DataFrame(rows, schema=Scores.create_empty().schema)


def rated(**scores: list[float]) -> pl.DataFrame:
    """Make ratings of responses by raters 0, 1, ..."""
    rows = [
        {"response_id": name, "rater": f"{rater}", "aspect": "overall", "score": score}
        for name, given in scores.items()
        for rater, score in enumerate(given)
    ]
    return pl.DataFrame(rows, schema=NOBODY.schema)


def judged(rule: Rule, ratings: pl.DataFrame = NOBODY, /, **values: float) -> dict[str, Any]:
    """Label responses of these ratings; a label, or the reason in its place."""
    found = label(features(*values), scored(**values), ratings, rule)
    return {row["response_id"]: row["reason"] or row["label"] for row in found.to_dicts()}


TWO = settle(Labels(), Scale(1, 5))


def test_two_thresholds_drop_the_middle() -> None:
    """Of 1 to 5 the thresholds are 3.5 and 2.5, and both belong to their side."""
    found = judged(TWO, pa=5, pb=3.5, pc=3, pd=2.5, pe=1)
    assert found == {"pa": True, "pb": True, "pc": "undecided", "pd": False, "pe": False}


def test_one_threshold_drops_nothing() -> None:
    """At the threshold an answer is desirable, below it not."""
    found = judged(settle(Labels(at_least=3), None), pa=3, pb=2.9)
    assert found == {"pa": True, "pb": False}


def test_thumbs_evenly_split_are_undecided() -> None:
    """One up and one down say neither; two to one say something."""
    found = judged(settle(Labels(), Scale(0, 1)), pa=1, pb=2 / 3, pc=0.5, pd=0)
    assert found == {"pa": True, "pb": True, "pc": "undecided", "pd": False}


def test_thumbs_of_one_side_keep_their_labels() -> None:
    """All up: the mean is no yardstick, the scale's middle is."""
    ratings = rated(pa=[1], qa=[1])
    rule = settle(Labels(), shared_scale(usage(ratings)))
    assert judged(rule, ratings, pa=1, qa=1) == {"pa": True, "qa": True}


def test_calibrated_scores_can_be_the_unit() -> None:
    """Scores are a tenth of ratings here: .6, .4 and -.6 against half a deviation."""
    found = judged(settle(Labels(), None), pa=6, pb=4, pc=-6)
    assert found == {"pa": True, "pb": "undecided", "pc": False}


def test_per_prompt_goes_by_the_prompts_own_mean() -> None:
    """p's mean is 3, q's is 4: a 3 is undecided in p and undesirable in q."""
    found = judged(Rule("per_prompt"), pa=4, pb=3, pc=2, qa=3, qb=5)
    assert found == {"pa": True, "pb": "undecided", "pc": False, "qa": False, "qb": True}


def test_per_prompt_equal_ratings_are_undecided() -> None:
    """Three times .1 has a mean that differs from .1 in its last digit."""
    found = judged(Rule("per_prompt"), pa=0.1, pb=0.1, pc=0.1, qa=5)
    assert set(found.values()) == {"undecided"}


def test_per_prompt_an_incomplete_answer_moves_no_mean() -> None:
    """Without the blank 0 the mean of 3 and 5 is 4."""
    every = features("pa", "pb", "pc", blank="pc")
    found = label(every, scored(pa=3, pb=5, pc=0), NOBODY, Rule("per_prompt"))
    marks = dict(found.select("response_id", "label").iter_rows())
    assert marks == {"pa": False, "pb": True, "pc": None}


@pytest.mark.parametrize("flaw", ["blank", "unfinished"])
def test_an_incomplete_answer_gets_no_label(flaw: str) -> None:
    """Neither desirable nor undesirable, however it was rated."""
    found = label(features("pa", **{flaw: "pa"}), scored(pa=5), NOBODY, TWO)
    assert found.select("label", "reason").row(0) == (None, "incomplete")


def test_missing_is_not_low() -> None:
    """An answer that nobody rated is unscored, not undesirable."""
    found = label(features("pa"), scored(), NOBODY, settle(Labels(at_least=3), None))
    assert found.select("label", "reason").row(0) == (None, "unscored")


def test_too_few_raters_dispute_a_label() -> None:
    """One rater where two are asked for."""
    assert judged(settle(Labels(at_least_raters=2), Scale(1, 5)), pa=5) == {"pa": "disputed"}


def test_raters_far_apart_dispute_a_label() -> None:
    """5 and 3 have a standard deviation of 1, 5 and 4 one of .5."""
    rule = settle(Labels(at_most_sd=0.5), Scale(1, 5))
    assert judged(rule, rated(pa=[5, 3], pb=[5, 4]), pa=4, pb=4.5) == {"pa": "disputed", "pb": True}


def test_a_label_names_its_raters() -> None:
    """Those who gave the answer a score."""
    found = label(features("pa"), scored(pa=5), rated(pa=[5, 5]), TWO)
    assert found["raters"].to_list() == [["0", "1"]]


def test_labels_and_dropped_make_up_the_responses() -> None:
    """Each response is labelled or dropped with its reason."""
    found = label(features("pa", "pb", "pc"), scored(pa=5, pb=3), NOBODY, TWO)
    dropped = unlabelled(found)
    assert dropped.columns == DroppedLabels.column_names()
    assert dropped.select("response_id", "reason").rows() == [
        ("pb", "undecided"),
        ("pc", "unscored"),
    ]


def by_pairs(*pairs: tuple[str, str], at_least: int = 1, **flaws: str) -> dict[str, Any]:
    """Label pa to pd by chosen pairs."""
    rows = [
        {"pair_id": f"{number}", "chosen_id": good, "rejected_id": bad}
        for number, (good, bad) in enumerate(pairs)
    ]
    chosen = pl.DataFrame(rows, schema=ChosenPairs.create_empty().schema)
    every = features("pa", "pb", "pc", "pd", **flaws)
    found = label_by_pairs(
        every, chosen, NOBODY, UNCOMPARED, Rule("pairs", at_least_raters=at_least)
    )
    return {row["response_id"]: row["reason"] or row["label"] for row in found.to_dicts()}


def test_pairs_make_labels_where_asked() -> None:
    """Chosen is desirable and rejected is not, once each however many pairs say so."""
    found = by_pairs(("pa", "pc"), ("pa", "pd"))
    assert found == {"pa": True, "pb": "unpaired", "pc": False, "pd": False}


def test_an_answer_on_both_sides_is_neither() -> None:
    """b beats c and loses to a."""
    found = by_pairs(("pa", "pb"), ("pb", "pc"))
    assert found == {"pa": True, "pb": "both_sides", "pc": False, "pd": "unpaired"}


def test_an_incomplete_answer_of_a_pair_gets_no_label() -> None:
    """Its partner keeps its own."""
    assert by_pairs(("pa", "pb"), blank="pb")["pa"] is True
    assert by_pairs(("pa", "pb"), blank="pb")["pb"] == "incomplete"


def test_a_pair_without_common_raters_is_labelled_unless_two_are_asked_for() -> None:
    """Two means of different raters may make a pair; it is disputed only where that is asked."""
    assert by_pairs(("pa", "pb"))["pa"] is True
    assert by_pairs(("pa", "pb"), at_least=2)["pa"] == "disputed"


def test_a_pairs_label_carries_its_raters_and_no_score() -> None:
    """a's raters are those of both its pairs: ann compared one, bob the other."""
    chosen = pl.DataFrame(
        [
            {"pair_id": "x", "chosen_id": "pa", "rejected_id": "pb"},
            {"pair_id": "y", "chosen_id": "pa", "rejected_id": "pc"},
        ],
        schema=ChosenPairs.create_empty().schema,
    )
    compared = pl.DataFrame(
        [
            {"first_id": "pa", "second_id": "pb", "rater": "bob", "preference": 1.0},
            {"first_id": "pc", "second_id": "pa", "rater": "ann", "preference": -1.0},
        ],
        schema=UNCOMPARED.schema,
    )
    found = label_by_pairs(features("pa", "pb", "pc"), chosen, NOBODY, compared, Rule("pairs"))
    columns = "response_id", "raters", "num_raters", "score", "rating"
    assert found.select(columns).sort("response_id").rows() == [
        ("pa", ["ann", "bob"], 2, None, None),
        ("pb", ["bob"], 1, None, None),
        ("pc", ["ann"], 1, None, None),
    ]


def test_nothing_gives_no_labels() -> None:
    """Empty tables are not an error, whatever the rule."""
    for rule in (TWO, Rule("per_prompt"), settle(Labels(at_most_sd=1), None)):
        assert label(features(), scored(), NOBODY, rule).height == 0
    chosen = ChosenPairs.create_empty()
    assert label_by_pairs(features(), chosen, NOBODY, UNCOMPARED, Rule("pairs")).height == 0


def test_prompts_of_one_kind_are_counted() -> None:
    """p has both kinds, q and r desirable ones alone, s nothing but an undecided one."""
    found = label(
        features("pa", "pb", "qa", "ra", "sa"), scored(pa=5, pb=1, qa=5, ra=5, sa=3), NOBODY, TWO
    )
    assert one_sided(found) == {"both_kinds": 1, "only_desirable": 2, "only_undesirable": 0}


@pytest.mark.parametrize(
    ("desirable", "undesirable", "expected"),
    [
        (100, 100, (1, 1)),
        (120, 100, (1, 1)),
        (400, 300, (1, 1)),
        (800, 300, (1, 2)),
        (100, 200, (2, 1)),
        (5, 0, (1, 1)),
        (0, 0, (1, 1)),
    ],
)
def test_weights_change_as_little_as_balance_asks(
    desirable: int, undesirable: int, expected: tuple[float, float]
) -> None:
    """n_D / n_U of 1, 1.2 and 4/3 may stay; 8/3 becomes 4/3 by weight 2, and 1/2 becomes 1."""
    assert weights(desirable, undesirable) == pytest.approx(expected)
