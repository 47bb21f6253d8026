"""The examples in README."""

import re

import pytest
import yaml

from rather.params.params import make_params
from rather.stages.sources.mapping import Mapping
from tests.paths import ROOT

EXAMPLES = re.findall(r"```yaml\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_taken_as_it_stands(example: str) -> None:
    """A mapping maps, and groups of params.yaml fit among the others."""
    values = yaml.safe_load(example)
    if "shape" in values:
        Mapping(**values)
        return
    others = yaml.safe_load((ROOT / "params.yaml").read_text())
    make_params(others | values, (), "README.md")
