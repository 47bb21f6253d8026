"""Every stage of dvc.yaml by name."""

from collections.abc import Iterable
from pathlib import Path

from rather.auditing.report_pages import run_conclude, run_describe, run_report
from rather.params.params import read_params
from rather.run import Run
from rather.runners.asking import ASKING, ASKING_EACH
from rather.runners.curation import CURATION
from rather.runners.evaluate import run_evaluate
from rather.runners.modelling import MODELLING, MODELLING_EACH
from rather.runners.rounds import ROUNDS
from rather.schemas.base import UserError

PRESENTING = {"report": run_report, "describe": run_describe, "conclude": run_conclude}
STAGES = CURATION | MODELLING | ASKING | PRESENTING | {"evaluate": run_evaluate}
EACH = MODELLING_EACH | ASKING_EACH | ROUNDS


def run_stage(root: Path, stage: str, name: str | None) -> None:
    """Run one stage under a root folder; raise UserError where there is no such stage or member."""
    if stage not in STAGES and stage not in EACH:
        known = ", ".join(sorted([*STAGES, *EACH]))
        raise UserError(f"{stage}: no such stage; expected one of {known}")
    params = read_params(root / "params.yaml")
    run = Run(root, params)
    if stage in STAGES:
        if name is not None:
            raise UserError(f"{stage}: expected no name after it, found {name!r}")
        STAGES[stage](run)
        return
    groups: dict[str, Iterable[str]] = {
        "models": params.models,
        "generate": params.generators,
        "rate": params.raters,
        "rate_by_model": params.model_raters,
        **dict.fromkeys(ROUNDS, params.rounds),
    }
    expected: list[str] = [*groups.get(stage, params.train)]
    if name is None or name not in expected:
        raise UserError(
            f"{stage}: expected the name of one of {', '.join(expected)} after it, found {name!r}; "
            "the names are those in params.yaml"
        )
    EACH[stage](run, name)
