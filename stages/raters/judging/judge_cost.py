"""An upper bound of a judge's cost, printed before anything is asked.   questions -> Bill"""

import json
from collections.abc import Iterable
from dataclasses import dataclass

from rich.console import Console

from rather.schemas.base import Message, UserError
from rather.stages.raters.judging.judge_options import Options
from rather.stages.raters.judging.wording import schema

AROUND = 64  # tokens that a chat template and a schema's envelope may add to a request
MILLION = 1_000_000


@dataclass(frozen=True)
class Bill:
    """Requests, and the tokens that they read and write at the most.

    A tokenizer makes at most one token of a byte, and usually one of three or four.
    cost: by the price that was given, None without one; what is sent again after a server's
        failure is not in it
    """

    num_requests: int
    num_read: int
    num_written: int
    cost: float | None

    def __str__(self) -> str:
        cost = "no `price` is given" if self.cost is None else f"{self.cost:,.2f} by `price`"
        return (
            f"{self.num_requests:,} requests, at most {self.num_read:,} tokens in and "
            f"{self.num_written:,} out: {cost}"
        )


def bill(questions: Iterable[list[Message]], options: Options) -> Bill:
    """Return an upper bound of the questions' cost."""
    around = AROUND + len(json.dumps(schema(options)).encode())
    sizes = [
        around + sum(len(turn["content"].encode("utf-8", "surrogatepass")) for turn in question)
        for question in questions
    ]
    num_read, num_written = sum(sizes), len(sizes) * options.max_tokens
    price = options.price
    if price is None:
        return Bill(len(sizes), num_read, num_written, None)
    cost = (num_read * price.input + num_written * price.output) / MILLION
    return Bill(len(sizes), num_read, num_written, cost)


def announce(rater: str, where: str, total: Bill, options: Options) -> None:
    """Print the cost to come; raise UserError if it is above a cap, before anything is asked."""
    console = Console(stderr=True)
    console.print(f"{rater}: {where}: {total}", markup=False, highlight=False, soft_wrap=True)
    most, cost = options.max_requests, options.max_cost
    if most is not None and total.num_requests > most:
        raise UserError(
            f"model_raters.{rater}.max_requests: expected at most {most:,} requests, found "
            f"{total.num_requests:,} to ask; nothing was asked: {FIX}"
        )
    if cost is not None and total.cost is not None and total.cost > cost:
        raise UserError(
            f"model_raters.{rater}.max_cost: expected at most {cost:,.2f}, found {total}; "
            f"nothing was asked: {FIX}"
        )


FIX = "raise the cap, or lower votes, max_pairs, max_tokens or the number of answers"
