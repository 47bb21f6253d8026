"""Objects of the user's own, by reference."""

from pathlib import Path

import pytest

from rather.schemas.base import UserError
from rather.stages.common.extensions import file_of, import_object, is_reference


@pytest.fixture(autouse=True)
def _here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a folder that holds one module."""
    (tmp_path / "own_rules.py").write_text("def short() -> int:\n    return 1\n")
    (tmp_path / "broken_rules.py").write_text("1 / 0\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("a.b:c", True), ("a:c", True), ("margin", False), ("a.b:", False), ("C:\\file", False)],
)
def test_a_reference_has_a_module_and_a_name(name: str, expected: bool) -> None:
    """A plain name, a path with a drive and an empty attribute are none."""
    assert is_reference(name) is expected


def test_an_object_of_the_working_folder_is_imported() -> None:
    """The module lies in the folder that rather runs in."""
    assert import_object("own_rules:short", "winnow.rules")() == 1


@pytest.mark.parametrize("reference", ["own_rules:long", "no_such:short", "broken_rules:short"])
def test_what_cannot_be_imported_is_named(reference: str) -> None:
    """The error names the parameter and the reference."""
    with pytest.raises(UserError, match=rf"winnow\.rules: expected {reference}, found \w+: "):
        import_object(reference, "winnow.rules")


def test_the_file_of_a_reference_is_found_without_importing_it() -> None:
    """A module that fails on import has its file; a module that is not there has none."""
    found = file_of("broken_rules:short")
    assert found is not None and found.name == "broken_rules.py"
    assert file_of("no_such.module:short") is None
