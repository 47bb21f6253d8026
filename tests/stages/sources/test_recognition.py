"""Which format a file has, and how its columns are spelt."""

import pytest

from rather.schemas.base import UserError
from rather.stages.sources.presets import choose_mapping, missing, presets, recognise, spelt


@pytest.mark.parametrize(
    ("columns", "name"),
    [
        ({"prompt", "response", "score", "rater"}, "ratings"),
        ({"prompt"}, "prompts"),
        ({"Prompt", "RESPONSE", "Score"}, "ratings"),
        ({"question_id", "turns"}, "turns"),
        ({"id", "instruction", "instances"}, "self_instruct"),
        ({"idx", "instruction", "response_source", "gpt4_score"}, "prometheus"),
    ],
)
def test_a_format_is_recognised_by_its_columns(columns: set[str], name: str) -> None:
    """Whatever other columns there are, in upper or lower case."""
    assert recognise(columns, {}, "here") == name


def test_unknown_columns_are_named_with_the_way_out() -> None:
    """What was found, which formats there are, and how to map columns."""
    with pytest.raises(UserError, match=r"has the columns answer, questions.*; .*--from \("):
        recognise({"questions", "answer"}, {}, "here")


def test_a_column_nearly_right_is_pointed_out() -> None:
    """Of the format that fits best."""
    with pytest.raises(UserError, match="'prompt' may be 'promt'"):
        recognise({"promt"}, {}, "here")


def test_mapped_scores_make_ratings() -> None:
    """Stars in place of a score."""
    assert recognise({"prompt", "response", "stars"}, {"scores": ("stars",)}, "x") == "ratings"


def test_a_named_shape_decides() -> None:
    """Then the columns are the person's business."""
    assert recognise({"q", "x", "y"}, {"shape": "rankings"}, "here") == "rankings"


def test_every_column_may_be_mapped() -> None:
    """A file of ratings without one column of the usual name."""
    changes = {"prompt": ("q",), "response": "a", "scores": ("s",)}
    assert recognise({"q", "a", "s"}, changes, "here") == "ratings"
    mapping = choose_mapping("ratings", changes, {"q", "a", "s"}, "here")[1]
    assert mapping.needed() == ["q", "a", "s"]


def test_a_mapped_column_must_be_there() -> None:
    """A typo is named, with the columns there are, and the one that looks like it."""
    columns = {"prompt", "response", "stars"}
    with pytest.raises(
        UserError, match=r"needs column 'starz' \(did you mean 'stars'\?\); found prompt"
    ):
        choose_mapping("ratings", {"scores": ("starz",)}, columns, "here")


def test_a_map_must_be_whole() -> None:
    """What the shape needs and the person left out is named."""
    with pytest.raises(UserError, match="shape comparisons needs responses"):
        choose_mapping("ratings", {"shape": "comparisons"}, {"prompt"}, "here")


def test_an_unknown_format_is_refused() -> None:
    """With the one that looks like it, and the names of all there are."""
    with pytest.raises(
        UserError, match=r"'rating' \(did you mean 'ratings'\?\); expected one of .*prompts"
    ):
        choose_mapping("rating", {}, set(), "here")


def test_columns_of_the_usual_name_are_taken() -> None:
    """Rater, generator and category need no mapping where their columns are called that."""
    columns = {"prompt", "response", "score", "Rater", "category"}
    mapping = choose_mapping("ratings", {}, columns, "here")[1]
    assert (mapping.rater, mapping.generator, mapping.category) == ("rater", None, "category")


def test_a_person_can_leave_a_usual_column_out() -> None:
    """What the person says goes over what is found."""
    columns = {"prompt", "response", "score", "rater"}
    assert choose_mapping("ratings", {"rater": None}, columns, "here")[1].rater is None


def test_every_preset_reads_what_gives_it_away() -> None:
    """A file with only the columns that give a format away has all that its map needs."""
    for name, preset in presets().items():
        choose_mapping(name, {}, preset.recognised_by, "here")


def test_columns_are_found_whatever_their_case() -> None:
    """Exactly, or in the only other spelling; two other spellings are none."""
    columns = ["prompt", "Response ", "SCORE", "Score"]
    assert spelt(["prompt", "response", "score"], columns) == {
        "prompt": "prompt",
        "response": "Response ",
    }
    assert missing(["prompt", "score"], columns) == ["score"]
