"""Ranges of prompt_id, and rows brought into them."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest

from rather.stages.common.ids import numeric_ids, text_ids
from rather.tables import buckets as module
from rather.tables.buckets import WHOLE, Bucket, buckets
from rather.tables.external_sort import Spill


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Set the limits of a bucket and of memory to four rows."""
    monkeypatch.setattr(module, "ROWS", 4)
    monkeypatch.setattr("rather.tables.external_sort.HELD", 4)
    yield


def test_what_fits_is_one_bucket() -> None:
    """No range to compare with: a small run pays nothing."""
    assert buckets(0) == buckets(module.ROWS) == [WHOLE]


def test_buckets_cover_every_id_once() -> None:
    """A power of two of ranges, each from where the one before it ends."""
    found = buckets(3 * module.ROWS)
    assert found == [
        Bucket("00", "40"),
        Bucket("40", "80"),
        Bucket("80", "c0"),
        Bucket("c0", None),
    ]


def test_a_bucket_meets_what_overlaps_its_range() -> None:
    """From 40 up to but not including 80; the last has no end, and the whole meets all."""
    spans = [(0x30, 0x3F), (0x30, 0x40), (0x7F, 0x90), (0x80, 0x8F)]
    assert [Bucket("40", "80").meets(*span) for span in spans] == [False, True, True, False]
    assert [Bucket("80", None).meets(*span) for span in spans] == [False, False, True, True]
    assert all(WHOLE.meets(*span) for span in spans)


def test_rows_come_back_by_bucket_in_their_order(small: None, tmp_path: Path) -> None:
    """Two chunks of four rows go to files; a prompt's rows come in the order they came in."""
    ids = [start.ljust(16, "0") for start in ["10", "f0", "10", "90", "f0", "10", "90", "10"]]
    chunk = pl.DataFrame({"prompt_id": ids, "at": range(8)})
    numbers = numeric_ids(chunk)
    with Spill(tmp_path, "rows") as spill:
        for start in (0, 4):
            spill.add(spill.parted({"rows": numbers[start : start + 4], "none": numbers.clear()}))
        found = [spill.take(bucket, "rows")["at"].to_list() for bucket in spill.buckets()]
        assert spill.take(spill.buckets()[0], "none").is_empty()
    assert found == [[0, 2, 5, 7], [3, 6, 1, 4]]
    assert list(tmp_path.iterdir())


def test_what_went_to_files_comes_back_whole(small: None, tmp_path: Path) -> None:
    """Ids, names met in one chunk or in both, nulls, and texts."""
    chunk = pl.DataFrame(
        {
            "prompt_id": ["10" * 8, "1f" * 8, "10" * 8, "f0" * 8, "10" * 8],
            "rater": ["ann", None, "bob", "cy", "ann"],
            "text": ["x", "\u00e9", None, "", "x"],
        }
    )
    numbers = numeric_ids(chunk)
    with Spill(tmp_path, "rows") as spill:
        spill.add(spill.parted({"rows": numbers[:2]}))
        spill.add(spill.parted({"rows": numbers[2:]}))
        found = pl.concat(spill.take(bucket, "rows") for bucket in spill.buckets())
    assert text_ids(found).equals(chunk[[0, 2, 4, 1, 3]])
    assert list(tmp_path.iterdir())


def test_few_rows_touch_no_disk(small: None, tmp_path: Path) -> None:
    """What fits in one bucket stays in memory."""
    chunk = pl.DataFrame({"prompt_id": ["10" * 8, "f0" * 8], "at": [0, 1]})
    numbers = numeric_ids(chunk)
    with Spill(tmp_path, "rows") as spill:
        spill.add(spill.parted({"rows": numbers}))
        assert text_ids(spill.take(*spill.buckets(), "rows")).equals(chunk)
    assert not list(tmp_path.iterdir())
