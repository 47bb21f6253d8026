"""What the stage calibrate writes: raters, scores, evidence and agreement."""

import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.runners.calibrate import trusted_judgements
from rather.schemas.base import UserError
from tests.pipeline.curated import EVIDENCE, curated

SCORES = (5, 3, 1, 4, 2, 5, 1, 3, 2, 4)


def rated(*raters: str) -> list[dict[str, Any]]:
    """Rate two answers each of ten prompts; eve says the opposite of what all others say."""
    return [
        {
            "prompt": f"question {number}",
            "response": f"answer {answer} of {number}",
            "score": 6 - score if rater == "eve" else score,
            "rater": rater,
        }
        for number, first in enumerate(SCORES)
        for answer, score in enumerate((first, 6 - first if first != 3 else 4))
        for rater in raters
    ]


def evidence(folder: Path) -> dict[str, Any]:
    """Read what was learnt beside the raters."""
    found: dict[str, Any] = json.loads((folder / "data/calibrate/evidence.json").read_text())
    return found


def test_a_rater_who_harms_agreement_has_negative_influence(tmp_path: Path) -> None:
    """Without eve the other two agree in all, so alpha rises to 1; without ann it falls."""
    run = curated(tmp_path, {"r.jsonl": rated("ann", "bob", "eve")}, EVIDENCE)
    influence = dict(run.read("calibrate/raters").select("rater", "influence").iter_rows())
    assert influence["eve"] < 0 < influence["ann"] == influence["bob"]
    agreement = json.loads((tmp_path / "data/calibrate/agreement.json").read_text())["score"]
    alpha = agreement["alpha"][agreement["level"]]["alpha"]
    assert influence["eve"] == pytest.approx(alpha - 1)


def test_agreement_and_its_gist_are_one(tmp_path: Path) -> None:
    """The ledger has the figures that winnow goes by: alpha, its level and its lower bound."""
    run = curated(tmp_path, {"r.jsonl": rated("ann", "bob", "eve")}, EVIDENCE)
    agreement = json.loads((tmp_path / "data/calibrate/agreement.json").read_text())["score"]
    gist = run.figures("calibrate")["agreement"]
    told = agreement["alpha"][agreement["level"]]
    assert (gist["alpha"], gist["level"]) == (told["alpha"], agreement["level"])
    assert gist["lower"] == min(told["jackknife"][0], told["bootstrap"][0])


def test_the_kind_with_most_judgements_stands_for_agreement(tmp_path: Path) -> None:
    """40 ratings by raters who agree outweigh two votes by raters who do not."""
    votes = [
        {"prompt": "p", "response_a": "a", "response_b": "b", "preference": vote, "rater": rater}
        for rater, vote in (("ann", 1), ("bob", -1))
    ]
    run = curated(tmp_path, {"r.jsonl": rated("ann", "bob"), "c.jsonl": votes}, EVIDENCE)
    assert run.figures("calibrate")["agreement"]["alpha"] == 1.0
    assert set(run.read("calibrate/raters")["kind"]) == {"score", "compare"}


def test_without_judgements_there_is_nothing_to_say(tmp_path: Path) -> None:
    """Prompts alone: empty tables, no alpha, and no crash."""
    run = curated(tmp_path, {"p.jsonl": [{"prompt": "why"}]}, EVIDENCE)
    assert run.read("calibrate/raters").is_empty() and run.read("calibrate/scores").is_empty()
    assert run.figures("calibrate")["agreement"]["alpha"] is None
    assert json.loads((tmp_path / "data/calibrate/agreement.json").read_text()) == {}


def test_a_trusted_rater_has_no_vote(tmp_path: Path) -> None:
    """The adjudicator is no rater, adds to no score, and no agreement counts it."""
    rows = {"r.jsonl": rated("ann", "bob", "judge")}
    trusting = curated(tmp_path / "a", rows, EVIDENCE, "calibrate.trusted=judge")
    alone = curated(tmp_path / "b", {"r.jsonl": rated("ann", "bob")}, EVIDENCE)
    assert trusting.read("calibrate/raters")["rater"].to_list() == ["ann", "bob"]
    assert trusting.read("calibrate/scores").equals(alone.read("calibrate/scores"))
    gists = [run.figures("calibrate")["agreement"] for run in (trusting, alone)]
    assert gists[0] == gists[1]


def test_few_trusted_pairs_are_said_to_be_too_few(tmp_path: Path) -> None:
    """Ten prompts have ten pairs, and twenty are asked for: the odds stay as they were."""
    rows = {"r.jsonl": rated("ann", "bob", "judge")}
    run = curated(tmp_path, rows, EVIDENCE, "calibrate.trusted=judge")
    assert run.figures("calibrate")["trusted"] == {"num_pairs": 10, "at_least": 20}
    assert (evidence(tmp_path)["trust"], evidence(tmp_path)["length"]) == (1.0, 0.0)


