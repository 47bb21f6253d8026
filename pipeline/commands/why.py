"""`rather why`: the whole story of one prompt, response or pair, told from a run's tables."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import polars as pl

from rather.commands.lookup import Row, are, begins, is_one_of, row_of, rows_of
from rather.params.params import read_params
from rather.run import Run
from rather.runners.shared.rounds import round_run
from rather.schemas.base import UserError
from rather.stages.common.ids import NUM_DIGITS

PREFIX = re.compile(rf"[0-9a-f]{{1,{NUM_DIGITS}}}")
SHOWN = 160  # characters of a text
MOST = 12  # ratings of a response, turns of a prompt, pairs of a prompt
INDENT = "  "
SELECTION = {"winnow": "winnow/clear", "choose": "choose/chosen"}
EVIDENCE = ("margin", "p_correct", "agreement", "num_raters", "similarity", "length_gap")
FLAGS = ("contradicted", "back_arc", "contamination", "duplicate_of")


def show_story(root: Path, name: str) -> None:
    """Print the story of a row of the run under a root folder."""
    for line in story(Run(root, read_params(root / "params.yaml")), name):
        print(line)


def story(run: Run, name: str) -> list[str]:
    """Print the history of the row with an id, or with the unique beginning of one.

    What several rounds made is told of each. Raises UserError where there is none, or more than
    one.
    """
    tell: dict[str, Callable[[Run, Row], Iterator[str]]] = {
        "pair_id": _of_pair,
        "prompt_id": _of_prompt,
        "response_id": _of_response,
    }
    told = []
    for of, column, row in _find(run, name):
        told += [] if of.round is None else [f"round {of.round}"]
        told += tell[column](of, row)
    return told


def _find(run: Run, name: str) -> list[tuple[Run, str, Row]]:
    """Find which id a name begins, and the row of it in each round that has it.

    What is too long for an id is its number, as tables between the stages hold it.
    """
    digits = name.strip().lower()
    if digits.isdecimal() and len(digits) > NUM_DIGITS:
        digits = f"{int(digits):0{NUM_DIGITS}x}"
    if PREFIX.fullmatch(digits):
        found = [
            (of, column, row)
            for of in (run, *(round_run(run, each) for each in run.params.rounds))
            for column, tables in _ids(of).items()
            for row in rows_of(of, tables, begins(column, digits))
            .unique(column, keep="first", maintain_order=True)
            .head(MOST)
            .to_dicts()
        ]
        names = [*dict.fromkeys(f"{column} {row[column]}" for _, column, row in found)]
        if len(names) == 1:
            return found
        if found:
            raise UserError(
                f"why {name}: expected the beginning of one id, found that of several: "
                f"{', '.join(names[:3])}; "
                "give more of its digits"
            )
    raise UserError(
        f"why {name}: expected a pair_id, prompt_id or response_id of this run, 16 hex digits such "
        f"as 0123456789abcdef or the first few of them, found none in {run.data}; training sets "
        "and tables of dropped rows have them"
    )


def _ids(run: Run) -> dict[str, tuple[str, ...]]:
    """Return the kinds of ids, and the tables that hold them."""
    own = run.tables.path("load/prompts").is_relative_to(run.data)
    asked = {"prompt_id": ("load/prompts",)} if own else {}
    return {"pair_id": ("pair/pairs",), **asked, "response_id": _answered(run)}


def _answered(run: Run) -> tuple[str, ...]:
    """Return the tables of responses."""
    return "load/responses", *(f"generate/{name}" for name in run.params.generators)


def _of_prompt(run: Run, prompt: Row) -> Iterator[str]:
    """Yield the lines on a prompt, its answers and its pairs."""
    here = is_one_of("prompt_id", prompt["prompt_id"])
    yield from _prompt(prompt)
    for response in rows_of(run, _answered(run), here).to_dicts():
        yield from _response(run, response, "answer")
    pairs = rows_of(run, ["pair/pairs"], here).to_dicts()
    for pair in pairs[:MOST]:
        yield f"pair {pair['pair_id']}: {pair['chosen_id']} rather than {pair['rejected_id']}"
        yield from _fate(run, pair)
    if len(pairs) > MOST:
        yield f"and {len(pairs) - MOST:,} pairs more"
    if lost := row_of(run, "pair/dropped", prompt_id=prompt["prompt_id"]):
        yield f"pair: no pair, {lost['reason']}"


def _of_response(run: Run, response: Row) -> Iterator[str]:
    """Yield the lines on an answer, its comparisons, its pairs and its label."""
    name = response["response_id"]
    yield from _prompt_of(run, response)
    yield from _response(run, response, "answer")
    yield from _comparisons(run, is_one_of("first_id", name) | is_one_of("second_id", name))
    of_it = is_one_of("chosen_id", name) | is_one_of("rejected_id", name)
    here = is_one_of("prompt_id", response["prompt_id"])
    pairs = rows_of(run, ["pair/pairs"], here & of_it).to_dicts()
    for pair in pairs[:MOST]:
        side = "chosen" if pair["chosen_id"] == name else "rejected"
        yield f"pair {pair['pair_id']}: {side}"
        yield from _fate(run, pair)
    if len(pairs) > MOST:
        yield f"and {len(pairs) - MOST:,} pairs more"
    yield _label(run, response)


def _of_pair(run: Run, pair: Row) -> Iterator[str]:
    """Yield the lines on a pair: prompt, answers, judgements and outcome."""
    yield f"pair {pair['pair_id']}"
    yield from _prompt_of(run, pair)
    sides = {side: pair[f"{side}_id"] for side in ("chosen", "rejected")}
    for side, name in sides.items():
        found = rows_of(run, _answered(run), are(prompt_id=pair["prompt_id"], response_id=name))
        for response in found.to_dicts()[:1]:
            yield from _response(run, response, side)
    either = tuple(sides.values())
    yield from _comparisons(run, is_one_of("first_id", *either) & is_one_of("second_id", *either))
    yield from _fate(run, pair)


def _prompt_of(run: Run, row: Row) -> Iterator[str]:
    """Yield the lines on a row's prompt."""
    prompt = row_of(run, "load/prompts", prompt_id=row["prompt_id"])
    return _prompt(prompt) if prompt else iter([f"prompt {row['prompt_id']}"])


