"""Rate the generated responses by one rater that is a program."""

from rather.params.params import rater_options
from rather.params.rater_kinds import rate_function
from rather.run import Run
from rather.runners.shared.rated import publish
from rather.stages.raters.rating import Rated


def run(run: Run, name: str) -> None:
    """Rate the generated responses by one program."""
    kind, options = rater_options(run.params, name)
    rate = rate_function(kind)
    prompts, responses = run.read("load/prompts"), run.generated()
    ratings = rate(name, prompts, responses, options, run.params.seed)
    publish(run, name, responses, Rated(ratings))