def test_enough_trusted_pairs_report_the_error_of_held_out_ones(tmp_path: Path) -> None:
    """The trusted rater contradicts both others on every fourth of 80 pairs: an accuracy of 3/4."""
    rows = [
        {"prompt": f"q {n}", "response": f"{n} {name}", "score": score, "rater": rater}
        for n in range(80)
        for rater in ("ann", "bob", "judge")
        for name, score in (("yes", 5), ("nay", 1))
        if rater != "judge" or n % 4
    ]
    rows += [
        {"prompt": f"q {n}", "response": f"{n} {name}", "score": score, "rater": "judge"}
        for n in range(0, 80, 4)
        for name, score in (("yes", 1), ("nay", 5))
    ]
    run = curated(tmp_path, {"r.jsonl": rows}, EVIDENCE, "calibrate.trusted=judge")
    report = run.figures("calibrate")["trusted"]
    assert report["num_pairs"] == 80
    assert report["before"]["accuracy"] == 0.75
    assert report["held_out"]["calibration_error"] < report["before"]["calibration_error"]
    assert evidence(tmp_path)["trust"] == report["trust"] < 1


def test_a_trusted_rater_who_is_not_there_changes_nothing(tmp_path: Path) -> None:
    """No pair is trusted, and the report says so."""
    run = curated(tmp_path, {"r.jsonl": rated("ann", "bob")}, EVIDENCE, "calibrate.trusted=nobody")
    assert run.figures("calibrate")["trusted"]["num_pairs"] == 0
    assert run.read("calibrate/raters")["rater"].to_list() == ["ann", "bob"]


def test_scores_are_of_one_deviation(tmp_path: Path) -> None:
    """Whatever the raters' own scales."""
    run = curated(tmp_path, {"r.jsonl": rated("ann", "bob", "eve")}, EVIDENCE)
    score = run.read("calibrate/scores").select(sd=pl.col("score").std(ddof=0))
    assert score.item() == pytest.approx(1)


ASPECTS = ("source.format=ratings", "source.mapping={scores: [helpful, honest], aspects: true}")
KIND = {"response": "kind", "helpful": 5, "honest": 2}
TRUE = {"response": "true", "helpful": 1, "honest": 4}


def test_each_objective_can_make_its_own_data_set(tmp_path: Path) -> None:
    """One answer is more helpful, the other more honest: what is chosen is declared."""
    rows = [{"prompt": f"q{n}"} | answer for n in range(3) for answer in (KIND, TRUE)]
    chosen = {}
    for weights in ("{helpful: 1}", "{honest: 1}", "{helpful: 1, honest: 3}"):
        changes = (*ASPECTS, f"calibrate.aspects={weights}")
        run = curated(tmp_path / weights, {"r.jsonl": rows}, (*EVIDENCE, "pair"), *changes)
        texts = run.read("load/responses").select("text", chosen_id="response_id")
        chosen[weights] = run.read("pair/pairs").join(texts, on="chosen_id")["text"].to_list()
    assert chosen == {
        "{helpful: 1}": ["kind"] * 3,  # 5 against 1
        "{honest: 1}": ["true"] * 3,  # 4 against 2
        "{helpful: 1, honest: 3}": ["true"] * 3,  # (5 + 3 * 2) / 4 against (1 + 3 * 4) / 4
    }


def test_an_objective_that_nobody_judged_is_refused(tmp_path: Path) -> None:
    """With the names of those that somebody did."""
    rows = {"r.jsonl": [{"prompt": "q"} | KIND]}
    with pytest.raises(UserError, match=r"were judged \(helpful, honest\), found honset"):
        curated(tmp_path / "two", rows, EVIDENCE, *ASPECTS, "calibrate.aspects={honset: 1}")
    with pytest.raises(UserError, match=r"were judged \(overall\), found helpful"):
        curated(
            tmp_path / "one", {"r.jsonl": rated("ann")}, EVIDENCE, "calibrate.aspects={helpful: 1}"
        )


def test_what_is_trusted_is_mixed_like_the_rest(tmp_path: Path) -> None:
    """The odds are corrected by the objective that is asked for, not by all of them alike."""
    rows = [{"prompt": f"q{n}"} | answer for n in range(3) for answer in (KIND, TRUE)]
    run = curated(tmp_path, {"r.jsonl": rows}, EVIDENCE, *ASPECTS, "calibrate.aspects={honest: 1}")
    (judge,) = run.read("load/ratings")["rater"].unique()
    ratings, _ = trusted_judgements(run, judge)
    assert sorted(ratings.filter(aspect="overall")["score"]) == [2, 2, 2, 4, 4, 4]
