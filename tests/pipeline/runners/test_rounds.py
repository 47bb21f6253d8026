"""Rounds: what params.yaml may say of them, where their tables are, and how pairs are joined."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.params.params import make_params
from rather.run import Run
from rather.runners.round_curate import join
from rather.runners.round_generate import run as run_round_generate
from rather.runners.shared.rounds import round_run
from rather.schemas.base import UserError
from rather.schemas.texts import Prompts
from rather.schemas.training_sets import Dpo, Kto
from rather.stages.models.pointer import Address
from rather.stages.models.resolve import point_at_endpoint
from rather.tables.contracts import schema_of
from tests.servers import Body, Reply, answer, played
from tests.servers import refusal as refused

TRAIN = {"dpo": {"data": "dpo"}, "kto": {"data": "kto"}}


def run_with(root: Path, **rounds: dict[str, Any]) -> Run:
    """Make a run with rounds."""
    return Run(root, make_params({"train": TRAIN, "rounds": rounds}, (), "here"))


@pytest.mark.parametrize(
    ("rounds", "message"),
    [
        ({"sft": {"from": "sft"}}, "rounds: expected letters"),
        ({"dpo": {"from": "sft"}}, "found 'dpo'"),
        ({"r1": {"from": "r0"}}, "rounds.r1.from: expected one of sft, dpo, kto, found 'r0'"),
        (
            {"r1": {"from": "r2"}, "r2": {"from": "sft"}},
            "rounds.r1.from: expected one of sft, dpo, kto, found 'r2'",
        ),
        ({"r1": {"policy": "ipo"}}, "rounds.r1.policy: expected one of dpo, kto, found 'ipo'"),
        ({"r1": {"form": "sft"}}, "rounds.r1.form: no such parameter"),
        ({"r1": {"pairs": "add"}}, "rounds.r1.pairs: input should be 'join' or 'replace'"),
        ({"r1": {"max_kl": 0}}, "rounds.r1.max_kl: input should be greater than 0, found 0"),
    ],
)
def test_rounds_that_cannot_be_are_refused(rounds: dict[str, Any], message: str) -> None:
    """A round has a name of its own, starts from what is there before it, and is trained."""
    with pytest.raises(UserError) as error:
        make_params({"train": TRAIN, "rounds": rounds}, (), "here")
    assert message in str(error.value)


def test_a_round_is_trained_as_its_policy(tmp_path: Path) -> None:
    """By the entry of `train` that it names, or by the first."""
    params = run_with(tmp_path, r1={"from": "sft"}, r2={"from": "r1", "policy": "kto"}).params
    assert [*params.trained] == ["dpo", "kto", "r1", "r2"]
    assert params.trained["r1"] == params.train["dpo"]
    assert params.trained["r2"] == params.train["kto"]


def test_a_round_has_tables_of_its_own(tmp_path: Path) -> None:
    """All but the prompts, which it shares, as it shares the models."""
    own = round_run(run_with(tmp_path, r1={"from": "dpo"}), "r1")
    assert own.tables.path("load/prompts") == tmp_path / "data/load/prompts.parquet"
    assert own.tables.path("pair/pairs") == tmp_path / "data/rounds/r1/pair/pairs.parquet"
    assert own.model("dpo") == tmp_path / "data/models/dpo"
    assert [*own.params.generators] == ["dpo"]


def test_rounds_draw_other_samples(tmp_path: Path) -> None:
    """Two rounds from one model do not ask it for the same samples."""
    run = run_with(tmp_path, r1={"from": "sft"}, r2={"from": "sft"})
    seeds = {round_run(run, name).params.generators["sft"].seed for name in ("r1", "r2")}
    assert len(seeds) == 2
    assert not seeds & {None, run.params.seed}


def pair(name: str, round_: str | None) -> dict[str, Any]:
    """Make a row of DPO's set."""
    said = [{"role": "user", "content": "hi"}]
    return {
        "pair_id": name * 16,
        "prompt_id": "0" * 16,
        "split": "train",
        **dict.fromkeys(("prompt", "chosen", "rejected"), said),
        **dict.fromkeys(("chosen_id", "rejected_id"), "1" * 16),
        "num_raters": 1,
        "raters": ["ann"],
        "round": round_,
        "weight": 1.0,
    }


