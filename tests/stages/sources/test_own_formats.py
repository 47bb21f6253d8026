"""Formats of the user's own: preset files, functions for rows, readers of files, and packages."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from rather.schemas.base import UserError
from rather.stages.sources.load import Demo, Loaded, Source, load
from rather.stages.sources.presets import preset_named, presets
from rather.stages.sources.source_files import find, open_sheet

STARS = "about: stars\ncolumns: [q, reply, stars]\nprompt: q\nresponse: reply\nscores: stars\n"
PROGRAM = """
def lines(path):
    for line in path.read_text().splitlines():
        question, answer, score = line.split("/")
        yield {"prompt": question, "response": answer, "score": int(score)}

def nested(row, inner="data"):
    return {"prompt": row[inner]["q"], "response": row[inner]["r"], "score": row[inner]["s"]}

def wrong(row):
    return 3
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Work in a folder with a program, where `lab_formats` is an installed package."""
    (tmp_path / "own_formats.py").write_text(PROGRAM)
    package, about = tmp_path / "lab_formats", tmp_path / "lab_formats-1.dist-info"
    package.mkdir()
    about.mkdir()
    (package / "__init__.py").write_text(PROGRAM)
    (package / "lab_stars.yaml").write_text(STARS)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: lab-formats\nVersion: 1\n")
    declare(tmp_path, "lab_formats", "lab_formats:lines")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    for module in ("lab_formats", "own_formats"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    presets.cache_clear()
    yield tmp_path
    presets.cache_clear()


def declare(folder: Path, package: str, reader: str) -> None:
    """Write the entry points of the installed package."""
    (folder / "lab_formats-1.dist-info" / "entry_points.txt").write_text(
        f"[rather.presets]\nlab = {package}\n[rather.readers]\nslashes = {reader}\n"
    )


def read(folder: Path, name: str, content: str, format_: str = "auto") -> Loaded:
    """Write a file and load it."""
    (folder / name).write_text(content)
    return load(Source(path=str(folder / name), format=format_), Demo(), 0.0, 0)


def test_a_preset_file_is_a_format(folder: Path) -> None:
    """source.format is its path; its example and what that becomes need not be there."""
    (folder / "own.yaml").write_text(STARS)
    loaded = read(folder, "rows.jsonl", '{"q": "a", "reply": "b", "stars": 4}', "own.yaml")
    assert loaded.ratings["score"].to_list() == [4.0]


def test_a_preset_file_may_extend_a_known_format(folder: Path) -> None:
    """It takes over what it does not say itself: mapping and function."""
    (folder / "own.yaml").write_text("extends: argilla\ncolumns: [fields]\nresponse: answer\n")
    own, base = preset_named("own.yaml"), presets()["argilla"]
    assert (own.mapping.response, own.mapping.scores) == ("answer", base.mapping.scores)
    assert own.unwrap == base.unwrap


def test_a_function_of_the_users_own_cuts_rows(folder: Path) -> None:
    """A row that it fails on is set aside under the error's name; its options are passed."""
    unwrap = "unwrap: {name: 'own_formats:nested', inner: d}\n"
    (folder / "own.yaml").write_text(f"{unwrap}columns: [d]\nresponse: response\nscores: score\n")
    rows = '{"d": {"q": "a", "r": "b", "s": 4}}\n{"d": {"q": "c"}}\n'
    loaded = read(folder, "rows.jsonl", rows, "own.yaml")
    assert loaded.ratings["score"].to_list() == [4.0]
    assert loaded.set_aside["reason"].to_list() == ["raised_KeyError"]


