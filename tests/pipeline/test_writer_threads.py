"""Threads that write, and errors that end the writing early; in a process that may crash."""

import subprocess
import sys
from pathlib import Path

import pytest

ROUNDS = 100

BROKEN_TABLE = """
from rather.tables.tables import Tables
from rather.schemas.base import UserError
from tests.pipeline.tables.test_tables import HALVES, ratings

rows = dict(zip(HALVES, (ratings({}), ratings({"score": None})), strict=True))
try:
    Tables(folder).fill(["load/ratings"], HALVES, lambda bucket: ((rows[bucket],), None))
except UserError:
    raised += 1
"""

FULL_BUCKETED = """
from rather.tables.parquet_writer import bucket_writer

rows = pl.DataFrame({"text": [str(n) * 50 for n in range(20_000)]})
try:
    with bucket_writer(folder / "f", rows.schema, {}) as add:
        add(rows)
        raise ValueError
except ValueError:
    raised += 1
"""

FULL_GROWING = """
from rather.tables.parquet_writer import parquet_writer

rows = pl.DataFrame({"text": [str(n) * 50 for n in range(20_000)]})
try:
    with parquet_writer(folder / "f", rows.schema) as add:
        add(rows)
        raise ValueError
except ValueError:
    raised += 1
"""

FULL_SPILL = """
import rather.tables.external_sort
from rather.tables.external_sort import Spill

rather.tables.external_sort.HELD = 0
number = pl.Series("prompt_id", [*range(0, 2**64, 2**58)], dtype=pl.UInt64)
rows = pl.DataFrame({"prompt_id": number, "text": ["a text to be written" * 50] * len(number)})
try:
    with Spill(folder, "responses") as spill:
        for _ in range(3):
            spill.add(spill.parted({"responses": rows}))
        raise ValueError
except ValueError:
    raised += spill.appended.exception() is None
"""


@pytest.mark.parametrize("body", [BROKEN_TABLE, FULL_BUCKETED, FULL_GROWING, FULL_SPILL])
def test_an_early_end_never_closes_a_file_under_its_thread(body: str, tmp_path: Path) -> None:
    """Every round raises its error, and the process ends by itself instead of crashing."""
    indented = "\n".join(f"    {line}" for line in body.splitlines())
    code = (
        "from pathlib import Path\nimport polars as pl\n"
        f"folder, raised = Path({str(tmp_path)!r}), 0\n"
        f"for _ in range({ROUNDS}):\n{indented}\nprint(raised)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.strip()) == (0, str(ROUNDS)), done.stderr[-2000:]