def _prompt(prompt: Row) -> Iterator[str]:
    """Yield the lines on a prompt's source, split and last turns."""
    yield f"prompt {prompt['prompt_id']}: {_where(prompt)}, split {prompt['split']}"
    turns = prompt["messages"]
    if len(turns) > MOST:
        yield f"{INDENT}({len(turns) - MOST:,} turns before)"
    for turn in turns[-MOST:]:
        yield f"{INDENT}{turn['role']}: {_short(turn['content'])}"


def _response(run: Run, response: Row, what: str) -> Iterator[str]:
    """Yield the lines on an answer: text, generator and ratings."""
    name = response["response_id"]
    yield f"{what} {name}: by {response['generator']}, {_where(response)}"
    if name is None:
        yield f"{INDENT}no text: {response['reason']}"
        return
    yield f"{INDENT}{_short(response['text'])}"
    tables = "load/ratings", *_by_raters(run, "rate")
    ids = {"prompt_id": response["prompt_id"], "response_id": name}
    ratings = rows_of(run, tables, are(**ids)).to_dicts()
    yield from (f"{INDENT}{_rating(rating)}" for rating in ratings[:MOST])
    if len(ratings) > MOST:
        yield f"{INDENT}and {len(ratings) - MOST:,} ratings more"
    alone = are(prompt_id=response["prompt_id"], first_id=name) & pl.col("second_id").is_null()
    yield from (f"{INDENT}{line}" for line in _verdicts(run, alone))
    if score := row_of(run, "calibrate/scores", **ids):
        yield f"{INDENT}calibrated score {score['score']:.3f}, from {score['num_raters']} raters"