def test_what_is_no_row_is_set_aside(folder: Path) -> None:
    """A function of the user's own returns a row or a list of rows."""
    (folder / "own.yaml").write_text(
        "unwrap: own_formats:wrong\ncolumns: [d]\nresponse: response\nscores: score\n"
    )
    with pytest.raises(UserError, match="not_an_object"):
        read(folder, "rows.jsonl", '{"d": 1}', "own.yaml")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("unwrap: pare\n", r"own\.yaml: unwrap: .* found 'pare' \(did you mean 'pair'\?\)"),
        ("unwrap: no_such:name\n", r"own\.yaml: unwrap: expected no_such:name, found Module"),
        ("unwrap: own_formats:nothing\n", r"own\.yaml: unwrap: .*, found AttributeError"),
        ("unwrap: pair\n", r"own\.yaml: expected `columns`"),
        ("extends: pears\n", r"own\.yaml: extends: .* found 'pears' \(did you mean 'pairs'\?\)"),
        ("colums: [a]\n", r"own\.yaml: .*found 'colums' \(did you mean 'columns'\?\)"),
        ("columns: 3\n", r"own\.yaml: columns"),
        ("response: r\n", r"own\.yaml: shape ratings needs scores; add it"),
    ],
)
def test_a_broken_preset_file_is_refused(text: str, message: str, folder: Path) -> None:
    """With its name, the field, and the name that was meant."""
    whole = "" if "response" in text else "response: r\nscores: s\n"
    (folder / "own.yaml").write_text(text + whole)
    with pytest.raises(UserError, match=message):
        preset_named("own.yaml")


def test_a_reader_of_the_users_own_opens_a_file(folder: Path) -> None:
    """Whatever its ending; the rows are recognised by their columns."""
    loaded = read(folder, "rows.txt", "a/b/4\nc/d/2\n", "own_formats:lines")
    assert (loaded.format, loaded.ratings.height) == ("ratings", 2)


@pytest.mark.parametrize(
    ("reader", "content", "message"),
    [
        ("no_such:lines", "a/b/4", r"source\.format: expected no_such:lines, found ModuleNotFound"),
        ("own_formats:lines", "a/b", r"rows\.txt: expected rows from own_formats:lines, found Val"),
        ("own_formats:lines", "", r"rows\.txt: expected rows, found an empty file"),
        ("own_formats:PROGRAM", "a", r"source\.format: .* found AttributeError"),
    ],
)
def test_a_broken_reader_is_refused(reader: str, content: str, message: str, folder: Path) -> None:
    """With the file or the parameter, the reader, and what it raised."""
    with pytest.raises(UserError, match=message):
        read(folder, "rows.txt", content, reader)


def test_a_package_declares_presets(folder: Path) -> None:
    """They are recognised before the general formats."""
    loaded = read(folder, "rows.jsonl", '{"q": "a", "reply": "b", "stars": 4, "prompt": "p"}')
    assert loaded.format == "lab_stars"


def test_a_package_declares_a_reader(folder: Path) -> None:
    """Of files with an ending; a folder's files of that ending are read too."""
    loaded = read(folder, "rows.slashes", "a/b/4\n")
    assert loaded.ratings.height == 1
    (folder / "several").mkdir()
    (folder / "several" / "x.slashes").write_text("a/b/4\n")
    assert find(str(folder / "several")) == [str(folder / "several" / "x.slashes")]


def test_a_declared_package_that_is_missing_is_named(folder: Path) -> None:
    """The message names the entry point."""
    declare(folder, "no_such_formats", "no_such_formats:lines")
    with pytest.raises(UserError, match=r"entry point lab in rather\.presets: .*no_such_formats"):
        presets()
    (folder / "rows.slashes").write_text("a/b/4\n")
    with pytest.raises(
        UserError, match=r"entry point slashes in rather\.readers: expected no_such"
    ):
        open_sheet(str(folder / "rows.slashes"))


def test_a_declared_preset_has_a_name_of_its_own(folder: Path) -> None:
    """A package cannot replace a format of rather's."""
    (folder / "lab_formats" / "pairs.yaml").write_text(STARS)
    with pytest.raises(UserError, match=r"pairs\.yaml: expected a name of its own"):
        presets()


def test_a_misspelt_ending_has_a_hint(folder: Path) -> None:
    """Of the endings that can be read."""
    (folder / "rows.jsnl").touch()
    with pytest.raises(UserError, match=r"found \.jsnl \(did you mean 'jsonl'\?\)"):
        open_sheet(str(folder / "rows.jsnl"))
