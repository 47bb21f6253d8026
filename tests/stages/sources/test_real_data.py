"""Real ratings and prompts: the figures of `shared/data/README.md` that reading alone decides."""

import contextlib
import io
from collections import Counter
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.cli import main
from rather.schemas.base import UserError
from tests.stages.sources.real import DATA, DICES, JUDGED, PROMETHEUS, needs_data, read

pytestmark = needs_data


def nominal_alpha(labels: pl.DataFrame) -> float:
    """Krippendorff's alpha of `label`, over units of two labels or more (2011, section C).

    D_o = sum over units of (m^2 - sum of squared counts) / (m - 1), over n; D_e is the same of all
    n labels together, over n (n - 1).
    """
    counts = labels.group_by("response_id", "label").len("c")
    units = counts.group_by("response_id").agg(m=pl.col("c").sum(), same=(pl.col("c") ** 2).sum())
    n = labels.height
    observed = ((units["m"] ** 2 - units["same"]) / (units["m"] - 1)).sum() / n
    same = (counts.group_by("label").agg(pl.col("c").sum())["c"] ** 2).sum()
    return 1 - observed / ((n**2 - same) / (n * (n - 1)))


@pytest.mark.parametrize("name", JUDGED)
def test_every_row_and_judgement_is_accounted_for(name: str) -> None:
    """In the tables or set aside, each with its line and reason."""
    loaded, aside = read(name), Counter(read(name).set_aside["unit"])
    assert loaded.num_rows == loaded.num_read + aside["rows"]
    assert loaded.num_ratings == loaded.ratings.height + aside["ratings"]
    assert loaded.num_comparisons == loaded.comparisons.height + aside["comparisons"]
    assert loaded.set_aside.select(pl.all().is_null().any()).row(0) == (False,) * 5


def test_dices_has_every_raters_label() -> None:
    """350 items x 123 raters: 26,292 No, 14,064 Yes (unsafe) and 2,694 Unsure."""
    loaded = read(DICES)
    assert (loaded.format, loaded.num_rows, loaded.num_ratings) == ("dices", 350, 350 * 123)
    assert Counter(loaded.ratings.select("score", "reason").iter_rows()) == {
        (1.0, None): 26292,
        (0.0, None): 14064,
        (None, "undecided"): 2694,
    }
    assert loaded.set_aside.height == 0


def test_dices_raters_agree_as_published() -> None:
    """Nominal alpha .1608602156577 with Unsure as a category, .2008000787 without."""
    labels = read(DICES).ratings.with_columns(label=pl.col("score").fill_null(0.5))
    assert nominal_alpha(labels) == pytest.approx(0.1608602156577, abs=1e-13)
    certain = labels.filter(pl.col("score").is_not_null())
    assert nominal_alpha(certain) == pytest.approx(0.2008000787, abs=1e-10)


def test_dices_prompts_are_dialogues() -> None:
    """Turn by turn, the user's first and last."""
    roles = read(DICES).prompts["messages"].list.eval(pl.element().struct.field("role"))
    assert set(roles.list.first()) == set(roles.list.last()) == {"user"}
    assert Counter(roles.explode())["assistant"] > 0


def test_prometheus_is_read_whole() -> None:
    """320 rows: 80 prompts, 4 responses to each, 3 ratings of each row, nothing set aside."""
    loaded = read(PROMETHEUS)
    assert (loaded.format, loaded.num_rows) == ("prometheus", 320)
    assert loaded.prompts.height == 80
    assert set(loaded.responses["prompt_id"].value_counts()["count"]) == {4}
    assert loaded.num_ratings == loaded.ratings.height == 960
    assert loaded.set_aside.height == 0


def test_prometheus_ratings_are_all_readable() -> None:
    """Three GPT-4 runs, whole scores of 1 to 5, none missing."""
    ratings = read(PROMETHEUS).ratings
    scores = ratings.group_by("rater").len().sort("rater").rows()
    assert scores == [("gpt4_score_1", 320), ("gpt4_score_2", 320), ("gpt4_score_3", 320)]
    assert set(ratings["score"]) == {1.0, 2.0, 3.0, 4.0, 5.0}


