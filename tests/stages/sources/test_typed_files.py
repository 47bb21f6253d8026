"""Files whose columns have types."""

import sys
import zipfile
from pathlib import Path

import polars as pl
import pytest

from rather.schemas.base import UserError
from rather.stages.sources import typed_files
from rather.stages.sources.source_files import open_sheet
from tests.stages.sources.sheets import everything

CELLS = """<row r="1"><c r="A1" t="inlineStr"><is><t>prompt</t></is></c>
<c r="B1" t="inlineStr"><is><t>score</t></is></c></row>
<row r="2"><c r="A2" t="inlineStr"><is><t>Why?</t></is></c><c r="B2"><v>4</v></c></row>
<row r="3"><c r="A3" t="inlineStr"><is><t>Who?</t></is></c><c r="B3"><v>2.5</v></c></row>"""
MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
LINK = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
PACKAGE = "http://schemas.openxmlformats.org/package/2006"
TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
WORKBOOK = {
    "[Content_Types].xml": f"""<Types xmlns="{PACKAGE}/content-types">
<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>
<Override PartName="/xl/workbook.xml" ContentType="{TYPE}.sheet.main+xml"/>
<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{TYPE}.worksheet+xml"/></Types>""",
    "_rels/.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
<Relationship Id="r1" Type="{LINK}/officeDocument" Target="xl/workbook.xml"/></Relationships>""",
    "xl/workbook.xml": f"""<workbook xmlns="{MAIN}" xmlns:r="{LINK}">
<sheets><sheet name="s" sheetId="1" r:id="r1"/></sheets></workbook>""",
    "xl/_rels/workbook.xml.rels": f"""<Relationships xmlns="{PACKAGE}/relationships">
<Relationship Id="r1" Type="{LINK}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>""",
    "xl/worksheets/sheet1.xml": f"""<worksheet xmlns="{MAIN}">
<sheetData>{CELLS}</sheetData></worksheet>""",
}


def test_parquet_rows_are_plain_objects(tmp_path: Path) -> None:
    """Lists and structs arrive as lists and dicts, numbered from 1."""
    row = {"a": [1, 2], "b": {"role": "user"}}
    pl.DataFrame([row]).write_parquet(tmp_path / "a.parquet")
    assert everything(str(tmp_path / "a.parquet")) == ([(1, row)], [])


def test_parquet_gives_the_columns_asked_for(tmp_path: Path) -> None:
    """The others are not read."""
    pl.DataFrame({"a": [1], "b": [2], "c": [3]}).write_parquet(tmp_path / "a.parquet")
    (batch,) = open_sheet(str(tmp_path / "a.parquet")).batches(["c", "a"])
    assert set(batch.names) == {"a", "c"}


def test_parquet_comes_in_batches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of at most so many rows, and of fewer where rows are long; rows are numbered on."""
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": ["x" * 1000] * 5}).write_parquet(path, use_pyarrow=True)
    for name, most, sizes in (("NUM_ROWS", 2, [2, 2, 1]), ("NUM_BYTES", 1, [1] * 5)):
        with monkeypatch.context() as patch:
            patch.setattr(typed_files, name, most)
            batches = list(open_sheet(str(path)).batches(None))
        assert [len(batch.lines) for batch in batches] == sizes
        assert pl.concat([batch.lines for batch in batches]).to_list() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("size", [1, 2, 3, 10])
def test_every_row_group_is_read_once(
    size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Small ones together, large ones in parts, in their order."""
    monkeypatch.setattr(typed_files, "NUM_ROWS", 3)
    rows = pl.DataFrame({"a": range(10)})
    rows.write_parquet(tmp_path / "a.parquet", row_group_size=size)
    good, _ = everything(str(tmp_path / "a.parquet"))
    assert good == [(at + 1, {"a": at}) for at in range(10)]


def test_a_parquet_file_cut_short_is_refused(tmp_path: Path) -> None:
    """Its end, which says what it holds, is missing."""
    path = tmp_path / "a.parquet"
    pl.DataFrame({"a": [1]}).write_parquet(path)
    path.write_bytes(path.read_bytes()[:-4])
    with pytest.raises(UserError, match="expected a Parquet file"):
        open_sheet(str(path))


def test_a_workbook_is_read_by_its_first_sheet(tmp_path: Path) -> None:
    """Rows are numbered as in the workbook, whose first row names the columns."""
    path = tmp_path / "a.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in WORKBOOK.items():
            archive.writestr(name, content)
    rows = [(2, {"prompt": "Why?", "score": 4.0}), (3, {"prompt": "Who?", "score": 2.5})]
    assert everything(str(path)) == (rows, [])


def test_what_is_no_workbook_is_refused(tmp_path: Path) -> None:
    """In one line."""
    (tmp_path / "a.xlsx").write_bytes(b"x")
    with pytest.raises(UserError, match=r"expected a workbook, found [^\n]+$"):
        open_sheet(str(tmp_path / "a.xlsx"))


def test_a_hub_data_set_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder stands in for a name of the hub; of its splits train is read, or the one named."""
    pytest.importorskip("datasets", reason="needs the extra rather[hub]")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "owner" / "name"
    folder.mkdir(parents=True)
    for split in ("train", "test"):
        (folder / f"{split}.jsonl").write_text(f'{{"prompt": "{split}", "scores": [1, 2]}}\n')
    for name, split in ((f"hub:{folder}", "train"), (f"hub:{folder}:test", "test")):
        assert everything(name) == ([(1, {"prompt": split, "scores": [1, 2]})], [])


def test_a_split_that_is_not_there_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With those that are."""
    pytest.importorskip("datasets", reason="needs the extra rather[hub]")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    (tmp_path / "train.jsonl").write_text('{"prompt": "p"}\n')
    with pytest.raises(UserError, match="expected one of train, found 'dev'"):
        open_sheet(f"hub:{tmp_path}:dev")


def test_without_datasets_the_hub_names_its_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """What to install."""
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UserError, match=r"install rather\[hub\]"):
        open_sheet("hub:owner/name")
