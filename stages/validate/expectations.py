"""Run Great Expectations on narrow tables, and build its Data Docs."""

import gc
import importlib
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

IN_CORPUS = (
    "ExpectTableRowCountToBeBetween",
    "ExpectColumnMeanToBeBetween",
)
Results = Mapping[str, Mapping[str, Any]]


class Expectation(NamedTuple):
    """One sentence that must hold of a table, the check behind it, and how to mend it."""

    sentence: str
    check: str
    arguments: dict[str, Any]
    mend: str

    @property
    def in_corpus(self) -> bool:
        """Whether it is about all rows together: a failure is then one figure, not some rows."""
        return self.check in IN_CORPUS


class Suite(NamedTuple):
    """What is expected of one table.

    view: its rows as ids, numbers and flags: nested columns must not be judged, since uniqueness
          of a list passes on identical rows
    """

    name: str
    view: pl.DataFrame
    expected: Sequence[Expectation]


def judge(suites: Sequence[Suite], folder: Path) -> dict[str, Results]:
    """Judge tables and build the Data Docs; return results by suite and sentence.

    `folder` receives docs/ (index.html) and gx/ (the Great Expectations project), both built anew.
    """
    _load()
    context = _context(folder)
    source = context.data_sources.add_pandas_filesystem("tables", base_directory=folder / "gx")
    results = {suite.name: _judged(suite, source, context, folder) for suite in suites}
    context.build_data_docs()
    return results


def _load() -> None:
    """Import Great Expectations, without a look for garbage among what it brings for good."""
    if "great_expectations" in sys.modules:
        return
    # Read when the package is imported: no usage statistics leave the machine.
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    gc.disable()
    try:
        importlib.import_module("great_expectations")
        gc.freeze()
    finally:
        gc.enable()


def _judged(suite: Suite, source: Any, context: Any, folder: Path) -> Results:
    """Judge one table."""
    import great_expectations as gx

    suite.view.write_parquet(folder / "gx" / f"{suite.name}.parquet")
    asset = source.add_parquet_asset(suite.name, columns=suite.view.columns)
    asked = gx.ExpectationSuite(suite.name, [_asked(each) for each in suite.expected])
    batch = asset.add_batch_definition_path(suite.name, path=f"{suite.name}.parquet")
    definition = gx.ValidationDefinition(
        name=suite.name, data=batch, suite=context.suites.add(asked)
    )
    judged = context.validation_definitions.add(definition).run(result_format="SUMMARY")
    found = judged.to_json_dict()["results"]
    return {result["expectation_config"]["description"]: result for result in found}


def _asked(expected: Expectation) -> Any:
    """Return an expectation as an object of Great Expectations."""
    import great_expectations as gx

    kind = getattr(gx.expectations, expected.check)
    return kind(**expected.arguments, description=expected.sentence)


def verdict(expected: Expectation, result: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return one judgement: observed is the corpus figure, or the number of rows that fail."""
    found = result["result"] if result else {}
    observed = found.get("observed_value", found.get("unexpected_count"))
    return {
        "name": expected.sentence,
        "check": expected.check,
        "column": expected.arguments.get("column"),
        "in_corpus": expected.in_corpus,
        "success": result["success"] if result else None,
        # A mean arrives as numpy's own float, which YAML does not know.
        "observed": float(observed) if isinstance(observed, float) else observed,
    }


def failure(expected: Expectation, observed: float | None, num_rows: int) -> str:
    """Return a sentence: expected, found, fix."""
    if observed is None:
        found = "could not be judged, see the Data Docs"
    elif expected.in_corpus:
        found = f"found {observed:.4g}" if isinstance(observed, float) else f"found {observed:,}"
    else:
        found = f"{observed:,} of {num_rows:,} fail"
    return f"{expected.sentence}: {found}; {expected.mend}"


def _context(folder: Path) -> Any:
    """Open a new Great Expectations project in folder/gx whose Data Docs go to folder/docs.

    `folder` is used as given: a relative one keeps the machine's paths out of the docs.
    """
    import great_expectations as gx
    from great_expectations.data_context.store.store import DataDocsSiteConfigTypedDict
    from great_expectations.data_context.types.base import ProgressBarsConfig

    for built in (folder / "gx", folder / "docs"):
        shutil.rmtree(built, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    context = gx.get_context(mode="file", project_root_dir=folder)
    # Empty, and read again at each of several hundred steps.
    (folder / "gx" / "uncommitted" / "config_variables.yml").unlink(missing_ok=True)
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    store = {"class_name": "TupleFilesystemStoreBackend", "base_directory": "../docs/"}
    site: DataDocsSiteConfigTypedDict = {
        "class_name": "SiteBuilder",
        "store_backend": store,
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    context.update_data_docs_site("local_site", site)
    return context
