"""The stage that reads the source: chunks come in its order, tables go out in that of prompts."""

import json
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any

import polars as pl

from rather.ledger import Ledger, by_reason
from rather.run import Run
from rather.schemas.texts import Evaluations
from rather.stages.common.ids import text_ids
from rather.stages.common.parallel import prefetch
from rather.stages.sources.chunks import Chunk, first_prompts, settle
from rather.stages.sources.load import Source, load, read, with_split
from rather.stages.sources.source_files import hashes
from rather.stages.text.clusters import clusters
from rather.stages.text.normalise import prompt_texts
from rather.tables.atomic_files import write_text
from rather.tables.buckets import Bucket
from rather.tables.external_sort import Parts, Spill
from rather.tables.tables import Frames

TABLES = ("prompts", "responses", "ratings", "comparisons")
UNITS = ("ratings", "comparisons")
# What later stages depend on: DVC wants it there, with members or without.
FOLDERS = ("generate", "rate", "compare", "metrics/train", "plots/train")


def run(run: Run) -> None:
    """Read the source and fix the split."""
    for folder in FOLDERS:
        (run.data / folder).mkdir(parents=True, exist_ok=True)
    run.write("load/evaluations", _evaluations(run.params.contamination.path))
    is_demo = run.params.source.format == "demo"
    files = _load_demo(run) if is_demo else _load_source(run)
    write_text(run.data / "load" / "files.json", json.dumps(files, indent=2) + "\n")


def _evaluations(path: str | None) -> pl.DataFrame:
    """Read the prompts of the evaluation sets that training data may not share."""
    if path is None:
        return Evaluations.create_empty()
    prompts = pl.concat(chunk.prompts for chunk in read(Source(path=path, format="auto")))
    return prompts.select("source_line", name="source").with_columns(text=prompt_texts(prompts))


def _load_demo(run: Run) -> list[dict[str, Any]]:
    """Make the demo world, which is small and has no files."""
    params = run.params
    loaded = load(params.source, params.demo, params.test_fraction, params.seed)
    for name in (*TABLES, "set_aside"):
        run.write(f"load/{name}", getattr(loaded, name))
    met = Counter(rows=loaded.num_rows, read=loaded.num_read, comparisons=loaded.num_comparisons)
    _close(run, "demo", met, loaded.set_aside)
    return []


def _load_source(run: Run) -> list[dict[str, Any]]:
    """Read the source's chunks, and settle them bucket by bucket; name and hash its files."""
    with (
        ThreadPoolExecutor(max_workers=1) as thread,
        tempfile.TemporaryDirectory(dir=run.data, prefix=".load-") as folder,
        Spill(Path(folder), "responses") as spill,
        closing(prefetch(partial(_parted, spill), read(run.params.source))) as chunks,
    ):
        met: Counter[str] = Counter()
        formats, aside = {}, []
        for chunk, parts in chunks:
            spill.add(parts)
            formats[chunk.format] = True
            aside.append(chunk.set_aside)
            met.update(
                rows=chunk.num_rows,
                read=chunk.num_read,
                ratings=chunk.num_ratings,
                comparisons=chunk.num_comparisons,
            )
        hashed = thread.submit(hashes, run.params.source.path)
        aside += _settle(run, spill)
    found = run.write("load/set_aside", pl.concat(aside))
    _close(run, ", ".join(formats), met, found)
    return hashed.result()


def _parted(spill: Spill, chunk: Chunk) -> tuple[Chunk, Parts]:
    """Part a chunk's tables."""
    return chunk, spill.parted({name: getattr(chunk, name) for name in TABLES})


def _settle(run: Run, spill: Spill) -> list[pl.DataFrame]:
    """Settle and write each bucket; give what was set aside."""
    into, params = spill.buckets(), run.params
    named = _clusters(run, spill, into)

    def settled(bucket: Bucket) -> tuple[Frames, pl.DataFrame]:
        found = settle(*(spill.take(bucket, name) for name in TABLES))
        prompts = found.prompts
        if named is not None:
            among = named.filter(bucket.holds())
            prompts = text_ids(prompts).join(among, on="prompt_id", how="left")
        split = with_split(prompts, params.test_fraction, params.seed)
        return (split, found.responses, found.ratings, found.comparisons), found.set_aside

    return run.tables.fill([f"load/{name}" for name in TABLES], into, settled)


def _clusters(run: Run, spill: Spill, into: list[Bucket]) -> pl.DataFrame | None:
    """Cluster all prompts, where that decides anything."""
    if not (run.params.test_fraction or run.params.source.near_duplicates):
        return None
    columns = ["prompt_id", "messages"]
    prompts = pl.concat(
        text_ids(first_prompts(spill.take(bucket, "prompts")).select(columns)) for bucket in into
    )
    return clusters(prompts)


def _close(run: Run, format_: str, met: Counter[str], aside: pl.DataFrame) -> None:
    """Account for rows and judgements, met and kept."""
    ledger = Ledger("load")
    kept = {unit: run.tables.height(f"load/{unit}") for unit in UNITS}
    for unit, kept_rows in {"rows": met["read"], **kept}.items():
        dropped = by_reason(aside.filter(pl.col("unit") == unit))
        ledger.account(unit, came=met[unit], kept=kept_rows, dropped=dropped)
    splits = run.read("load/prompts", columns=["split"])["split"].value_counts().sort("split")
    ledger.note(
        format=format_,
        prompts=dict(splits.iter_rows()),
        responses=run.tables.height("load/responses"),
    )
    run.close(ledger)