def test_prometheus_prompts_are_cut_out_of_the_template() -> None:
    """No prompt, response or demonstration holds a heading of the judge's template."""
    loaded = read(PROMETHEUS)
    asked = loaded.prompts["messages"].list.last().struct.field("content")
    for texts in (asked, loaded.responses["text"], loaded.prompts["demonstration"]):
        assert texts.null_count() == 0
        assert not texts.str.contains("###", literal=True).any()
    assert "How can I improve my time management skills?" in set(asked)


def test_prometheus_raters_agree_as_published() -> None:
    """Krippendorff's interval alpha of the three runs is .8075435594.

    1 - D_o / D_e with squared differences: D_o over ordered pairs within a response, D_e over all
    ordered pairs of the n = 960 scores (Krippendorff 2011, section E). Both sums of squared
    differences are 2 * (count * sum of squares - square of sum).
    """
    ratings, score = read(PROMETHEUS).ratings, pl.col("score")
    spread = 2 * (pl.len() * (score**2).sum() - score.sum() ** 2)
    within = ratings.group_by("response_id").agg(spread=spread, m=pl.len())
    observed = (within["spread"] / (within["m"] - 1)).sum() / 960
    expected = ratings.select(spread).item() / (960 * 959)
    assert 1 - observed / expected == pytest.approx(0.8075435594, abs=1e-10)


@pytest.mark.slow
def test_prometheus_becomes_pairs(tmp_path: Path) -> None:
    """80 prompts of 4 responses make 480 pairs: those written and those dropped, none twice."""
    out = tmp_path / "pairs.parquet"
    code, stderr = rather("convert", DATA / PROMETHEUS, "--to", "dpo", "--out", out)
    assert code == 0, stderr
    chosen, dropped = pl.read_parquet(out), pl.read_parquet(tmp_path / "pairs.dropped.parquet")
    ids = dropped.filter(pl.col("unit") == "pairs")["id"].to_list() + chosen["pair_id"].to_list()
    assert len(ids) == len(set(ids)) == 480
    assert dropped["source_lines"].list.len().min() > 0
    prompts = dropped.filter(pl.col("unit") == "prompts")["id"].to_list()
    named = sorted(prompts + chosen["prompt_id"].to_list())
    assert named == sorted(read(PROMETHEUS).prompts["prompt_id"])


@pytest.mark.parametrize(
    ("name", "format_", "num_prompts"),
    [
        ("mt_bench_question", "turns", 80),
        ("vicuna_bench_question", "turns", 80),
        ("self_instruct_user_oriented_instructions", "self_instruct", 252),
        ("arena_hard_v0.1_question", "turns", 500),
    ],
)
def test_prompts_are_recognised(name: str, format_: str, num_prompts: int) -> None:
    """Every row is read; no two rows of one file ask the same."""
    loaded = read(f"prompts_only/{name}.jsonl.gz")
    assert (loaded.format, loaded.num_rows) == (format_, num_prompts)
    assert (loaded.prompts.height, loaded.set_aside.height) == (num_prompts, 0)


def test_multi_turn_prompts_are_cut_to_the_first() -> None:
    """MT-bench asks two turns; nobody has answered the first, so it alone is asked."""
    loaded = read("prompts_only/mt_bench_question.jsonl.gz")
    assert set(loaded.prompts["messages"].list.len()) == {1}


def rather(*arguments: Any) -> tuple[Any, str]:
    """Call the command and give its exit code and stderr."""
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            return end.code or 0, stderr.getvalue()
    return 0, stderr.getvalue()


def test_prompts_alone_make_no_pairs(tmp_path: Path) -> None:
    """One clear error and exit code 2, and nothing is written."""
    name = "prompts_only/mt_bench_question.jsonl.gz"
    code, stderr = rather("convert", DATA / name, "--to", "dpo", "--out", tmp_path / "o.parquet")
    assert code == 2
    assert [line.startswith("error: ") for line in stderr.splitlines() if line.strip()] == [True]
    assert "expected rated responses, found prompts" in stderr
    assert list(tmp_path.iterdir()) == []


def test_a_file_of_results_is_refused() -> None:
    """It holds no rows, though it lies beside the data."""
    with pytest.raises(UserError, match="expected a JSON array of rows"):
        read("dices_350/dices-350-crowdsourced.published_results.json")
