"""The stages of dvc.yaml by name: each is a file of runners/ with a function `run`."""

from collections.abc import Callable, Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from rather.params.params import Params, read_params
from rather.run import Run
from rather.schemas.base import UserError
from rather.stages.common.spelling import did_you_mean

# Stages that run once for each entry of a group of params.yaml; all others run once.
GROUPS = {
    "models": "models",
    "generate": "generators",
    "rate": "raters",
    "rate_by_model": "model_raters",
    "reference": "train",
    "train": "train",
}


@cache
def stages() -> tuple[str, ...]:
    """Return the names of all stages, sorted."""
    runners = Path(str(import_module("rather.runners").__file__)).parent
    return tuple(sorted(path.stem for path in runners.glob("*.py") if path.stem != "__init__"))


def runner(stage: str) -> Callable[..., None]:
    """Return the function that runs a stage: of a run, and of a member's name where it has them."""
    run: Callable[..., None] = import_module(f"rather.runners.{stage}").run
    return run


def run_stage(root: Path, stage: str, name: str | None) -> None:
    """Run one stage under a root folder.

    Raises:
        UserError: There is no such stage or member.
    """
    if stage not in stages():
        raise UserError(
            f"{stage}: no such stage{did_you_mean(stage, stages())}; expected one of "
            f"{', '.join(stages())}"
        )
    params = read_params(root / "params.yaml")
    run = Run(root, params)
    members = _members(stage, params)
    if members is None:
        if name is not None:
            raise UserError(f"{stage}: expected no name after it, found {name!r}")
        runner(stage)(run)
        return
    expected = [*members]
    if name is None or name not in expected:
        raise UserError(
            f"{stage}: expected the name of one of {', '.join(expected)} after it, found {name!r}; "
            "the names are those in params.yaml"
        )
    runner(stage)(run, name)


def _members(stage: str, params: Params) -> Iterable[str] | None:
    """Return the names a stage runs for, None for a stage that runs once."""
    group = "rounds" if stage.startswith("round_") else GROUPS.get(stage)
    members: dict[str, Any] | None = None if group is None else getattr(params, group)
    return members
