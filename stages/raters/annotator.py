"""A simulated annotator with known faults, for the demo, whose right answers are known."""

from random import Random

import polars as pl
from pydantic import Field

from rather.stages.raters.rating import ProgramOptions, ratings, to_rate
from rather.stages.sources import demo

LOWEST, HIGHEST = 1.0, 5.0


class Options(ProgramOptions):
    """The annotator's faults.

    reliability:       share of answers judged by their quality; the others get a random score
    length_preference: points for every 10 characters beyond the right answer's length
    missing:           share of answers skipped
    """

    reliability: float = Field(default=1.0, ge=0, le=1)
    length_preference: float = Field(default=0.0, ge=-10, le=10)
    missing: float = Field(default=0.0, ge=0, le=1)


def rate(
    rater: str, prompts: pl.DataFrame, responses: pl.DataFrame, options: Options, seed: int
) -> pl.DataFrame:
    """Score responses from 1 to 5 in whole points, by their likeness to the right answer.

    A score depends on seed, rater and response alone: more responses change no earlier score.
    A skipped response has a null score and the reason `skipped`; a response to a prompt that is
    no task of the demo has the reason `not_a_demo_task`.
    """
    listed = to_rate(prompts, responses)
    scores = [
        _judge(messages[-1]["content"], text, options, Random(f"{seed} {rater} {response_id}"))
        for response_id, text, messages in listed.select("response_id", "text", "messages").rows()
    ]
    columns = pl.DataFrame(scores, schema={"score": pl.Float64, "reason": pl.String}, orient="row")
    return ratings(rater, listed.hstack(columns))


def _judge(
    prompt: str, response: str, options: Options, random: Random
) -> tuple[float | None, str | None]:
    """Return one response's score, or null and the reason."""
    skips, attentive = random.random() < options.missing, random.random() < options.reliability
    guess = float(random.randint(int(LOWEST), int(HIGHEST)))
    gold = demo.solve(prompt)
    if gold is None:
        return None, "not_a_demo_task"
    if skips:
        return None, "skipped"
    return (_opinion(gold, response, options) if attentive else guess), None


def _opinion(gold: str, response: str, options: Options) -> float:
    """Return whole points for quality and length."""
    extra = len(response) - len(gold)
    points = LOWEST + (HIGHEST - LOWEST) * demo.quality(gold, response)
    points += options.length_preference * extra / 10
    return float(round(min(max(points, LOWEST), HIGHEST)))
