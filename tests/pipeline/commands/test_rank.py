"""`rather rank`: candidates of any file, best first by implicit reward."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

Rather = Callable[..., Any]
ANSWERS = ("yes", "no", "of course, and more")


def write(path: Path, *rows: dict[str, Any]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


@pytest.fixture
def candidates(tmp_path: Path) -> Path:
    """Three answers to each of two prompts, one a row, judged by nobody."""
    rows = [{"prompt": f"say {n}", "response": text} for n in (1, 2) for text in ANSWERS]
    return write(tmp_path / "candidates.jsonl", *rows)


def ranked(rather: Rather, source: Path, policy: Path, reference: Path, *more: str) -> pl.DataFrame:
    """Rank a file's candidates."""
    out = source.with_name("ranked.parquet")
    done = rather("rank", source, "--policy", policy, "--reference", reference, "--out", out, *more)
    assert done.code == 0, done.stderr
    return pl.read_parquet(out)


def logp(folder: Path, prompt: str, answer: str) -> float:
    """Sum an answer's log-probs, its end token included, one conversation at a time."""
    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder).eval()
    asked = f"<|user|>{prompt}<|end|><|assistant|>"
    ids = tokenizer(f"{asked}{answer}<|end|>", add_special_tokens=False, return_tensors="pt")
    start = len(tokenizer(asked, add_special_tokens=False)["input_ids"])
    with torch.no_grad():
        logps = model(ids["input_ids"]).logits.log_softmax(-1)[0, :-1]
    return float(logps.gather(1, ids["input_ids"][0, 1:, None])[start - 1 :].sum())


def test_the_reward_is_beta_times_the_log_ratio(
    rather: Rather, candidates: Path, policy: Path, tiny_model: Path
) -> None:
    """Of each candidate alone under the two models; the best has rank 1 within its prompt."""
    found = ranked(rather, candidates, policy, tiny_model, "--beta", "0.5")
    assert found.height == 6
    for row in found.iter_rows(named=True):
        asked, said = row["prompt"][-1]["content"], row["response"]
        expected = 0.5 * (logp(policy, asked, said) - logp(tiny_model, asked, said))
        assert row["reward"] == pytest.approx(expected, abs=1e-3)
        assert row["reward_per_token"] == pytest.approx(expected / row["num_tokens"], abs=1e-3)
    for _, rows in found.group_by("prompt_id", maintain_order=True):
        assert rows["rank"].to_list() == [1, 2, 3]
        assert rows["reward"].is_sorted(descending=True)
        best = rows["rank_per_token"] == 1
        assert rows.filter(best)["reward_per_token"].item() == rows["reward_per_token"].max()


def test_equal_models_rank_nobody_above_another(
    rather: Rather, candidates: Path, tiny_model: Path
) -> None:
    """All rewards are 0, and all share the first place."""
    found = ranked(rather, candidates, tiny_model, tiny_model)
    assert set(found["reward"]) == {0.0}
    assert set(found["rank"]) == {1}


@pytest.mark.parametrize(
    "rows",
    [
        [{"prompt": "say 1", "responses": list(ANSWERS)}],
        [{"prompt": "say 1", "response": text, "score": 3} for text in ANSWERS],
        [{"prompt": "say 1", "chosen": "yes", "rejected": text} for text in ANSWERS[1:]],
        [{"prompt": "say 1", "completion": text} for text in ANSWERS],
    ],
    ids=["lists", "ratings", "pairs", "another name"],
)
def test_any_file_of_candidates_serves(
    rows: list[dict[str, Any]], rather: Rather, tmp_path: Path, tiny_model: Path
) -> None:
    """Lists, ratings, pairs, or a column of another name: the same three answers."""
    found = ranked(rather, write(tmp_path / "in.jsonl", *rows), tiny_model, tiny_model)
    assert set(found["response"]) == set(ANSWERS)


def test_a_map_names_the_columns(rather: Rather, tmp_path: Path, tiny_model: Path) -> None:
    """As for `rather convert`."""
    rows = [{"q": "say 1", "a": text, "stars": 3} for text in ANSWERS]
    map_ = tmp_path / "map.yaml"
    map_.write_text("prompt: q\nresponse: a\nscores: stars\n")
    source = write(tmp_path / "in.jsonl", *rows)
    found = ranked(rather, source, tiny_model, tiny_model, "--map", str(map_))
    assert set(found["response"]) == set(ANSWERS)


def test_what_cannot_be_read_has_a_reason(rather: Rather, tmp_path: Path, tiny_model: Path) -> None:
    """No room after the prompt: nulls, after the others, and a word on how many."""
    rows = [{"prompt": "x" * 100, "responses": ["yes"]}, {"prompt": "y", "responses": ["yes"]}]
    source, out = write(tmp_path / "in.jsonl", *rows), tmp_path / "out.jsonl"
    models = "--policy", tiny_model, "--reference", tiny_model
    done = rather("rank", source, *models, "--out", out, "--set", "max_length=64")
    assert (done.code, "1 without a reward, each with its reason" in done.stderr) == (0, True)
    found = {row["prompt"][0]["content"]: row for row in map(json.loads, out.open())}
    assert found["x" * 100]["reward"] is None
    assert found["x" * 100]["reason"] == "unreadable"
    assert found["y"]["rank"] == 1


def test_without_out_rows_are_printed(rather: Rather, candidates: Path, tiny_model: Path) -> None:
    """One JSON object a line, for a pipe."""
    done = rather("rank", candidates, "--policy", tiny_model, "--reference", tiny_model)
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(rows) == 6
    assert rows[0]["rank"] == 1


def test_help_shows_how(rather: Rather) -> None:
    """With examples to copy."""
    done = rather("rank", "--help")
    assert done.code == 0
    assert "rather rank candidates.jsonl --policy" in done.stdout


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"--policy": "nowhere"}, "--policy nowhere: expected a model's folder"),
        ({"--beta": "0"}, "--beta: expected a number above 0, found 0"),
        ({"--out": "ranked.csv"}, "expected a name ending in"),
        ({"--out": "none/ranked.parquet"}, "expected an existing folder"),
    ],
)
def test_a_mistake_is_one_line(
    change: dict[str, str],
    sentence: str,
    rather: Rather,
    candidates: Path,
    tiny_model: Path,
    tmp_path: Path,
) -> None:
    """Expected and found, exit code 2, and nothing written."""
    options = {"--policy": tiny_model, "--reference": tiny_model, "--out": tmp_path / "r.parquet"}
    given = [word for option in (options | change).items() for word in option]
    done = rather("rank", candidates, *given)
    assert (done.code, len(done.errors)) == (2, 1)
    assert sentence in done.stderr
    assert not (tmp_path / "r.parquet").exists()


def test_prompts_alone_are_refused(rather: Rather, tmp_path: Path, tiny_model: Path) -> None:
    """There is nothing to rank."""
    source = write(tmp_path / "in.jsonl", {"prompt": "say 1", "topic": "x"})
    done = rather("rank", source, "--policy", tiny_model, "--reference", tiny_model)
    assert (done.code, len(done.errors)) == (2, 1)
    assert "expected candidates beside the prompts" in done.stderr
    assert "found prompt, topic" in done.stderr


def test_the_input_is_never_overwritten(rather: Rather, candidates: Path, tiny_model: Path) -> None:
    """--out may not name it."""
    before = candidates.read_text()
    models = "--policy", tiny_model, "--reference", tiny_model
    done = rather("rank", candidates, *models, "--out", candidates)
    assert (done.code, candidates.read_text()) == (2, before)
