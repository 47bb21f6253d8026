"""Known formats and their maps of columns."""

from typing import Any

import pytest
from pydantic import ValidationError

from schemas.errors import UserError
from stages.sources.presets import PRESETS, Mapping, choose_mapping, recognise
from stages.sources.templates import UnreadableError, prometheus, self_instruct


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"prompt", "response", "score", "rater"}, "ratings"),
        ({"prompt"}, "prompts"),
        ({"question_id", "turns"}, "turns"),
        ({"id", "instruction", "instances"}, "self_instruct"),
        ({"idx", "instruction", "response_source", "gpt4_score"}, "prometheus"),
    ],
)
def test_a_format_is_recognised_by_its_columns(columns: set[str], name: str) -> None:
    """Whatever other columns there are."""
    assert recognise(columns, {}, "here") == name


def test_unknown_columns_are_named_with_the_way_out() -> None:
    """What was found, which formats there are, and how to map columns."""
    with pytest.raises(UserError, match=r"has the columns answer, question; .*--from \(prometheus"):
        recognise({"question", "answer"}, {}, "here")


def test_mapped_scores_make_ratings() -> None:
    """The example of `rather convert --help`: stars in place of a score."""
    assert recognise({"prompt", "response", "stars"}, {"scores": ("stars",)}, "x") == "ratings"


def test_every_column_may_be_mapped() -> None:
    """A file of ratings without one column of the usual name."""
    changes = {"prompt": "q", "response": "a", "scores": ("s",)}
    assert recognise({"q", "a", "s"}, changes, "here") == "ratings"
    assert choose_mapping("ratings", changes, {"q", "a", "s"}, "here")[1].needed() == [
        "q",
        "a",
        "s",
    ]


def test_a_mapped_column_must_be_there() -> None:
    """A typo is named, with the columns there are."""
    columns = {"prompt", "response", "stars"}
    with pytest.raises(UserError, match="needs column 'starz'; found prompt, response, stars"):
        choose_mapping("ratings", {"scores": ("starz",)}, columns, "here")


def test_an_unknown_format_is_refused() -> None:
    """With the names of those there are."""
    with pytest.raises(UserError, match="unknown format 'x'; expected one of prometheus"):
        choose_mapping("x", {}, set(), "here")


def test_columns_of_the_usual_name_are_taken() -> None:
    """Rater, generator and category need no mapping where their columns are called that."""
    columns = {"prompt", "response", "score", "rater", "category"}
    mapping = choose_mapping("ratings", {}, columns, "here")[1]
    assert (mapping.rater, mapping.generator, mapping.category) == ("rater", None, "category")


def test_a_person_can_leave_a_usual_column_out() -> None:
    """What the person says goes over what is found."""
    columns = {"prompt", "response", "score", "rater"}
    assert choose_mapping("ratings", {"rater": None}, columns, "here")[1].rater is None


def test_questions_need_no_category() -> None:
    """Recognised by question_id and turns alone, they are read with these alone."""
    mapping = choose_mapping("turns", {}, {"question_id", "turns"}, "here")[1]
    assert mapping.needed() == ["turns"]


@pytest.mark.parametrize(
    "changes", [{"scale": (5, 1)}, {"scale": (1, 1)}, {"scale": (1,)}, {"scores": ()}, {"nope": 1}]
)
def test_a_map_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    """A scale without a range, no scores at all, an unknown name."""
    with pytest.raises(ValidationError):
        Mapping.model_validate(changes)


def test_every_preset_reads_what_gives_it_away() -> None:
    """A file with only the columns that give a format away has all that its map needs."""
    for name, preset in PRESETS.items():
        choose_mapping(name, {}, preset.recognised_by, "here")


TEMPLATE = """###Task Description:
...
###The instruction to evaluate:
Why?

###Response to evaluate:
Because.
It is.

###Reference Answer (Score 5):
A good one.

###Score Rubrics:
..."""


def test_prometheus_cuts_the_template() -> None:
    """Prompt, response and reference answer, other columns as they were."""
    assert prometheus({"instruction": TEMPLATE, "idx": 1}) == {
        "instruction": TEMPLATE,
        "idx": 1,
        "prompt": "Why?",
        "response": "Because.\nIt is.",
        "demonstration": "A good one.",
    }


@pytest.mark.parametrize("instruction", ["Why?", None, 3, TEMPLATE.replace("###Score", "")])
def test_another_template_is_unreadable(instruction: object) -> None:
    """A row without the judge template is set aside, not guessed."""
    with pytest.raises(UnreadableError, match="no_judge_template"):
        prometheus({"instruction": instruction})


@pytest.mark.parametrize(
    ("instances", "prompt"),
    [
        ([{"input": "two"}, {"input": "three"}], "one\n\ntwo"),
        ([{"input": " "}], "one"),
        ([{}], "one"),
        ([], "one"),
        (None, "one"),
    ],
)
def test_self_instruct_joins_instruction_and_input(instances: object, prompt: str) -> None:
    """The first instance's input, where there is one."""
    assert self_instruct({"instruction": "one", "instances": instances})["prompt"] == prompt


@pytest.mark.parametrize("instances", ["text", ["text"], {"input": "x"}])
def test_instances_of_another_shape_are_unreadable(instances: object) -> None:
    """A malformed row is set aside, and costs no other."""
    with pytest.raises(UnreadableError, match="no_instances"):
        self_instruct({"instruction": "one", "instances": instances})
