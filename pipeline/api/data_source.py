"""What is read: a path, a name of the hub, or a frame of any of four libraries."""

import os
import re
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import polars as pl

from rather.api.frames import frame_of
from rather.params.params import Params, make_params
from rather.schemas.base import RatherError, UserError
from rather.stages.sources.mapping import check_mapping, read_mapping
from rather.stages.sources.source_files import find

Changes = Mapping[str, Any] | Sequence[str]
Groups = Mapping[str, Any]

FRAME = "the frame"
FRAME_FILE = "frame.parquet"
# What messages about a file advise, and what is of no use for a frame.
INIT = re.compile(rf"let `rather init {FRAME}` guess(?: the columns)?, or ")


class Scratch:
    """A temporary folder that is removed when it is closed, collected or at exit."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="rather-"))
        self._remove = weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)

    def close(self) -> None:
        """Remove the folder."""
        self._remove()

    @property
    def is_open(self) -> bool:
        """Whether the folder is still there."""
        return self._remove.alive


class Owner:
    """An object whose tables lie in a temporary folder of its own."""

    def __init__(self, scratch: Scratch | None) -> None:
        self._scratch = scratch

    def close(self) -> None:
        """Remove the temporary files; done without it when the object is collected."""
        if self._scratch is not None:
            self._scratch.close()

    def _require_open(self) -> None:
        """Raise UserError once the files are gone."""
        if self._scratch is not None and not self._scratch.is_open:
            raise UserError(
                f"{type(self).__name__}: expected an open object, found a closed one; make it again"
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.close()


class Source(Owner):
    """Data to read, its format, and the columns that hold prompts, answers and judgements.

    Attributes:
        path: a file, folder, glob or hub:OWNER/NAME; of a frame its temporary Parquet file.
        format: auto, or a name that `rather sources` lists.
        mapping: the changes to the format's map of columns.
        is_frame: whether the data came from memory.
    """

    def __init__(
        self, path: str, format: str, mapping: Mapping[str, Any], scratch: Scratch | None = None
    ) -> None:
        super().__init__(scratch)
        self.path, self.format, self.mapping = path, format, mapping
        self.is_frame = scratch is not None

    def __repr__(self) -> str:
        return f"Source({FRAME if self.is_frame else self.path!r}, format={self.format!r})"

    @property
    def name(self) -> str:
        """The name that messages use."""
        return FRAME if self.is_frame else self.path

    def params(self, changes: Changes = (), groups: Groups | None = None, **more: Any) -> Params:
        """Return the checked parameters of a run on this source alone.

        Args:
            changes: values by dotted names, or texts such as "winnow.margin.at_least=0.5".
            groups: groups of params.yaml by their names.
            more: options of groups that the groups given by a person may change.

        Raises:
            UserError: A name or value is wrong, or repeats what the source already says.
        """
        self._require_open()
        where = "parameters" if isinstance(changes, Mapping) or groups else "--set"
        values: dict[str, Any] = {"test_fraction": 0, **deepcopy(dict(groups or {}))}
        own: dict[str, Any] = {"path": self.path, "format": self.format}
        if self.mapping:
            own["mapping"] = dict(self.mapping)
        for name, options in ({"source": {}} | more).items():
            group = values.get(name, {})
            if not isinstance(group, Mapping):
                raise UserError(
                    f"{where}: {name}: expected names and values, found {type(group).__name__}"
                )
            values[name] = {**options, **(own if name == "source" else {}), **group}
        params = make_params(values, changes, where)
        self._check(params, where)
        return params

    def _check(self, params: Params, where: str) -> None:
        """Raise UserError for changes of what the arguments already say."""
        if (params.source.path, params.source.format) != (self.path, self.format):
            raise UserError(
                f"{where}: expected no source.path or source.format, which the input, its format "
                "and its mapping say; remove it"
            )
        if params.all_raters:
            raise UserError(f"{where} raters: expected none, as a file has its own; remove it")

    @contextmanager
    def naming(self) -> Iterator[None]:
        """Word errors so that they name the frame and not its temporary file."""
        self._require_open()
        try:
            yield
        except RatherError as error:
            if not self.is_frame:
                raise
            text = str(error).replace(self.path, FRAME).replace(FRAME_FILE, FRAME)
            error.args = (INIT.sub("", text),)
            raise


def read(data: Any, format: str = "auto", mapping: Any = None) -> Source:
    """Return a source to audit, convert or rank.

    Args:
        data: a path (file, folder or glob), "hub:OWNER/NAME", or a frame: polars DataFrame or
            LazyFrame, pandas DataFrame, pyarrow Table or `datasets.Dataset`.
        format: auto (recognised by the columns), or a name that `rather sources` lists.
        mapping: which column holds what: the path of a mapping file, or its fields as a dict.

    Raises:
        UserError: There is no such file, the frame cannot be read, or the mapping is wrong.
    """
    if not isinstance(format, str):
        raise UserError(f"format: expected a format's name, found {type(format).__name__}")
    format, fields = _mapped(format, mapping)
    if format == "demo":
        raise UserError("--from demo: expected auto or a name that `rather sources` lists")
    if isinstance(data, str | os.PathLike):
        path = os.fspath(data)
        find(path)
        return Source(path, format, fields)
    frame = frame_of(data, FRAME)
    scratch = Scratch()
    path = str(scratch.path / FRAME_FILE)
    try:
        _write(frame, path)
    except BaseException:
        scratch.close()
        raise
    return Source(path, format, fields, scratch)


def _write(frame: pl.DataFrame, path: str) -> None:
    """Write a frame where the readers find it; raise UserError that names the column at fault."""
    try:
        frame.write_parquet(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        for name in frame.columns:
            try:
                frame.select(name).write_parquet(path)
            except pl.exceptions.PolarsError as cause:
                raise UserError(
                    f"{FRAME}: expected values that a Parquet file holds, found "
                    f"{frame[name].dtype} in the column {name!r} ({cause}); convert or leave out "
                    "the column"
                ) from None
        raise UserError(f"{FRAME}: expected room for a temporary file, found {error}") from None


def _mapped(format: str, mapping: Any) -> tuple[str, dict[str, Any]]:
    """Return the format and the fields of a mapping, which may name the format that it extends."""
    if mapping is None:
        return format, {}
    if isinstance(mapping, str | os.PathLike):
        where, fields = os.fspath(mapping), read_mapping(Path(mapping))
    else:
        where, fields = "mapping", check_mapping("mapping", mapping)
    extends = fields.pop("extends", format)
    if format not in ("auto", extends):
        raise UserError(
            f"--from {format}: expected the format that {where} extends, {extends}, or none; leave "
            "out one of them"
        )
    return extends, fields


@contextmanager
def opened(data: Any, format: str, mapping: Any) -> Iterator[Source]:
    """Read data unless it is a source already; word errors; close what was made here."""
    if isinstance(data, Source):
        if format != "auto" or mapping is not None:
            raise UserError("format, mapping: expected none beside a Source, which has its own")
        with data.naming():
            yield data
        return
    with read(data, format, mapping) as source, source.naming():
        yield source
