"""`rather why`: the whole story of one prompt, response or pair, told from a run's tables."""

import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import polars as pl

from pipeline.contracts import ids_in, is_read, mend, schema_of
from pipeline.params import read_params
from pipeline.rounds import round_run
from pipeline.run import Run
from schemas.errors import UserError
from stages.ids import NUM_DIGITS, spelt

Row = dict[str, Any]

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
    """Tell what became of the row that an id, or the unique beginning of one, names.

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
    begins = name.strip().lower()
    if begins.isdecimal() and len(begins) > NUM_DIGITS:
        begins = f"{int(begins):0{NUM_DIGITS}x}"
    if PREFIX.fullmatch(begins):
        found = [
            (of, column, row)
            for of in (run, *(round_run(run, each) for each in run.params.rounds))
            for column, tables in _ids(of).items()
            for row in _rows(of, tables, _begins(column, begins))
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
    """Say which ids a person may name, and the tables whose rows have them."""
    own = run.tables.path("load/prompts").is_relative_to(run.data)
    asked = {"prompt_id": ("load/prompts",)} if own else {}
    return {"pair_id": ("pair/pairs",), **asked, "response_id": _answered(run)}


def _answered(run: Run) -> tuple[str, ...]:
    """Name the tables of responses."""
    return "load/responses", *(f"generate/{name}" for name in run.params.generators)


def _rows(run: Run, tables: Iterable[str], where: pl.Expr) -> pl.DataFrame:
    """Give the rows of tables of one kind that fulfil a condition; a table not written has none."""
    names = list(tables)
    empty = schema_of(names[0]).create_empty()
    found = [_found(run, name, where, empty.columns) for name in names]
    return pl.concat([empty, *(rows for rows in found if rows is not None)])


def _found(run: Run, table: str, where: pl.Expr, columns: list[str]) -> pl.DataFrame | None:
    """Read the rows of one table that fulfil a condition, None where it is not there."""
    path = run.tables.path(table)
    if not path.is_file():
        return None
    try:
        rows = pl.scan_parquet(path).filter(where).select(columns).collect()
    except pl.exceptions.PolarsError as error:
        found = str(error).splitlines()[0]
        raise UserError(
            f"{path}: expected the table {table}, found {found}; {mend(table)}"
        ) from None
    return spelt(rows, ids_in(table))


def _one(run: Run, table: str, **ids: str) -> Row | None:
    """Give the one row of a table with these ids, or None."""
    texts = pl.all_horizontal(pl.col(name) == value for name, value in ids.items())
    found = _rows(run, [table], texts if is_read(table) else _are(**ids))
    return found.row(0, named=True) if found.height else None


def _are(**ids: str) -> pl.Expr:
    """Say which rows have these ids; with prompt_id, by which tables are sorted, it is quick."""
    return pl.all_horizontal(_is(name, value) for name, value in ids.items())


def _is(column: str, *ids: str) -> pl.Expr:
    """Say where a column of numbers is one of these ids."""
    return pl.any_horizontal(pl.col(column) == _number(value) for value in ids)


def _begins(column: str, digits: str) -> pl.Expr:
    """Say where a column of numbers is an id that begins with these digits."""
    least, most = (_number(digits.ljust(NUM_DIGITS, end)) for end in ("0", "f"))
    return pl.col(column).is_between(least, most)


def _number(digits: str) -> pl.Expr:
    """Read an id."""
    return pl.lit(int(digits, 16), pl.UInt64)


def _of_prompt(run: Run, prompt: Row) -> Iterator[str]:
    """Tell of a prompt, its answers and its pairs."""
    here = _is("prompt_id", prompt["prompt_id"])
    yield from _prompt(prompt)
    for response in _rows(run, _answered(run), here).to_dicts():
        yield from _response(run, response, "answer")
    pairs = _rows(run, ["pair/pairs"], here).to_dicts()
    for pair in pairs[:MOST]:
        yield f"pair {pair['pair_id']}: {pair['chosen_id']} rather than {pair['rejected_id']}"
        yield from _fate(run, pair)
    if len(pairs) > MOST:
        yield f"and {len(pairs) - MOST:,} pairs more"
    if lost := _one(run, "pair/dropped", prompt_id=prompt["prompt_id"]):
        yield f"pair: no pair, {lost['reason']}"


def _of_response(run: Run, response: Row) -> Iterator[str]:
    """Tell of an answer, its comparisons, its pairs and its label."""
    name = response["response_id"]
    yield from _prompt_of(run, response)
    yield from _response(run, response, "answer")
    yield from _comparisons(run, _is("first_id", name) | _is("second_id", name))
    of_it = _is("chosen_id", name) | _is("rejected_id", name)
    here = _is("prompt_id", response["prompt_id"])
    pairs = _rows(run, ["pair/pairs"], here & of_it).to_dicts()
    for pair in pairs[:MOST]:
        side = "chosen" if pair["chosen_id"] == name else "rejected"
        yield f"pair {pair['pair_id']}: {side}"
        yield from _fate(run, pair)
    if len(pairs) > MOST:
        yield f"and {len(pairs) - MOST:,} pairs more"
    yield _label(run, response)


def _of_pair(run: Run, pair: Row) -> Iterator[str]:
    """Tell of a pair: what was asked, answered and judged, and its fate."""
    yield f"pair {pair['pair_id']}"
    yield from _prompt_of(run, pair)
    sides = {side: pair[f"{side}_id"] for side in ("chosen", "rejected")}
    for side, name in sides.items():
        found = _rows(run, _answered(run), _are(prompt_id=pair["prompt_id"], response_id=name))
        for response in found.to_dicts()[:1]:
            yield from _response(run, response, side)
    either = tuple(sides.values())
    yield from _comparisons(run, _is("first_id", *either) & _is("second_id", *either))
    yield from _fate(run, pair)


def _prompt_of(run: Run, row: Row) -> Iterator[str]:
    """Tell of a row's prompt."""
    prompt = _one(run, "load/prompts", prompt_id=row["prompt_id"])
    return _prompt(prompt) if prompt else iter([f"prompt {row['prompt_id']}"])