def _rating(rating: Row) -> str:
    """Return the line on one rating and its source."""
    given = rating["reason"] if rating["score"] is None else f"{rating['score']:g}"
    return f"rated {given} by {rating['rater']} ({rating['aspect']}), {_where(rating)}"


def _comparisons(run: Run, where: pl.Expr) -> Iterator[str]:
    """Yield the lines on comparisons that fulfil a condition."""
    found = rows_of(run, ["load/comparisons", *_by_raters(run, "compare")], where).to_dicts()
    for row in found[:MOST]:
        said = row["reason"] if row["preference"] is None else f"preference {row['preference']:g}"
        names = f"{row['first_id']} with {row['second_id']}"
        yield f"compared {names} by {row['rater']} ({row['aspect']}): {said}, {_where(row)}"
    if len(found) > MOST:
        yield f"and {len(found) - MOST:,} comparisons more"
    yield from _verdicts(run, where)


def _verdicts(run: Run, where: pl.Expr) -> Iterator[str]:
    """Yield the judge's replies that fulfil a condition."""
    for rater in run.params.model_raters:
        for row in rows_of(run, [f"verdicts/{rater}"], where).head(MOST).to_dicts():
            beside = f", then {row['second_id']}" if row["second_id"] else ""
            said = row["reason"] if row["text"] is None else _short(row["text"])
            yield f"{rater} was shown {row['first_id']}{beside}, and said: {said}"


def _by_raters(run: Run, stage: str) -> list[str]:
    """Return the tables that raters wrote in a stage."""
    return [f"{stage}/{rater}" for rater in run.params.all_raters]


def _fate(run: Run, pair: Row) -> Iterator[str]:
    """Yield the lines on a pair's evidence, failed rules, choice and training set."""
    evidence = [f"{name} {pair[name]:.4g}" for name in EVIDENCE if pair[name] is not None]
    evidence += [f"{name} {pair[name]}" for name in FLAGS if pair[name]]
    yield f"{INDENT}evidence: {', '.join(evidence)}"
    ids = {"prompt_id": pair["prompt_id"], "pair_id": pair["pair_id"]}
    for stage, kept in SELECTION.items():
        if dropped := row_of(run, f"{stage}/dropped", **ids):
            failed = ", ".join(dropped["failed"])
            yield f"{INDENT}{stage}: dropped, {dropped['reason']} (failed: {failed})"
            return
        if row_of(run, kept, **ids) is None:
            yield f"{INDENT}{stage}: has not run on it"
            return
        yield f"{INDENT}{stage}: kept"
    written = [s for s in ("train", "test") if row_of(run, f"convert/dpo/{s}", **ids)]
    yield f"{INDENT}convert: " + (f"in convert/dpo/{written[0]}" if written else "not in dpo")


def _label(run: Run, response: Row) -> str:
    """Yield the lines on an answer's label, or why it has none."""
    ids = {name: response[name] for name in ("prompt_id", "response_id")}
    for split in ("train", "test"):
        if row := row_of(run, f"convert/kto/{split}", **ids):
            side = "desirable" if row["label"] else "undesirable"
            return f"convert: {side}, weight {row['weight']:.4g}, in convert/kto/{split}"
    if dropped := row_of(run, "convert/dropped", **ids):
        return f"convert: no label, {dropped['reason']}"
    return "convert: not in kto"


def _where(row: Row) -> str:
    """Return a row's place in the source, or the stage that made it."""
    if row["source_line"] is None:
        return "made by this run"
    return f"{row['source'] or 'source'} line {row['source_line']:,}"


def _short(text: str) -> str:
    """Show the beginning of a text on one line, what cannot be printed escaped."""
    more = f" ({len(text):,} characters)" if len(text) > SHOWN else ""
    return f"{text[:SHOWN]!r}{more}"
