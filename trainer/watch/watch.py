"""Watches a run's records, and says once of each kind what is going wrong while it happens."""

import logging
from collections.abc import Iterable, Mapping

from rather.trainer.compute import ranks
from rather.trainer.config import TrainConfig
from rather.trainer.losses import Loss
from rather.trainer.watch.findings import Finding, Past
from rather.trainer.watch.symptoms import BEFORE, DURING

logger = logging.getLogger(__name__)


class Watch:
    """What was found in a run so far; `findings` holds each kind once, in the order seen.

    What is new is logged, by the first of all processes, and returned.

    num_rows: rows of the training split, after the token ledger dropped its own.
    """

    def __init__(self, config: TrainConfig, loss: Loss, num_rows: int) -> None:
        self._past = Past(config, loss, num_rows)
        self.findings: list[Finding] = []

    def begin(self) -> list[Finding]:
        """Judge settings and data before the first step; return what is new."""
        return self._keep(symptom(self._past) for symptom in BEFORE)

    def see(self, record: Mapping[str, float]) -> list[Finding]:
        """Take in a record of the history (step, epoch, loss, metrics); return what is new."""
        self._past.add(record)
        return self._keep(symptom(self._past) for symptom in DURING)

    def catch_up(self, records: Iterable[Mapping[str, float]]) -> None:
        """Take in the records of before an interruption."""
        self.begin()
        for record in records:
            self.see(record)

    def _keep(self, found: Iterable[Finding | None]) -> list[Finding]:
        known = {finding.name for finding in self.findings}
        new = [each for each in found if each is not None and each.name not in known]
        self.findings += new
        for finding in new if ranks.rank() == 0 else ():
            logger.warning("%s", finding)
        return new
