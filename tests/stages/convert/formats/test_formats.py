"""Training sets as each trainer reads them."""

import json
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import yaml

from rather.schemas.base import UserError
from rather.schemas.training_sets import Dpo, Kto
from rather.stages.common import extensions
from rather.stages.convert.formats.formats import FORMATS, Kind, form
from rather.stages.convert.formats.turns import Facts

SYSTEM = {"role": "system", "content": "be brief"}
USER = {"role": "user", "content": "why <|end|>"}
ASSISTANT = {"role": "assistant", "content": "so"}
GOOD = {"role": "assistant", "content": "good"}
BAD = {"role": "assistant", "content": "bad"}


def pairs(*prompts: list[dict[str, str]]) -> pl.DataFrame:
    """Make pairs, one to each prompt."""
    rows = [
        {"pair_id": f"{n}", "prompt": prompt, "chosen": [GOOD], "rejected": [BAD], "margin": 1.5}
        for n, prompt in enumerate(prompts)
    ]
    return pl.DataFrame(rows, schema=Dpo.create_empty().schema)


def labels(*prompts: list[dict[str, str]]) -> pl.DataFrame:
    """Make labelled answers, one to each prompt."""
    rows = [
        {"response_id": f"{n}", "prompt": prompt, "completion": [GOOD], "label": True}
        for n, prompt in enumerate(prompts)
    ]
    return pl.DataFrame(rows, schema=Kto.create_empty().schema)


def first(name: str, kind: Kind, prompt: list[dict[str, str]]) -> dict[str, Any]:
    """Give the one row made of a prompt, without evidence that is null."""
    rows = pairs(prompt) if kind == "dpo" else labels(prompt)
    row = form(name, kind).reshape(rows).rows.row(0, named=True)
    return {column: value for column, value in row.items() if value is not None}


EVERY = [(name, kind) for name, kinds in FORMATS.items() for kind in kinds]


@pytest.mark.parametrize(
    ("name", "kind", "row"),
    [
        ("trl", "dpo", {"prompt": [USER], "chosen": [GOOD], "rejected": [BAD]}),
        ("trl", "kto", {"prompt": [USER], "completion": [GOOD]}),
        (
            "trl-standard",
            "dpo",
            {"prompt": "why <|end|>", "chosen": "good", "rejected": "bad"},
        ),
        ("trl-standard", "kto", {"prompt": "why <|end|>", "completion": "good"}),
        ("axolotl", "dpo", {"messages": [USER], "chosen": GOOD, "rejected": BAD}),
        ("axolotl", "kto", {"prompt": "why <|end|>", "completion": "good"}),
        (
            "llamafactory",
            "dpo",
            {
                "conversations": [{"from": "human", "value": "why <|end|>"}],
                "chosen": {"from": "gpt", "value": "good"},
                "rejected": {"from": "gpt", "value": "bad"},
            },
        ),
        ("llamafactory", "kto", {"messages": [USER, GOOD]}),
        ("open-instruct", "dpo", {"chosen": [USER, GOOD], "rejected": [USER, BAD]}),
    ],
)
def test_a_row_in_each_format(name: str, kind: Kind, row: dict[str, Any]) -> None:
    """Columns as the trainer's documentation names them; special tokens in the text stay text."""
    evidence = (
        {"pair_id": "0", "margin": 1.5} if kind == "dpo" else {"response_id": "0", "label": True}
    )
    assert first(name, kind, [USER]) == row | evidence


def test_a_system_message_has_its_own_column_in_axolotls_labels() -> None:
    """The prompt is the question alone."""
    row = first("axolotl", "kto", [SYSTEM, USER])
    assert (row["system"], row["prompt"]) == ("be brief", "why <|end|>")


@pytest.mark.parametrize(
    ("name", "kind"), [("trl-standard", "dpo"), ("trl-standard", "kto"), ("axolotl", "kto")]
)
def test_several_turns_are_dropped_where_a_prompt_is_one_text(name: str, kind: Kind) -> None:
    """Joining them would take a template; the row is dropped as it was, with its reason."""
    rows = (pairs if kind == "dpo" else labels)([USER], [USER, ASSISTANT, USER])
    kept, dropped = form(name, kind).reshape(rows)
    assert kept.height == 1
    assert dropped["reason"].to_list() == ["not_one_question"]
    assert dropped.drop("reason").rows() == rows[1:].rows()


@pytest.mark.parametrize("kind", ["dpo", "kto"])
@pytest.mark.parametrize("prompt", [[USER, USER], [ASSISTANT, USER], [USER, SYSTEM, USER]])
def test_llamafactory_takes_alternating_turns_only(
    kind: Kind, prompt: list[dict[str, str]]
) -> None:
    """It skips the others without an error: they are dropped here, with a reason."""
    rows = (pairs if kind == "dpo" else labels)([SYSTEM, USER, ASSISTANT, USER], prompt)
    kept, dropped = form("llamafactory", kind).reshape(rows)
    assert (kept.height, dropped["reason"].to_list()) == (1, ["turns_do_not_alternate"])


@pytest.mark.parametrize(("name", "kind"), EVERY)
def test_no_rows_are_no_error(name: str, kind: Kind) -> None:
    """An empty table has the format's columns, and nothing dropped."""
    rows = pairs() if kind == "dpo" else labels()
    filled = pairs([USER]) if kind == "dpo" else labels([USER])
    kept, dropped = form(name, kind).reshape(rows)
    assert kept.schema == form(name, kind).reshape(filled).rows.schema
    assert (kept.height, dropped.height, "reason" in dropped.columns) == (0, 0, True)