def _prompt(prompt: Row) -> Iterator[str]:
    """Tell where a prompt stood, its split and its turns, the last of them where there are many."""
    yield f"prompt {prompt['prompt_id']}: {_where(prompt)}, split {prompt['split']}"
    turns = prompt["messages"]
    if len(turns) > MOST:
        yield f"{INDENT}({len(turns) - MOST:,} turns before)"
    for turn in turns[-MOST:]:
        yield f"{INDENT}{turn['role']}: {_short(turn['content'])}"


def _response(run: Run, response: Row, what: str) -> Iterator[str]:
    """Tell what was answered, by whom, and how it was rated."""
    name = response["response_id"]
    yield f"{what} {name}: by {response['generator']}, {_where(response)}"
    if name is None:
        yield f"{INDENT}no text: {response['reason']}"
        return
    yield f"{INDENT}{_short(response['text'])}"
    tables = "load/ratings", *_by_raters(run, "rate")
    ratings = _rows(run, tables, _are(prompt_id=response["prompt_id"], response_id=name)).to_dicts()
    yield from (f"{INDENT}{_rating(rating)}" for rating in ratings[:MOST])
    if len(ratings) > MOST:
        yield f"{INDENT}and {len(ratings) - MOST:,} ratings more"
    alone = _are(prompt_id=response["prompt_id"], first_id=name) & pl.col("second_id").is_null()
    yield from (f"{INDENT}{line}" for line in _verdicts(run, alone))
    ids = {"prompt_id": response["prompt_id"], "response_id": name}
    if score := _one(run, "calibrate/scores", **ids):
        yield f"{INDENT}calibrated score {score['score']:.3f}, from {score['num_raters']} raters"


