"""Prompts and answers cut out of templates."""

import pytest

from rather.stages.sources.nested_rows import pandalm, prometheus, self_instruct
from rather.stages.sources.row_batches import UnreadableError

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


@pytest.mark.parametrize(
    ("key", "names"),
    [
        ("cerebras-gpt-6.7B_llama-7b", ("cerebras-gpt-6.7B", "llama-7b")),
        ("llama-7b", (None, None)),
        (None, (None, None)),
    ],
)
def test_pandalm_names_two_models(key: object, names: tuple[object, object]) -> None:
    """Joined by an underscore; a key of another form names nobody."""
    row = pandalm({"cmp_key": key})
    assert (row["generator1"], row["generator2"]) == names
