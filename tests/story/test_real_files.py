"""Every real file of preferences becomes training sets, and every row of it is accounted for."""

from collections import Counter
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.stages.common.ids import pair_ids
from rather.stages.convert.formats.formats import Kind
from rather.stages.text.length import share_longer
from tests.stages.sources.real import (
    DICES,
    DPO,
    FINEGRAINED,
    HH,
    JUDGED,
    KTO,
    PANDALM,
    PROMETHEUS,
    ULTRAFEEDBACK,
    needs_data,
    rows_of,
)
from tests.story.accounts import Converted, converted

pytestmark = needs_data
Convert = Callable[[str, Kind], Converted]

COMPARED = (PANDALM, FINEGRAINED, HH, DPO)  # nobody scored these answers: labels come from pairs
every_set = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in JUDGED for kind in ("dpo", "kto")]
)


@pytest.fixture(scope="module")
def convert(tmp_path_factory: pytest.TempPathFactory) -> Convert:
    """Give the training set of a kind of a file, each file converted once."""
    done: dict[str, dict[Kind, Converted]] = {}

    def give(name: str, kind: Kind) -> Converted:
        if name not in done:
            folder = tmp_path_factory.mktemp("converted")
            done[name] = converted(name, "pairs" if name in COMPARED else "auto", folder)
        return done[name][kind]

    return give


def num_rows(name: str) -> int:
    """Count a file's rows by other means: its lines, or the instances of its one object."""
    rows: list[Any] = rows_of(name)
    return len(rows[0]["instances"]) if name == DICES else len(rows)


@every_set
def test_every_account_balances(convert: Convert, name: str, kind: Kind) -> None:
    """In every stage, of every unit, what came in was kept or dropped for a reason.

    And what one stage kept is what the next one got.
    """
    ledger = convert(name, kind).ledger
    for stage, entries in ledger.items():
        for unit, entry in entries.items():
            assert entry["in"] == entry["kept"] + sum(entry["dropped"].values()), (stage, unit)
    assert ledger["load"]["rows"]["in"] == num_rows(name)
    for before, after, unit in (
        ("load", "calibrate", "ratings"),
        ("load", "calibrate", "comparisons"),
        ("measure", "calibrate", "responses"),
        ("pair", "winnow", "prompts"),
        ("winnow", "choose", "pairs"),
        ("winnow", "choose", "prompts"),
        ("choose", "convert", "pairs"),
    ):
        if unit in ledger.get(before, {}) and unit in ledger.get(after, {}):
            assert ledger[before][unit]["kept"] == ledger[after][unit]["in"], (before, after, unit)


@every_set
def test_the_dropped_table_holds_what_the_ledger_counts(
    convert: Convert, name: str, kind: Kind
) -> None:
    """By stage, unit and reason.

    An answer without a score is no row of it yet: it goes on, to be paired by comparisons.
    """
    found = convert(name, kind)
    announced = {
        (stage, unit, reason): count
        for stage, entries in found.ledger.items()
        for unit, entry in entries.items()
        for reason, count in entry["dropped"].items()
        if reason != "no_score"
    }
    assert Counter(found.dropped.select("stage", "unit", "reason").iter_rows()) == announced


@every_set
def test_what_is_dropped_has_its_reason_and_lines(convert: Convert, name: str, kind: Kind) -> None:
    """A reason, the file, and lines that are in it."""
    dropped = convert(name, kind).dropped
    assert dropped["reason"].null_count() == 0
    assert set(dropped["source"]) <= {Path(name).name}
    lines = dropped["source_lines"]
    assert lines.null_count() == 0
    assert (lines.list.len() > 0).all()
    found = lines.explode()
    assert found.is_between(1, num_rows(name)).fill_null(False).all()


@every_set
def test_every_row_of_the_file_is_kept_or_dropped(convert: Convert, name: str, kind: Kind) -> None:
    """Each line gave something to the training set, or stands in the table of dropped rows."""
    found = convert(name, kind)
    named = found.lines() | set(found.dropped["source_lines"].explode())
    assert named == set(range(1, num_rows(name) + 1))


@every_set
def test_every_pair_and_answer_is_kept_or_dropped(convert: Convert, name: str, kind: Kind) -> None:
    """Once: as a row, or as a dropped one. So is every prompt that the pairs are about."""
    found = convert(name, kind)
    read, key = found.run.read, "pair_id" if kind == "dpo" else "response_id"
    wanted = read("pair/pairs") if kind == "dpo" else read("measure/features")
    unit = "pairs" if kind == "dpo" else "responses"
    gone = found.dropped.filter(pl.col("reason") != "same_text_again")
    ids = [*found.rows[key], *gone.filter(unit=unit)["id"]]
    assert sorted(ids) == sorted(wanted[key])
    if kind == "dpo":
        lost = gone.filter(unit="prompts")["id"]
        assert sorted([*lost, *found.rows["prompt_id"]]) == sorted(
            read("load/prompts")["prompt_id"]
        )


@every_set
def test_texts_are_there_and_differ(convert: Convert, name: str, kind: Kind) -> None:
    """No answer is blank, and chosen is never rejected."""
    rows = convert(name, kind).rows
    sides = ["chosen", "rejected"] if kind == "dpo" else ["completion"]
    texts = [rows[side].list.last().struct.field("content") for side in sides]
    assert rows.height > 0
    assert all((text.str.strip_chars() != "").all() for text in texts)
    if kind == "dpo":
        assert (texts[0] != texts[1]).all()


