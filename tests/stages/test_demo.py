"""The demo world: tasks, gold answers, and the comparisons its reward model learns from."""

from random import Random

import polars as pl
import pytest

from rather.schemas.judgements import Comparisons
from rather.schemas.texts import Prompts, Responses
from rather.stages.sources import demo


def split(rows: list[dict[str, object]]) -> pl.DataFrame:
    """Make the prompts table, each prompt its own cluster, every third held out."""
    sides = [
        row | {"split": "test" if n % 3 == 0 else "train", "cluster": row["prompt_id"]}
        for n, row in enumerate(rows)
    ]
    return pl.DataFrame(sides, schema=Prompts.create_empty().schema)


@pytest.mark.parametrize(
    ("prompt", "answer"),
    [
        ("Reverse: banel", "lenab"),
        ("Sort: banel", "abeln"),
        ("Capitals: banel", "BANEL"),
        ("Twice: banel", "banel banel"),
        ("Count: banel", "5"),
        ("Last word: banel dito", "dito"),
        ("List: banel dito", "- banel\n- dito"),
    ],
)
def test_gold_is_computed_from_the_text(prompt: str, answer: str) -> None:
    """The right answer follows from the prompt's text alone."""
    assert demo.solve(prompt) == answer


@pytest.mark.parametrize("prompt", ["Write a poem", "Reverse: Banel!", "Reverse:", "List: banel"])
def test_other_prompts_have_no_gold(prompt: str) -> None:
    """A text that is no task of this world has no gold answer."""
    assert demo.solve(prompt) is None


def test_quality_orders_answers() -> None:
    """A nearer answer is better, and only the right one is perfect, white space aside."""
    right, near, far = (demo.quality("lenab", text) for text in (" lenab\n", "lenb", "xyz"))
    assert 1 == right > near > far == 0


def test_prompts_are_distinct() -> None:
    """No prompt comes twice, and each task has its share."""
    rows = split(demo.prompts(700, seed=0))
    assert rows["prompt_id"].n_unique() == 700
    assert rows["category"].value_counts()["count"].to_list() == pytest.approx([100] * 7, abs=5)


def test_prompts_satisfy_their_schema() -> None:
    """Once the split is added, the rows are a prompts table."""
    Prompts.validate(split(demo.prompts(30, seed=0)))


def test_answers_are_gold() -> None:
    """Each prompt's answer is what its text computes to."""
    for row in demo.prompts(30, seed=0):
        assert row["answer"] == demo.solve(row["messages"][-1]["content"]) is not None


def test_some_demonstrations_leave_the_task_undone() -> None:
    """Three in ten demonstrations hand the words back; the others are the gold answer."""
    rows = demo.prompts(1000, seed=0)
    undone = [row for row in rows if row["demonstration"] != row["answer"]]
    assert len(undone) == pytest.approx(300, abs=50)
    for row in undone:
        assert row["messages"][-1]["content"].endswith(f": {row['demonstration']}")


def test_more_prompts_keep_the_first() -> None:
    """A larger world of one seed begins with the smaller one."""
    assert demo.prompts(40, seed=0)[:20] == demo.prompts(20, seed=0)


def test_seeds_differ() -> None:
    """Another seed draws another world."""
    assert demo.prompts(20, seed=0) != demo.prompts(20, seed=1)


def test_comparisons_satisfy_their_schemas() -> None:
    """Compared answers are a responses table, and what was said of them a comparisons table."""
    responses, comparisons = demo.compare(split(demo.prompts(30, seed=0)), 50, seed=0)
    Responses.validate(responses)
    Comparisons.validate(comparisons)
    named = set(comparisons["first_id"]) | set(comparisons["second_id"])
    assert named == set(responses["response_id"])


def test_held_out_prompts_are_not_compared() -> None:
    """No answer to a held-out prompt is compared, so no model learns of it."""
    prompts = split(demo.prompts(30, seed=0))
    _, comparisons = demo.compare(prompts, 50, seed=0)
    train = prompts.filter(pl.col("split") == "train")["prompt_id"]
    assert set(comparisons["prompt_id"]) == set(train)


def test_nobody_to_compare_for() -> None:
    """Without training prompts there are no comparisons, but tables with all columns."""
    held_out = split(demo.prompts(30, seed=0)).filter(pl.col("split") == "test")
    responses, comparisons = demo.compare(held_out, 50, seed=0)
    assert (responses.height, comparisons.height) == (0, 0)
    assert comparisons.columns == Comparisons.column_names()


@pytest.mark.parametrize("rater", ["careful", "hasty"])
def test_annotators_judge_as_planted(rater: str) -> None:
    """An annotator prefers the worse answer in half the share of guesses: (1 - reliability) / 2."""
    prompts = split(demo.prompts(300, seed=0))
    responses, comparisons = demo.compare(prompts, 4000, seed=0)
    golds = responses.join(prompts.select("prompt_id", "answer"), on="prompt_id")
    near = {
        name: demo.quality(gold, text)
        for name, gold, text in golds.select("response_id", "answer", "text").iter_rows()
    }
    wrong = [
        (near[first] - near[second]) * preference < 0
        for first, second, preference in comparisons.filter(pl.col("rater") == rater)
        .select("first_id", "second_id", "preference")
        .iter_rows()
        if near[first] != near[second]
    ]
    assert sum(wrong) / len(wrong) == pytest.approx((1 - demo.ANNOTATORS[rater]) / 2, abs=0.03)


def test_spoilt_answers_are_never_blank() -> None:
    """However an answer is spoilt, something is left of it."""
    assert all(demo.spoil("5", Random(n)) for n in range(200))


def test_same_seed_same_comparisons() -> None:
    """The seed alone decides the comparisons."""
    prompts = split(demo.prompts(30, seed=0))
    once, twice = (demo.compare(prompts, 50, seed=7)[1] for _ in range(2))
    assert once.equals(twice)