def label(name: str, good: bool, round_: str | None) -> dict[str, Any]:
    """Make a row of KTO's set, its weight still that of its own pass."""
    said = [{"role": "user", "content": "hi"}]
    return {
        "response_id": name * 16,
        "prompt_id": "0" * 16,
        "split": "train",
        "prompt": said,
        "completion": said,
        "label": good,
        "num_raters": 1,
        "raters": ["ann"],
        "round": round_,
        "weight": 7.0,
    }


def lay(run: Run, pairs: list[dict[str, Any]], labels: list[dict[str, Any]]) -> None:
    """Write a pass's training sets, and the tables that the number of its buckets goes by."""
    for table in ("load/responses", *(f"generate/{name}" for name in run.params.generators)):
        run.write(table, schema_of(table).create_empty())
    for split in ("train", "test"):
        dpo, kto = (pairs, labels) if split == "train" else ([], [])
        run.write(f"convert/dpo/{split}", pl.DataFrame(dpo, schema=Dpo.create_empty().schema))
        run.write(f"convert/kto/{split}", pl.DataFrame(kto, schema=Kto.create_empty().schema))


@pytest.fixture
def joined(tmp_path: Path) -> Run:
    """A round with a pair and three labels joined with a pass that shares one of each."""
    run = run_with(tmp_path, r1={"from": "dpo"})
    own = round_run(run, "r1")
    lay(run, [pair("a", None), pair("b", None)], [label("a", True, None), label("b", True, None)])
    lay(own, [pair("b", "r1")], [label("b", True, "r1"), label("c", False, "r1")])
    join(own, run)
    return own


def test_joined_pairs_stand_once(joined: Run) -> None:
    """What both passes have is the round's; the rest of the earlier pass is added."""
    found = joined.read("convert/dpo/train").select("pair_id", "round").rows()
    assert set(found) == {("a" * 16, None), ("b" * 16, "r1")}


def test_joined_labels_are_weighed_anew(joined: Run) -> None:
    """Two desirable answers weigh 1 each, and one undesirable 1.5: their ratio is then 4/3."""
    found = joined.read("convert/kto/train").sort("response_id")
    assert found["label"].to_list() == [True, True, False]
    assert found["weight"].to_list() == pytest.approx([1.0, 1.0, 1.5])


def test_a_second_turn_is_asked_after_the_first_answer(tmp_path: Path) -> None:
    """The model answers the first question, then, with its answer before it, the second.

    Prompts of one turn are not asked; a first answer that failed is accounted for.
    """

    def part(body: Body) -> Reply:
        first = body["messages"][0]["content"]
        return refused(400) if first == "broken" else answer(f"{len(body['messages'])}")

    run = run_with(tmp_path, t2={"from": "sft", "turn": 2})
    lay_prompts(run, {"Name two.": ["And a third?"], "Hello.": None, "broken": ["Well?"]})
    with played(part) as server:
        point_at_endpoint(Address(server.url, "played", retries=0), run.model("sft"))
        run_round_generate(run, "t2")
    own = round_run(run, "t2")
    (prompt,) = own.read("load/prompts").to_dicts()
    assert [turn["content"] for turn in prompt["messages"]] == ["Name two.", "1", "And a third?"]
    assert prompt["cluster"] == "0" * 16
    found = own.generated()
    assert found["text"].to_list() == ["3"]
    assert found["prompt_id"].to_list() == [prompt["prompt_id"]]
    told = own.figures("generate")
    assert told["prompts"] == {"in": 2, "kept": 1, "dropped": {"unanswered": 1}}
    assert told["responses"] == {"in": 4, "kept": 1, "dropped": {"duplicates": 3}}


def lay_prompts(run: Run, asked: dict[str, list[str] | None]) -> None:
    """Write prompts, each with its later turns."""
    rows = [
        {
            "prompt_id": f"{at}" * 16,
            "messages": [{"role": "user", "content": text}],
            "later_turns": later,
            "split": "train",
            "cluster": f"{at}" * 16,
            "source": "s",
            "source_line": at + 1,
        }
        for at, (text, later) in enumerate(asked.items())
    ]
    run.write("load/prompts", pl.DataFrame(rows, schema=Prompts.create_empty().schema))
