"""An evaluation in plain lines."""

from rather.stages.evaluate.evaluation_summary import WIDTH, lines

METRICS = {
    "samples": {"sft": 8, "dpo": 8},
    "gold_accuracy": {"sft": 0.471, "dpo": 0.596},
    "win_rate": {"sft": None, "dpo": 0.56},
    "win_rate_interval": {"sft": None, "dpo": [0.55, 0.57]},
    "implicit_accuracy": {"sft": None, "dpo": None},
    "length_ratio": {"sft": 1.0, "dpo": 1.031},
    "finished": {"sft": 1.0, "dpo": 0.9},
}
WARNING = {"level": "warning", "saw": "margin 0", "why": "Nothing.", "try": "more data"}


def test_the_three_questions_are_answered() -> None:
    """With the first model's figure before the policy's, and intervals."""
    assert lines(METRICS, {}).splitlines() == [
        "dpo, beside sft",
        "  did it learn? gold accuracy 0.471 -> 0.596; wins 0.560 [0.550, 0.570] of couples "
        "against sft",
        "  did it drift? nothing tells",
        "  did it only get longer? answers are 1.03 times as long; stops by itself 1.000 -> 0.900",
    ]


def test_warnings_stand_at_the_end() -> None:
    """Of each model, with what to try."""
    last = lines(METRICS, {"sft": [], "dpo": [WARNING]}).splitlines()[-1]
    assert last == "warning, dpo: margin 0. Nothing. Try: more data."


def test_lines_fit_a_terminal() -> None:
    """However many warnings there are."""
    long = WARNING | {"saw": "word " * 60}
    assert max(map(len, lines(METRICS, {"dpo": [long]}).splitlines())) <= WIDTH