def _rating(rating: Row) -> str:
    """Tell one rating, and where it stood."""
    given = rating["reason"] if rating["score"] is None else f"{rating['score']:g}"
    return f"rated {given} by {rating['rater']} ({rating['aspect']}), {_where(rating)}"


def _comparisons(run: Run, where: pl.Expr) -> Iterator[str]:
    """Tell the comparisons that fulfil a condition."""
    found = _rows(run, ["load/comparisons", *_by_raters(run, "compare")], where).to_dicts()
    for row in found[:MOST]:
        said = row["reason"] if row["preference"] is None else f"preference {row['preference']:g}"
        names = f"{row['first_id']} with {row['second_id']}"
        yield f"compared {names} by {row['rater']} ({row['aspect']}): {said}, {_where(row)}"
    if len(found) > MOST:
        yield f"and {len(found) - MOST:,} comparisons more"
    yield from _verdicts(run, where)


def _verdicts(run: Run, where: pl.Expr) -> Iterator[str]:
    """Tell in a judge's own words the verdicts that fulfil a condition."""
    for rater in run.params.model_raters:
        for row in _rows(run, [f"verdicts/{rater}"], where).head(MOST).to_dicts():
            beside = f", then {row['second_id']}" if row["second_id"] else ""
            said = row["reason"] if row["text"] is None else _short(row["text"])
            yield f"{rater} was shown {row['first_id']}{beside}, and said: {said}"


def _by_raters(run: Run, stage: str) -> list[str]:
    """Name the tables that raters made in a stage."""
    return [f"{stage}/{rater}" for rater in run.params.all_raters]


def _fate(run: Run, pair: Row) -> Iterator[str]:
    """Tell a pair's evidence, the rules it failed, whether it was chosen, and where it went."""
    evidence = [f"{name} {pair[name]:.4g}" for name in EVIDENCE if pair[name] is not None]
    evidence += [f"{name} {pair[name]}" for name in FLAGS if pair[name]]
    yield f"{INDENT}evidence: {', '.join(evidence)}"
    ids = {"prompt_id": pair["prompt_id"], "pair_id": pair["pair_id"]}
    for stage, kept in SELECTION.items():
        if dropped := _one(run, f"{stage}/dropped", **ids):
            failed = ", ".join(dropped["failed"])
            yield f"{INDENT}{stage}: dropped, {dropped['reason']} (failed: {failed})"
            return
        if _one(run, kept, **ids) is None:
            yield f"{INDENT}{stage}: has not run on it"
            return
        yield f"{INDENT}{stage}: kept"
    written = [s for s in ("train", "test") if _one(run, f"convert/dpo/{s}", **ids)]
    yield f"{INDENT}convert: " + (f"in convert/dpo/{written[0]}" if written else "not in dpo")


def _label(run: Run, response: Row) -> str:
    """Tell which label an answer got, or why none."""
    ids = {name: response[name] for name in ("prompt_id", "response_id")}
    for split in ("train", "test"):
        if row := _one(run, f"convert/kto/{split}", **ids):
            side = "desirable" if row["label"] else "undesirable"
            return f"convert: {side}, weight {row['weight']:.4g}, in convert/kto/{split}"
    if dropped := _one(run, "convert/dropped", **ids):
        return f"convert: no label, {dropped['reason']}"
    return "convert: not in kto"


def _where(row: Row) -> str:
    """Say where in the source a row stood, or that a stage made it."""
    if row["source_line"] is None:
        return "made by this run"
    return f"{row['source'] or 'source'} line {row['source_line']:,}"


def _short(text: str) -> str:
    """Show the beginning of a text on one line, what cannot be printed escaped."""
    more = f" ({len(text):,} characters)" if len(text) > SHOWN else ""
    return f"{text[:SHOWN]!r}{more}"
