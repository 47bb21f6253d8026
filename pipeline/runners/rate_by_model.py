"""Rate the generated responses by one rater that is, or asks, a model."""

from collections.abc import Callable

from rather.params.params import rater_options
from rather.params.rater_kinds import rate_function
from rather.run import Run
from rather.runners.shared.rated import models_of, publish
from rather.stages.raters.rating import Rated


def run(run: Run, name: str) -> None:
    """Rate the generated responses by one model."""
    kind, options = rater_options(run.params, name)
    rate: Callable[..., Rated] = rate_function(kind)
    prompts, responses = run.read("load/prompts"), run.generated()
    rated = rate(name, prompts, responses, options, run.params.seed, models_of(run, name))
    run.write(f"verdicts/{name}", rated.verdicts)
    publish(run, name, responses, rated)
