"""The rows of an audit: the worst pairs of each reason, with all that was said of them."""

from pathlib import Path

import polars as pl
import pytest

from rather.auditing.worst_rows import COLUMNS, audit_rows
from rather.run import Run
from rather.tables import buckets
from tests.pipeline.audited import Audited, compared, rated


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Audited:
    """The run of ratings."""
    return Audited(rated(tmp_path_factory.mktemp("rated") / "run"))


def test_every_reason_has_its_pairs_and_the_kept_ones_too(audited: Audited) -> None:
    """As many as were dropped for it, since fewer than 200 were."""
    rows = audit_rows(audited.run)
    counts = dict(rows["reason"].value_counts().iter_rows())
    dropped = {each["reason"]: each["num_pairs"] for each in audited.figures["reasons"]}
    assert counts == {**dropped, "kept": len(audited.chosen)}
    assert rows.columns == list(COLUMNS)


def test_the_worst_come_first(audited: Audited) -> None:
    """The smallest margin of those that failed the margin, the least sure of the kept."""
    rows = audit_rows(audited.run)
    margins = rows.filter(pl.col("reason") == "margin")["margin"]
    sure = rows.filter(pl.col("reason") == "kept")["p_correct"]
    assert margins.is_sorted()
    assert sure.is_sorted()


def test_texts_and_scores_are_those_of_the_tables(audited: Audited) -> None:
    """Whole texts of prompt and answers, and what each rater gave both, by aspect."""
    scores = {
        (row["response_id"], row["rater"], row["aspect"]): row["score"]
        for row in audited.rows("load/ratings")
    }
    pairs = {pair["pair_id"]: pair for pair in audited.pairs}
    for row in audit_rows(audited.run).head(50).to_dicts():
        pair = pairs[row["pair_id"]]
        assert row["prompt"] == audited.prompts[pair["prompt_id"]]["messages"][0]["content"]
        assert len(row["judgements"]) == 6
        for side in ("chosen", "rejected"):
            answer = audited.answers[pair[f"{side}_id"]]
            assert (row[side], row[f"{side}_generator"]) == (answer["text"], answer["generator"])
            for said in row["judgements"]:
                who = pair[f"{side}_id"], said["rater"], said["aspect"]
                assert said[side] == scores[who]


def test_rows_do_not_depend_on_buckets(audited: Audited, monkeypatch: pytest.MonkeyPatch) -> None:
    """The worst of the parts' worst are the worst of all, in the same order."""
    before = audit_rows(audited.run)
    monkeypatch.setattr(buckets, "ROWS", 40)
    run = Run(audited.run.root, audited.run.params)
    assert len(run.buckets) > 2
    assert audit_rows(run).equals(before)


def test_comparisons_are_told_from_the_side_of_chosen(tmp_path: Path) -> None:
    """1 where the rater prefers the chosen answer, whichever stood first."""
    audited = Audited(compared(tmp_path / "run"))
    pairs = {pair["pair_id"]: pair for pair in audited.pairs}
    for row in audit_rows(audited.run).head(30).to_dicts():
        votes = {rater: vote for rater, _, vote in audited.votes(pairs[row["pair_id"]])}
        assert {said["rater"]: said["preference"] for said in row["judgements"]} == votes
