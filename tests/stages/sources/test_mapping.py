"""The map of columns, and files that hold one."""

import re
import textwrap
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from rather.schemas.base import UserError
from rather.stages.sources.mapping import Mapping, label_text, read_mapping


def written(folder: Path, text: str) -> Path:
    """Write a mapping file."""
    path = folder / "map.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(
    "changes", [{"scale": (5, 1)}, {"scale": (1, 1)}, {"scale": (1,)}, {"shape": "x"}, {"nope": 1}]
)
def test_a_map_that_cannot_be_is_refused(changes: dict[str, Any]) -> None:
    """A scale without a range, a shape and a field that nobody knows."""
    with pytest.raises(ValidationError):
        Mapping.model_validate(changes)


def test_one_column_needs_no_list() -> None:
    """`scores: stars` means the same as `scores: [stars]`."""
    assert Mapping.model_validate({"scores": "stars"}).scores == ("stars",)


def test_labels_are_texts() -> None:
    """YAML reads 1 as a number and yes as true; case and outer spaces are one."""
    values = {3: 1, 2.0: -1, True: 0.5, " Tie ": 0}
    mapping = Mapping.model_validate({"values": values})
    assert mapping.values == {"3": 1, "2": -1, "true": 0.5, "tie": 0}
    assert [label_text(cell) for cell in (1.0, True, "TRUE", 0.5)] == ["1", "true", "true", "0.5"]


@pytest.mark.parametrize(
    ("fields", "needed"),
    [
        ({"response": "r", "scores": ["x", "y"], "rater": "w"}, ["prompt", "r", "x", "y", "w"]),
        ({"shape": "labels", "response": "r", "label": "l"}, ["prompt", "r", "l"]),
        ({"shape": "pairs", "chosen": "c", "rejected": "r"}, ["prompt", "c", "r"]),
        (
            {"shape": "comparisons", "responses": ["a", "b"], "preference": "w", "ranks": ()},
            ["prompt", "a", "b", "w"],
        ),
        ({"shape": "rankings", "responses": "all", "ranks": "r"}, ["prompt", "all", "r"]),
        ({"shape": "prompts", "response": "r", "category": "c"}, ["prompt", "c"]),
    ],
)
def test_a_map_needs_the_columns_of_its_shape(fields: dict[str, Any], needed: list[str]) -> None:
    """No others, each once."""
    assert Mapping.model_validate(fields).needed() == needed


@pytest.mark.parametrize(
    ("fields", "lack"),
    [
        ({}, "shape ratings needs response or responses"),
        ({"response": "r"}, "shape ratings needs scores"),
        ({"prompt": ()}, "shape ratings needs prompt"),
        ({"shape": "comparisons", "responses": "r"}, "shape comparisons needs preference"),
        ({"shape": "pairs", "chosen": "c"}, "shape pairs needs rejected"),
        ({"shape": "rankings"}, "shape rankings needs responses"),
        ({"shape": "labels", "response": "r"}, "shape labels needs label"),
        ({"responses": ["a", "b", "c"], "scores": ["x", "y"]}, "scores: expected a column for"),
        (
            {"shape": "rankings", "responses": ["a", "b", "c"], "ranks": ["x", "y"]},
            "ranks: expected a column for each of 3 responses, or one of lists",
        ),
        (
            {"shape": "pairs", "chosen": "c", "rejected": "r", "scores": ["x"]},
            "scores: expected the chosen's column and the rejected's",
        ),
        (
            {"response": "r", "scores": ["s"], "generators": ["x", "y"]},
            "generators: expected a column for each of 1 responses",
        ),
        (
            {"shape": "comparisons", "responses": "r", "preference": "p", "values": {"a": 2}},
            "values: expected numbers from -1 to 1, found 2",
        ),
    ],
)
def test_what_a_map_lacks_is_said(fields: dict[str, Any], lack: str) -> None:
    """Each shape names its columns, and those that stand beside each other are as many."""
    assert str(Mapping.model_validate(fields).lacks()).startswith(lack)


@pytest.mark.parametrize(
    "fields",
    [
        {"response": "r", "scores": ["x", "y", "z"]},
        {"responses": ["a", "b"], "scores": ["x"]},
        {"shape": "labels", "response": "r", "label": "l"},
        {"shape": "prompts"},
    ],
)
def test_a_whole_map_lacks_nothing(fields: dict[str, Any]) -> None:
    """Several raters of one response; one column of lists for several."""
    assert Mapping.model_validate(fields).lacks() is None


def test_a_mapping_file_is_fields_and_the_format_it_extends(tmp_path: Path) -> None:
    """As the examples of its documentation."""
    path = written(tmp_path, "extends: pairs\nchosen: better\nvalues: {yes: 1, 2: -1}\n")
    fields = read_mapping(path)
    assert fields == {"extends": "pairs", "chosen": "better", "values": {True: 1, 2: -1}}


def test_the_documented_examples_are_maps(tmp_path: Path) -> None:
    """Every one of the three in its docstring reads."""
    examples = re.findall(r"(?:\n {8}\S.*)+", str(read_mapping.__doc__))
    assert len(examples) == 3
    for example in examples:
        read_mapping(written(tmp_path, textwrap.dedent(example)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("respones: answer\n", r"expected one of extends, shape, .*, found 'respones'"),
        ("scale: [5, 1]\n", "scale: expected the lowest score, then the highest"),
        ("shape: stars\n", "shape: Input should be 'ratings'.*found 'stars'"),
        ("- prompt\n", "expected lines such as"),
        ("", "expected lines such as"),
        ("a: [", "expected a mapping file"),
        ("extends: [pairs]\n", "extends: expected a format's name"),
    ],
)
def test_a_mapping_file_amiss_is_refused(text: str, found: str, tmp_path: Path) -> None:
    """With its name, what was expected and what was found."""
    with pytest.raises(UserError, match=found) as raised:
        read_mapping(written(tmp_path, text))
    assert str(raised.value).startswith(str(tmp_path / "map.yaml"))


def test_a_mapping_file_must_be_there(tmp_path: Path) -> None:
    """Its name is in the message."""
    with pytest.raises(UserError, match=r"none\.yaml: expected a mapping file"):
        read_mapping(tmp_path / "none.yaml")
