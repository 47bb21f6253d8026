"""The stages `rate` and `rate_by_model`: what raters say reaches calibration and pairs."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.commands.why import story
from rather.params.params import make_params
from rather.registry import run_stage, runner
from rather.run import Run
from rather.runners.models import run as run_models
from rather.runners.rate import run as run_rate
from rather.runners.rate_by_model import run as run_rate_by_model
from rather.schemas.base import UserError
from rather.stages.common.ids import prompt_id, response_id
from rather.tables.tables import schema_of
from tests.servers import Body, Played, Reply, answer, played

TEXTS = ("four", "4", "it is 4, of course")
JUDGE = {"kind": "judge", "model": "gpt", "explain": False}


def longer(body: Body) -> Reply:
    """Prefer the longer answer, or score it by its length."""
    texts = re.findall(r"<answer(?: [AB])? \w+>\n(.*?)\n</", body["messages"][0]["content"])
    if len(texts) == 1:
        return answer(json.dumps({"overall": min(len(texts[0]), 5)}))
    return answer(json.dumps({"overall": "A" if len(texts[0]) > len(texts[1]) else "B"}))


@pytest.fixture
def server() -> Iterator[Played]:
    """A judge that likes length."""
    with played(longer) as found:
        yield found


def make_run(root: Path, server: Played, **judges: dict[str, Any]) -> Run:
    """Lay down twenty prompts of three answers each, and let judges at an endpoint rate them."""
    values = {
        "models": {"gpt": {"endpoint": server.url, "name": "played"}},
        "generators": {"sft": {"model": "sft"}},
        "raters": {"exact": {"kind": "verifier"}},
        "model_raters": judges,
        "test_fraction": 0,
    }
    run = Run(root, make_params(values, (), "here"))
    asked = [[{"role": "user", "content": f"2+2? ({at})"}] for at in range(20)]
    prompts = [
        {"prompt_id": prompt_id(turns), "messages": turns, "split": "train", "answer": "4"}
        | {"cluster": prompt_id(turns), "source": "s", "source_line": at + 1}
        for at, turns in enumerate(asked)
    ]
    responses = [
        {"prompt_id": row["prompt_id"], "generator": "sft", "sample_index": at, "text": text}
        | {"response_id": response_id(row["prompt_id"], text), "finish_reason": "stop"}
        | {"num_tokens": len(text), "logprob": -1.0, "count": 1, "revision": "r", "sampling": "{}"}
        for row in prompts
        for at, text in enumerate(TEXTS)
    ]
    for name, rows in {"load/prompts": prompts, "generate/sft": responses}.items():
        run.write(name, pl.DataFrame(rows, schema=schema_of(name).create_empty().schema))
    for name in ("responses", "ratings", "comparisons", "evaluations"):
        run.write(f"load/{name}", schema_of(f"load/{name}").create_empty())
    run_models(run, "gpt")
    run_rate(run, "exact")
    for name in judges:
        run_rate_by_model(run, name)
    return run


def test_a_judges_comparisons_become_pairs(tmp_path: Path, server: Played) -> None:
    """As people's do: it is calibrated as one who compares, and its word orients the pairs."""
    run = make_run(tmp_path, server, gpt=JUDGE | {"by": "pairwise"})
    assert run.read("rate/gpt").is_empty()
    assert run.comparisons().height == 60
    for stage in ("measure", "calibrate", "pair"):
        runner(stage)(run)
    kinds = run.read("calibrate/raters").select("rater", "kind").rows()
    assert set(kinds) == {("exact", "score"), ("gpt", "compare")}
    figures = run.figures("rate/gpt")
    assert figures["responses"] == {"in": 60, "kept": 60, "dropped": {}}
    assert figures["comparisons"] == {"in": 60, "kept": 60, "dropped": {}}
    assert (figures["position_bias"], figures["flipped"]) == (0.5, 0.0)
    pairs = run.read("pair/pairs")
    assert pairs.height == 60
    texts = {row["response_id"]: row["text"] for row in run.generated().to_dicts()}
    for row in pairs.iter_rows(named=True):
        wrong = {texts[row["chosen_id"]], texts[row["rejected_id"]]} == {TEXTS[0], TEXTS[2]}
        longest = len(texts[row["chosen_id"]]) > len(texts[row["rejected_id"]])
        assert longest or not wrong  # where the verifier says nothing, the judge does


def test_a_judges_scores_are_ratings(tmp_path: Path, server: Played) -> None:
    """And couples that were not asked about are accounted for where it compares."""
    few = JUDGE | {"by": "pairwise", "max_pairs": 1}
    run = make_run(tmp_path, server, scores=JUDGE, few=few)
    assert set(run.ratings()["rater"]) == {"exact", "scores"}
    assert run.figures("rate/scores")["responses"]["kept"] == 60
    figures = run.figures("rate/few")
    dropped = {"beyond_max_pairs": 40}
    assert figures["comparisons"] == {"in": 60, "kept": 20, "dropped": dropped}
    assert figures["responses"] == {"in": 60, "kept": 40, "dropped": {"not_compared": 20}}


def test_the_story_of_a_row_has_the_judges_words(tmp_path: Path, server: Played) -> None:
    """Of an answer those on it alone, of a couple those in both orders."""
    run = make_run(tmp_path, server, scores=JUDGE, gpt=JUDGE | {"by": "pairwise"})
    name = run.generated()["response_id"][0]
    told = "\n".join(story(run, name))
    assert f'scores was shown {name}, and said: \'{{"overall": ' in told
    assert re.search(rf"gpt was shown {name}, then \w+, and said: .*overall", told)
    assert re.search(r"compared \w+ with \w+ by gpt \(overall\): preference -?1, made", told)


def test_a_rater_runs_in_the_stage_of_its_group(tmp_path: Path) -> None:
    """A program in rate, a model in rate_by_model; the other's names are not known there."""
    (tmp_path / "params.yaml").write_text(
        "raters: {exact: {kind: verifier}}\n"
        "model_raters: {rm: {kind: reward_model, model: reward}}\n"
    )
    for stage, name, known in (("rate", "rm", "exact"), ("rate_by_model", "exact", "rm")):
        with pytest.raises(UserError, match=f"{stage}: expected the name of one of {known} after"):
            run_stage(tmp_path, stage, name)
