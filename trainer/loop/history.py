"""The records of a training, kept in memory and, as they come, in a file to look at."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from rather.trainer.errors import TrainerError

Record = dict[str, float]


class History:
    """Records by step; where a path is given also one JSON line each, written at once.

    What the clock says stands in the file alone, so that equal trainings have equal records.
    """

    def __init__(self, path: Path | None) -> None:
        self.records: list[Record] = []
        self._path = path

    def start(self, records: Sequence[Record]) -> None:
        """Begin with what an earlier process recorded; what it wrote after that is forgotten."""
        self.records = list(records)
        if self._path is not None:
            self._write("w", self.records)

    def add(self, record: Record, pace: Mapping[str, float | None]) -> None:
        """Add a record, and to the file what the clock says with it."""
        self.records.append(record)
        if self._path is not None:
            self._write("a", [{**record, **pace}])

    def _write(self, mode: str, records: Sequence[Mapping[str, float | None]]) -> None:
        assert self._path is not None
        lines = "".join(json.dumps(record) + "\n" for record in records)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open(mode, encoding="utf-8") as file:
                file.write(lines)
        except OSError as error:
            raise TrainerError(
                f"{self._path}: expected to write the history, found: {error}; "
                "make room on the disk, or give another file"
            ) from error

    def last(self) -> Record:
        """Return the last record of a training step."""
        return next(record for record in reversed(self.records) if "loss" in record)
