"""People rate through load: who has not judged an answer has not judged it badly."""

from pathlib import Path
from typing import Any

from tests.pipeline.curated import curated


def rows(at: int) -> list[dict[str, Any]]:
    """Let ann rate both answers and bob the worse alone: he left the better out, or could not."""
    skipped = {"rater": "bob", "score": None} if at % 2 else {"rater": "cem", "score": 3}
    good, bad = ({"prompt": f"q{at}?", "response": f"{word} {at}"} for word in ("good", "bad"))
    return [
        good | {"rater": "ann", "score": 4 + at % 2},
        good | skipped,
        bad | {"rater": "ann", "score": 1 + at % 2},
        bad | {"rater": "bob", "score": 2 + at % 2},
        bad | {"rater": "cem", "score": 1},
    ]


def test_a_missing_rater_is_missing_and_not_low(tmp_path: Path) -> None:
    """The better answer wins though bob never scored it, and a null score is dropped by reason."""
    judged = [row for at in range(60) for row in rows(at)]
    stages = ("load", "measure", "calibrate", "pair")
    run = curated(tmp_path, {"r.jsonl": judged}, stages, "winnow.rules={}")
    said = {row["response_id"]: row["text"] for row in run.responses().to_dicts()}
    pairs = run.read("pair/pairs")
    assert pairs.height == 60
    assert all(said[name].startswith("good") for name in pairs["chosen_id"])
    raters = {row["rater"]: row for row in run.read("calibrate/raters").to_dicts()}
    assert (raters["bob"]["num_ratings"], raters["bob"]["num_missing"]) == (60, 30)
    assert run.figures("calibrate")["ratings"]["dropped"] == {"no_score": 30}