@every_set
def test_datasets_reads_the_training_set(
    convert: Convert, name: str, kind: Kind, tmp_path: Path
) -> None:
    """As many rows, the same ids in the same order, messages as lists of role and content."""
    from datasets import load_dataset

    found = convert(name, kind)
    read = load_dataset(
        "parquet", data_files=str(found.out), split="train", cache_dir=str(tmp_path)
    )
    assert read["prompt_id"][:] == found.rows["prompt_id"].to_list()
    answer = read[0]["chosen" if kind == "dpo" else "completion"]
    assert [message.keys() for message in answer] == [{"role", "content"}]


@pytest.mark.parametrize(
    ("name", "num_ties", "num_identical", "num_blank"),
    [(ULTRAFEEDBACK[0], 111, 4, 3), (ULTRAFEEDBACK[1], 25, 1, 0)],
)
def test_ultrafeedback_loses_ties_identical_and_empty_answers(
    convert: Convert, name: str, num_ties: int, num_identical: int, num_blank: int
) -> None:
    """136 score ties, 5 identical pairs, 2 empty answers and one of a zero-width space alone.

    An identical pair has no comparison, and its prompt one response; a tie has a margin of zero,
    but for two whose answers are identical.
    """
    found = convert(name, "dpo")
    scores = [row["metadata"] for row in rows_of(name)]
    ties = {n for n, s in enumerate(scores, 1) if s["score_chosen"] == s["score_rejected"]}
    assert len(ties) == num_ties
    assert not ties & found.lines()
    reasons = found.reasons
    assert reasons["comparisons", "identical_answers"] == num_identical
    assert reasons["prompts", "one_response"] == num_identical
    assert reasons.get(("pairs", "complete"), 0) == num_blank
    of_ties = pl.col("source_lines").list.set_intersection(sorted(ties)).list.len() > 0
    pairs = found.dropped.filter(of_ties, unit="pairs")
    assert dict(Counter(pairs["reason"])) == {"margin": num_ties - 1}


def test_finegrained_keeps_no_tie(convert: Convert) -> None:
    """Of 3,000 labels 384 are ties: not one is a row, all are dropped as ties or near-equal."""
    found = convert(FINEGRAINED, "dpo")
    named = pair_ids(pl.col("first_id"), pl.col("second_id"))
    told = found.run.read("load/comparisons").with_columns(id=named)
    ties = told.filter(preference=0.0)["id"]
    assert (told.height, ties.len(), ties.n_unique()) == (3000, 384, 384)
    assert not set(ties) & set(found.rows["pair_id"])
    reasons = found.dropped.filter(pl.col("id").is_in(ties.implode()))["reason"]
    assert reasons.len() == 384
    assert set(reasons) == {"consistent", "distinct"}
    assert found.reasons["pairs", "consistent"] == (reasons == "consistent").sum()


def test_hh_keeps_its_pairs(convert: Convert) -> None:
    """One human and no scores: rules without evidence do not apply, and the command says so.

    2,312 rows: 5 whose prefixes differ, 4 with an empty reply, 2 further pairs of prompts met
    twice, each of which gives one pair: the best, or the other for the balance of lengths. Of the
    others nothing is lost but to that balance.
    """
    found = convert(HH, "dpo")
    reasons = {key: count for key, count in found.reasons.items() if key[0] != "prompts"}
    left_out = reasons.pop(("pairs", "length_balance")) + reasons.pop(("pairs", "not_best"))
    assert reasons == {("rows", "prefixes_differ"): 5, ("pairs", "complete"): 4}
    assert found.rows.height == 2312 - 5 - 4 - left_out >= 0.9 * 2312
    assert found.rows["prompt_id"].is_unique().all()
    assert found.run.read("winnow/clear")["prompt_id"].n_unique() == 2312 - 5 - 4 - 2
    assert share_longer(found.run.read("choose/chosen")) == pytest.approx(0.5, abs=0.02)
    for rule in ("margin", "agreement"):
        assert f"the rule {rule} was not applied: no pair has its evidence" in found.remarks


def test_llamafactory_labels_come_back(convert: Convert) -> None:
    """300 labelled answers, 150 of each kind, become as many rows; none is dropped."""
    found = convert(KTO, "kto")
    assert Counter(found.rows["label"]) == {True: 150, False: 150}
    assert found.dropped.is_empty()


@pytest.mark.slow
@pytest.mark.skipif(find_spec("trl") is None, reason="needs the extra rather[bench]")
@pytest.mark.parametrize(("name", "kind", "loss"), [(PROMETHEUS, "dpo", 0.6931), (KTO, "kto", 0.5)])
def test_trl_takes_a_step(
    convert: Convert, name: str, kind: Kind, loss: float, tmp_path: Path
) -> None:
    """On real rows: policy and reference are one, so DPO's loss is ln 2, KTO's 1 - sigmoid(0)."""
    from rather.stages.models.resolve import resolve
    from tests.pipeline.test_formats_trl import step

    resolve("demo", None, tmp_path / "base", seed=0)
    logged = step(kind, convert(name, kind).out, "parquet", tmp_path / "base", tmp_path)
    assert logged["loss"] == pytest.approx(loss, abs=1e-3)
