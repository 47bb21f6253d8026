"""Kinds of rater: the package's own, and the user's."""

import sys
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

from rather.params.named_files import file_groups
from rather.params.params import Params, make_params, rater_options
from rather.params.rater_kinds import kinds, rate_function
from rather.schemas.base import UserError

OWN = '''
from rather.stages.raters.rating import ProgramOptions, ratings, to_rate

class Options(ProgramOptions):
    """Points for each letter."""

    points: float = 1.0

def rate(rater, prompts, responses, options, seed):
    """Rate by length."""
    return None
'''


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a rater in it, and a module that is none."""
    (tmp_path / "my_raters").mkdir()
    (tmp_path / "my_raters" / "__init__.py").touch()
    (tmp_path / "my_raters" / "length.py").write_text(OWN)
    (tmp_path / "my_raters" / "half.py").write_text("def rate(): ...\n")
    (tmp_path / "my_raters" / "boxed.py").write_text(
        "from my_raters import length\nclass Box:\n"
        "    Options, rate = length.Options, length.rate\n"
    )
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for name in [name for name in sys.modules if name.split(".")[0] == "my_raters"]:
        monkeypatch.delitem(sys.modules, name)
    return tmp_path


def params(group: str = "raters", **entry: Any) -> Params:
    """Return parameters with one rater, `x`."""
    return make_params({group: {"x": entry}}, (), "here")


def test_a_kind_is_a_file_of_its_room() -> None:
    """Its group is that of its options' base; helpers in the room are no kinds."""
    assert kinds("raters") == ("annotator", "verifier")
    assert kinds("model_raters") == ("implicit", "judge", "reward_model")


@pytest.mark.parametrize("kind", ["my_raters.length", "my_raters.boxed:Box"])
def test_a_users_own_kind_is_imported(folder: Path, kind: str) -> None:
    """By module, or by module and name, from the working folder; its options are checked."""
    made = params(kind=kind, points=2)
    found, options = rater_options(made, "x")
    assert (found, options.points) == (kind, 2.0)
    assert callable(rate_function(kind))
    with pytest.raises(UserError, match=r"here: raters\.x\.pionts: no such parameter"):
        params(kind=kind, pionts=2)


def test_a_declared_kind_is_imported(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An installed package declares it under the entry point group rather.raters."""
    point = EntryPoint("length", "my_raters.length", "rather.raters")
    monkeypatch.setattr(
        "rather.stages.common.extensions.entry_points",
        lambda group: [point] if group == "rather.raters" else [],
    )
    assert rater_options(params(kind="length"), "x")[1].points == 1.0
    with pytest.raises(UserError, match="found 'lenght', did you mean length"):
        params(kind="lenght")


@pytest.mark.parametrize(
    ("group", "entry", "message"),
    [
        ("raters", {"kind": "verifyer"}, "found 'verifyer', did you mean verifier?"),
        ("raters", {"kind": "rating"}, "raters.x.kind: expected one of annotator, verifier"),
        ("raters", {"kind": None}, "raters.x.kind: expected one of annotator, verifier"),
        ("raters", {"kind": "no_such.module"}, "expected no_such.module, found ModuleNotFoundErr"),
        ("raters", {"kind": "my_raters.length:Gone"}, "my_raters.length:Gone, found AttributeErr"),
        ("raters", {"kind": "my_raters.half"}, "found rate and no Options"),
        (
            "model_raters",
            {"kind": "my_raters.length", "model": "sft"},
            "derived from ModelOptions of rather.stages.raters.rating, found rate and "
            "Options(ProgramOptions)",
        ),
    ],
)
def test_what_is_no_kind_is_named(
    folder: Path, group: str, entry: dict[str, Any], message: str
) -> None:
    """The sentence has the parameter, what was expected and what was found."""
    with pytest.raises(UserError) as raised:
        params(group, **entry)
    assert str(raised.value).startswith(f"here: {group}.x.kind: expected ")
    assert message in str(raised.value)


def test_a_users_own_kind_is_tracked_by_its_file(folder: Path) -> None:
    """So an edit of it makes the rater's ratings stale."""
    groups = file_groups(params(kind="my_raters.length"), folder)
    assert folder / "my_raters" / "length.py" in groups["raters/x"]