def test_open_instruct_repeats_each_rows_own_prompt() -> None:
    """Prompts of one and of three turns, each before its answers."""
    several = [USER, ASSISTANT, USER]
    rows = form("open-instruct", "dpo").reshape(pairs(several, [SYSTEM, USER])).rows
    assert rows["chosen"].to_list() == [[*several, GOOD], [SYSTEM, USER, GOOD]]
    assert rows["rejected"].to_list() == [[*several, BAD], [SYSTEM, USER, BAD]]


def test_open_instruct_has_no_labels() -> None:
    """It trains on pairs; asked for labels, the formats that have them are named."""
    with pytest.raises(
        UserError, match="expected one of trl, trl-standard, axolotl, llamafactory for kto"
    ):
        form("open-instruct", "kto")


def test_an_unknown_format_is_named() -> None:
    """With those that there are."""
    with pytest.raises(UserError, match=r"--format alpaca: expected one of trl, .*open-instruct"):
        form("alpaca", "dpo")


FACTS = Facts("pairs.jsonl", 1.0, 2.5)


@pytest.mark.parametrize("kind", ["dpo", "kto"])
def test_llamafactory_gets_its_entry(kind: Kind) -> None:
    """dataset_info.json names the file and columns that are there."""
    made = form("llamafactory", kind)
    assert made.side_file is not None
    name, entries = made.side_file(FACTS)
    entry = json.loads(json.dumps(entries))["pairs"]
    assert (name, entry["file_name"]) == ("dataset_info.json", "pairs.jsonl")
    assert {*entry["columns"].values()} <= first("llamafactory", kind, [USER]).keys()


@pytest.mark.parametrize(
    ("kind", "type_"), [("dpo", "chat_template.default"), ("kto", "chatml.ultra")]
)
def test_axolotl_gets_its_yaml(kind: Kind, type_: str) -> None:
    """The lines are YAML, and name file, reader and type."""
    lines = yaml.safe_load(form("axolotl", kind).recipe(FACTS))
    assert lines["rl"] == kind
    entry = {"path": "pairs.jsonl", "ds_type": "json", "split": "train", "type": type_}
    assert lines["datasets"] == [entry]


@pytest.mark.parametrize(
    ("name", "weight"),
    [
        ("trl", "undesirable_weight=2.5"),
        ("axolotl", "kto_undesirable_weight: 2.5"),
        ("llamafactory", "kto_rejected_weight: 2.5"),
    ],
)
def test_a_recipe_for_labels_says_the_weights(name: str, weight: str) -> None:
    """No trainer reads them from a column."""
    assert weight in form(name, "kto").recipe(FACTS)


def test_an_odd_file_name_breaks_no_recipe() -> None:
    """Colons and quotes are quoted; a comma would part LLaMA-Factory's names."""
    odd = Facts('a,b: "c".jsonl')
    assert (
        yaml.safe_load(form("axolotl", "dpo").recipe(odd))["datasets"][0]["path"] == odd.file_name
    )
    assert yaml.safe_load(form("llamafactory", "dpo").recipe(odd))["dataset"] == 'a_b: "c"'


def test_parquet_is_read_as_parquet() -> None:
    """The ending says which reader the trainer needs."""
    assert 'load_dataset("parquet"' in form("trl", "dpo").recipe(Facts("pairs.parquet"))


OWN_FORMAT = """
import polars as pl
from rather.stages.convert.formats.formats import Form
from rather.stages.convert.formats.turns import Reshaped

def lines(rows):
    dropped = rows.clear().with_columns(reason=pl.lit(None, pl.String))
    return Reshaped(rows.select(line=pl.col("pair_id")), dropped)

lined = {"dpo": Form(lines, lambda facts: f"read {facts.file_name}")}
nothing = 3
"""


@pytest.fixture
def own_module(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Work in a folder that holds a module with a format."""
    (tmp_path / "formats_of_a_user.py").write_text(OWN_FORMAT)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    return "formats_of_a_user"


def test_a_format_of_the_users_own_is_imported(own_module: str) -> None:
    """Its function reshapes the rows, and its recipe names the file."""
    made = form(f"{own_module}:lined", "dpo")
    assert made.reshape(pairs([USER])).rows.to_dicts() == [{"line": "0"}]
    assert made.recipe(FACTS) == "read pairs.jsonl"


def test_a_package_declares_a_format(own_module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry point in the group `rather.formats` is a format's name."""
    entry = EntryPoint("lined", f"{own_module}:lined", "rather.formats")
    monkeypatch.setattr(extensions, "entry_points", lambda group: [entry])
    assert form("lined", "dpo") is form(f"{own_module}:lined", "dpo")


@pytest.mark.parametrize(
    ("name", "kind", "sentence"),
    [
        ("lined", "kto", "expected one of trl, trl-standard, axolotl, llamafactory for kto rows"),
        ("nothing", "dpo", "expected a dict of dpo and kto, each a .*Form, found int; correct it"),
        ("missing", "dpo", "expected formats_of_a_user:missing, found AttributeError"),
    ],
)
def test_a_format_that_cannot_be_used_is_explained(
    name: str, kind: Kind, sentence: str, own_module: str
) -> None:
    """Of other rows, of another type, or absent."""
    with pytest.raises(UserError, match=f"--format {own_module}:{name}: {sentence}"):
        form(f"{own_module}:{name}", kind)


def test_a_misspelt_format_is_answered_with_the_closest() -> None:
    """The hint follows the name."""
    with pytest.raises(UserError, match=r"--format axolotel \(did you mean 'axolotl'\?\): exp"):
        form("axolotel", "dpo")
