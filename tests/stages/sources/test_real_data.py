"""Real preference data, as published; it lies beside the repository, never in it."""

import contextlib
import io
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from pipeline.cli import main
from stages.load import Demo, Loaded, Source, load

DATA = Path(__file__).resolve().parents[4] / "shared" / "data"
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the real data at {DATA}, which is not part of the repository"
)


def read(name: str) -> Loaded:
    """Load a file as it is recognised, nothing held out."""
    return load(Source(path=str(DATA / name), format="auto"), Demo(), 0.0, 0)


def rather(*arguments: Any) -> tuple[Any, str]:
    """Call the command and give its exit code and stderr."""
    stderr = io.StringIO()
    with contextlib.redirect_stderr(stderr):
        try:
            main([str(argument) for argument in arguments])
        except SystemExit as end:
            return end.code or 0, stderr.getvalue()
    return 0, stderr.getvalue()


@pytest.fixture(scope="module")
def prometheus() -> Loaded:
    """The Prometheus evaluation set: 80 prompts x 4 responses x 3 scores."""
    return read("prometheus_vicuna/vicuna_eval.jsonl.gz")


def test_prometheus_is_read_whole(prometheus: Loaded) -> None:
    """320 rows: 80 prompts, 4 responses to each, 3 ratings of each row, nothing set aside."""
    assert (prometheus.format, prometheus.num_rows) == ("prometheus", 320)
    assert prometheus.prompts.height == 80
    assert set(prometheus.responses["prompt_id"].value_counts()["count"]) == {4}
    assert prometheus.num_ratings == prometheus.ratings.height == 960
    assert prometheus.set_aside.height == 0


def test_prometheus_ratings_are_all_readable(prometheus: Loaded) -> None:
    """Three GPT-4 runs, whole scores of 1 to 5, none missing."""
    scores = prometheus.ratings.group_by("rater").len().sort("rater").rows()
    assert scores == [("gpt4_score_1", 320), ("gpt4_score_2", 320), ("gpt4_score_3", 320)]
    assert prometheus.ratings["score"].null_count() == 0
    assert set(prometheus.ratings["score"]) == {1.0, 2.0, 3.0, 4.0, 5.0}


def test_prometheus_prompts_are_cut_out_of_the_template(prometheus: Loaded) -> None:
    """No prompt, response or demonstration holds a heading of the judge's template."""
    asked = prometheus.prompts["messages"].list.last().struct.field("content")
    shown = prometheus.prompts["demonstration"]
    for texts in (asked, prometheus.responses["text"], shown):
        assert texts.null_count() == 0
        assert not texts.str.contains("###", literal=True).any()
    assert "How can I improve my time management skills?" in set(asked)


def test_prometheus_raters_agree_as_published(prometheus: Loaded) -> None:
    """Krippendorff's interval alpha of the three runs is .8075435594 (shared/data/README.md).

    1 - D_o / D_e with squared differences: D_o over ordered pairs within a response, D_e over all
    ordered pairs of the n = 960 scores (Krippendorff 2011, section E). Both sums of squared
    differences are 2 * (count * sum of squares - square of sum).
    """
    score = pl.col("score")
    spread = 2 * (pl.len() * (score**2).sum() - score.sum() ** 2)
    within = prometheus.ratings.group_by("response_id").agg(spread=spread, m=pl.len())
    observed = (within["spread"] / (within["m"] - 1)).sum() / 960
    expected = prometheus.ratings.select(spread).item() / (960 * 959)
    assert 1 - observed / expected == pytest.approx(0.8075435594, abs=1e-10)


@pytest.mark.slow
def test_prometheus_becomes_pairs(tmp_path: Path) -> None:
    """80 prompts of 4 responses make 480 pairs: those written and those dropped, none twice."""
    out = tmp_path / "pairs.parquet"
    source = DATA / "prometheus_vicuna" / "vicuna_eval.jsonl.gz"
    code, stderr = rather("convert", source, "--to", "dpo", "--out", out)
    assert code == 0, stderr
    chosen, dropped = pl.read_parquet(out), pl.read_parquet(tmp_path / "pairs.dropped.parquet")
    ids = dropped.filter(pl.col("unit") == "pairs")["id"].to_list() + chosen["pair_id"].to_list()
    assert len(ids) == len(set(ids)) == 480
    assert dropped["source_lines"].list.len().min() > 0
    prompts = dropped.filter(pl.col("unit") == "prompts")["id"].to_list()
    assert sorted(prompts + chosen["prompt_id"].to_list()) == sorted(
        read("prometheus_vicuna/vicuna_eval.jsonl.gz").prompts["prompt_id"]
    )


@pytest.mark.parametrize(
    ("name", "format_", "num_rows", "num_prompts"),
    [
        ("mt_bench_question", "turns", 80, 80),
        ("vicuna_bench_question", "turns", 80, 80),
        ("self_instruct_user_oriented_instructions", "self_instruct", 252, 252),
        ("arena_hard_v0.1_question", "turns", 500, 500),
    ],
)
def test_prompts_are_recognised(name: str, format_: str, num_rows: int, num_prompts: int) -> None:
    """Every row is read; no two rows of one file ask the same."""
    loaded = read(f"prompts_only/{name}.jsonl.gz")
    assert (loaded.format, loaded.num_rows) == (format_, num_rows)
    assert (loaded.prompts.height, loaded.set_aside.height) == (num_prompts, 0)


def test_multi_turn_prompts_are_cut_to_the_first() -> None:
    """MT-bench asks two turns; nobody has answered the first, so it alone is asked."""
    loaded = read("prompts_only/mt_bench_question.jsonl.gz")
    assert set(loaded.prompts["messages"].list.len()) == {1}


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("pandalm/testset-v1.jsonl.gz", "no known format has the columns annotator1"),
        ("finegrained_qa_feedback/dev_feedback.jsonl.gz", "no known format has the columns"),
        ("hh_rlhf_harmless_test/test.jsonl.gz", "no known format has the columns chosen, rejected"),
        ("llamafactory_demo/dpo_en_demo.jsonl.gz", "no known format has the columns chosen, conv"),
        ("llamafactory_demo/kto_en_demo.jsonl.gz", "no known format has the columns label, mess"),
        ("dices_350/dices_350_crowdsourced.json.gz", "expected a JSON array of rows, found dict"),
        (
            "dices_350/dices-350-crowdsourced.published_results.json",
            "expected a JSON array of rows",
        ),
        ("ultrafeedback_sample/eval_clean.jsonl.gz", "expected rated responses, found prompts"),
        ("prompts_only/mt_bench_question.jsonl.gz", "expected rated responses, found prompts"),
    ],
)
def test_what_no_format_fits_is_refused(name: str, found: str, tmp_path: Path) -> None:
    """One clear error and exit code 2, whatever the file is, and nothing is written."""
    code, stderr = rather("convert", DATA / name, "--to", "dpo", "--out", tmp_path / "o.parquet")
    assert code == 2
    assert [line.startswith("error: ") for line in stderr.splitlines() if line.strip()] == [True]
    assert found in stderr
    assert list(tmp_path.iterdir()) == []
