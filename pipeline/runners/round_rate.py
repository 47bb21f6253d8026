"""Rate a round's responses by every rater."""

from rather.run import Run
from rather.runners import rate, rate_by_model
from rather.runners.shared.rounds import round_run


def run(run: Run, name: str) -> None:
    """Rate a round's responses by every rater."""
    own = round_run(run, name)
    for folder in ("rate", "compare", "verdicts"):
        (own.data / folder).mkdir(parents=True, exist_ok=True)
    for rater in run.params.raters:
        rate.run(own, rater)
    for rater in run.params.model_raters:
        rate_by_model.run(own, rater)
