"""The Python API: `import rather`, its functions, and their results against the commands'."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

import rather
from tests.pipeline.ratings import GOOD, lines

Rather = Callable[..., Any]
LIGHT = """
import sys, rather
assert set(rather.__all__) <= set(dir(rather))
print(*sorted({name.split(".")[0] for name in sys.modules} & {"polars", "numpy", "pydantic"}))
"""
FRAMES: dict[str, Callable[[pl.DataFrame], Any]] = {
    "polars": lambda frame: frame,
    "lazy": lambda frame: frame.lazy(),
    "pandas": lambda frame: pd.DataFrame(frame.to_dicts()),
    "pyarrow": lambda frame: frame.to_arrow(compat_level=pl.CompatLevel.oldest()),
}


def test_the_import_loads_no_other_package() -> None:
    """`import rather` costs nothing; names are listed before they are loaded."""
    done = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)
    assert done.stdout == "\n"


@pytest.mark.parametrize("name", rather.__all__)
def test_every_public_name_is_there(name: str) -> None:
    """No function is overwritten by a subpackage of its name."""
    found = getattr(rather, name)
    assert type(found).__name__ != "module"


def test_an_unknown_name_is_an_attribute_error() -> None:
    """As of any module."""
    with pytest.raises(AttributeError, match="nope"):
        _ = rather.nope  # type: ignore[attr-defined]


@pytest.mark.parametrize("kind", FRAMES)
def test_a_frame_is_read_as_its_parquet_file(kind: str, tmp_path: Path) -> None:
    """Rows, drops and ledger equal those of the same data in a file of that name."""
    frame = pl.DataFrame([*GOOD, GOOD[0] | {"score": None}])
    path = tmp_path / "frame.parquet"
    frame.write_parquet(path)
    of_file, of_frame = rather.convert(path), rather.convert(FRAMES[kind](frame))
    assert of_frame.rows.height == 4
    assert of_frame.rows.equals(of_file.rows)
    assert of_frame.dropped.equals(of_file.dropped)
    assert of_frame.ledger == of_file.ledger


def test_a_dataset_is_read_in_its_order() -> None:
    """A selection of `datasets` counts, not the table under it."""
    datasets = pytest.importorskip("datasets")
    rows = datasets.Dataset.from_list([GOOD[5] | {"prompt": "other"}, *GOOD]).select(range(1, 25))
    assert rather.convert(rows).rows.equals(rather.convert(pl.DataFrame(GOOD)).rows)


@pytest.mark.parametrize("ending", ["parquet", "jsonl"])
def test_what_is_saved_is_what_the_command_writes(
    ending: str, tmp_path: Path, rather: Rather
) -> None:
    """Byte for byte, training set and dropped rows."""
    import rather as api

    source, ours, theirs = (tmp_path / name for name in ("r.jsonl", f"a.{ending}", f"b.{ending}"))
    source.write_text(lines(GOOD))
    assert rather("convert", source, "--to", "kto", "--out", theirs).code == 0
    saved = api.convert(source, to="kto").save(ours)
    assert (saved.path, saved.counts) == (ours, {"rows": 8, "desirable": 4})
    assert ours.read_bytes() == theirs.read_bytes()
    assert saved.dropped_path.read_bytes() == (tmp_path / "b.dropped.parquet").read_bytes()


def test_rows_go_to_other_libraries() -> None:
    """pandas, Arrow and `datasets` hold the same four pairs, messages and all."""
    converted = rather.convert(pl.DataFrame(GOOD), rows="trl-standard")
    names = converted.rows["chosen"].to_list()
    assert converted.to_pandas()["chosen"].to_list() == names
    assert isinstance(converted.to_arrow(), pa.Table)
    assert converted.to_arrow()["chosen"].to_pylist() == names
    pytest.importorskip("datasets")
    assert list(converted.to_dataset()["chosen"]) == names


def test_parameters_are_groups_or_dotted_names() -> None:
    """As in params.yaml and as after --set; 2 deviations keep two of the four best pairs."""
    frame, margin = pl.DataFrame(GOOD), {"margin": {"at_least": 2}}
    by_group = rather.convert(frame, winnow={"rules": margin})
    by_name = rather.convert(frame, set={"winnow.rules": margin})
    by_short_name = rather.convert(frame, set={"winnow.margin.at_least": 2})
    assert by_group.rows.height == by_name.rows.height == by_short_name.rows.height == 2


def test_a_users_parameters_are_not_changed() -> None:
    """Dicts are read, never written."""
    rules: dict[str, Any] = {"rules": {"margin": {"at_least": 2}}}
    rather.read(pl.DataFrame(GOOD)).params({"winnow.confident.at_least": 0.6}, {"winnow": rules})
    assert rules == {"rules": {"margin": {"at_least": 2}}}


def test_an_audit_has_verdict_figures_and_rows(tmp_path: Path) -> None:
    """Equal to what it saves; twelve pairs, of which the eight that are no prompt's best go."""
    with rather.audit(pl.DataFrame(GOOD)) as audit:
        page = audit.save(tmp_path / "audit")
        written = json.loads((tmp_path / "audit" / "audit.json").read_text())
        assert audit.verdict == written["verdict"]["answer"]
        assert audit.figures["headline"] == written["headline"]
        assert written["why"] == f"rather why PAIR_ID --in {tmp_path / 'audit'}"
        assert page.is_file() and (audit.pairs.height, audit.pairs["reason"].null_count()) == (
            12,
            4,
        )
        assert audit.flagged.filter(unit="pairs").height == 8
        assert audit.missed("pairs_kept=0.9") == [
            "expected pairs_kept at least 0.9, found 0.333333"
        ]
        assert audit.figures["verdict"]["sentence"] in audit._repr_html_()
    with pytest.raises(rather.UserError, match="found a closed one"):
        _ = audit.pairs


def test_agreement_is_what_the_command_prints(tmp_path: Path, rather: Rather) -> None:
    """As text and as figures."""
    import rather as api

    (tmp_path / "r.jsonl").write_text(lines(GOOD))
    found = api.agreement(pl.DataFrame(GOOD))
    done = rather("agreement", tmp_path / "r.jsonl")
    assert done.stdout == f"{found}\n\n"
    assert found.figures["score"]["num_raters"] == 2


def test_rules_judge_a_plain_frame() -> None:
    """The first failed rule is the reason; the frame's own columns stay."""
    pairs = pd.DataFrame({"margin": [2.0, 0.1, 0.1], "agreement": [1.0, 1.0, 0.5], "my": "abc"})
    judged = rather.winnow(pairs, {"agreement": {}, "margin": {"at_least": 1}})
    assert judged.columns == ["margin", "agreement", "my", "failed", "reason"]
    assert judged["reason"].to_list() == [None, "margin", "agreement"]
    assert judged["failed"].to_list() == [[], ["margin"], ["agreement", "margin"]]
    assert rather.winnow(judged.clear(), {"margin": {}}).height == 0


def test_losses_are_listed_without_torch() -> None:
    """With the data set that each trains on."""
    assert rather.losses["dpo"].data == "dpo"
