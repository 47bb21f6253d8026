"""The stage that writes parameters with their defaults, and links to the files that they name."""

from pathlib import Path

import pytest
import yaml

from rather.params.params import make_params
from rather.registry import runner
from rather.run import Run


def written(root: Path, **values: object) -> Path:
    """Run the stage, and return its folder."""
    (root / "r.jsonl").write_text("{}\n")
    params = make_params({"source": {"path": "r.jsonl"}} | values, (), "here")
    runner("params")(Run(root, params))
    return root / "data" / "params"


def test_what_is_left_out_has_its_default(tmp_path: Path) -> None:
    """Every group is there, and a rater's own options."""
    folder = written(tmp_path, raters={"ann": {"kind": "annotator"}})
    values = yaml.safe_load((folder / "values.yaml").read_text())
    assert values["demo"]["num_prompts"] == 2000
    assert values["raters"]["ann"].keys() > {"kind", "reliability"}


def test_values_are_parameters_again(tmp_path: Path) -> None:
    """What is written is read as the very same parameters."""
    folder = written(tmp_path, train={"dpo": {"data": "dpo"}}, raters={"a": {"kind": "verifier"}})
    values = yaml.safe_load((folder / "values.yaml").read_text())
    again = tmp_path / "again"
    again.mkdir()
    assert (written(again, **values) / "values.yaml").read_text() == (
        folder / "values.yaml"
    ).read_text()


def test_a_named_file_is_linked(tmp_path: Path) -> None:
    """Its content is read through the link; an empty file stands for none."""
    named = written(tmp_path) / "named"
    assert (named / "source").read_text() == "{}\n"
    assert (named / "harmful").read_text() == ""


@pytest.mark.parametrize("times", [2])
def test_links_are_made_anew(tmp_path: Path, times: int) -> None:
    """A rater that is gone leaves none; a second run is no error."""
    for _ in range(times):
        written(tmp_path, raters={"ann": {"kind": "annotator"}})
    named = written(tmp_path) / "named"
    assert not (named / "raters" / "ann").exists()
