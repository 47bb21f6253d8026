"""`rather why`: the whole story of one row."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.commands.why import show_story, story
from rather.params.params import Params
from rather.run import Run
from rather.schemas.base import UserError
from rather.tables.contracts import schema_of

P, Q = "aa" + "0" * 14, "ab" + "0" * 14
BEST, WORST, ALONE, FAILED = ("b" + letter + "0" * 14 for letter in "0123")
PAIR, OTHER = "c0" + "0" * 14, "c1" + "0" * 14
SOURCE = {"source": "ratings.jsonl"}


def said(role: str, text: str) -> list[dict[str, str]]:
    """Make one message."""
    return [{"role": role, "content": text}]


def table(name: str, *rows: dict[str, Any]) -> pl.DataFrame:
    """Make a table; a pair's columns that a row leaves out say that nothing is wrong with it."""
    schema = schema_of(name).create_empty().schema
    whole = {
        column: {pl.Int64: 0, pl.Boolean: True}.get(type(dtype))
        for column, dtype in schema.items()
        if name.startswith(("pair/pairs", "winnow", "choose"))
    }
    return pl.DataFrame([whole | row for row in rows], schema=schema)


PAIRS = [
    {
        "pair_id": PAIR,
        "prompt_id": P,
        "split": "train",
        "chosen_id": BEST,
        "rejected_id": WORST,
        "margin": 1.25,
        "contradicted": False,
        "back_arc": False,
    },
    {
        "pair_id": OTHER,
        "prompt_id": P,
        "split": "train",
        "chosen_id": WORST,
        "rejected_id": ALONE,
        "margin": 0.1,
        "back_arc": False,
    },
]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """A run of two prompts; q has one answer that failed and no pair."""
    made = Run(tmp_path, Params())
    prompts = [
        {"prompt_id": name, "messages": said("user", text), "split": "train", "source_line": line}
        for name, text, line in ((P, "why\nnot", 1), (Q, "who", 7))
    ]
    answers = [(BEST, "good"), (WORST, "x" * 1_000_000), (ALONE, "fine")]
    responses = [
        {"prompt_id": P, "response_id": name, "text": text, "sample_index": n, "source_line": 2}
        for n, (name, text) in enumerate(answers)
    ]
    responses.append({"prompt_id": Q, "reason": "timeout", "sample_index": 0, "source_line": 7})
    ratings = [
        {"response_id": BEST, "prompt_id": P, "rater": "ann", "score": 5.0, "source_line": 2},
        {"response_id": BEST, "prompt_id": P, "rater": "bob", "reason": "N/A", "source_line": 3},
    ]
    compared = {"first_id": WORST, "second_id": BEST, "rater": "cat", "preference": -1.0}
    for name, rows in {
        "load/prompts": [row | SOURCE | {"cluster": row["prompt_id"]} for row in prompts],
        "load/responses": [row | SOURCE | {"generator": "g"} for row in responses],
        "load/ratings": [row | SOURCE | {"aspect": "overall"} for row in ratings],
        "load/comparisons": [
            compared | SOURCE | {"prompt_id": P, "aspect": "overall", "source_line": 4}
        ],
        "pair/pairs": PAIRS,
        "pair/dropped": [{"prompt_id": Q, "reason": "one_response"}],
    }.items():
        made.write(name, table(name, *rows))
    return made


def write_fates(run: Run) -> None:
    """Let winnow drop one pair, and the other go all the way."""
    pair, other = PAIRS
    kept = {"prompt_id": P, "split": "train", "num_raters": 1, "raters": ["ann"], "weight": 2.0}
    row = pair | kept | {side: said("assistant", side) for side in ("chosen", "rejected")}
    label = {"response_id": BEST, "completion": said("assistant", "good"), "label": True}
    asked = {"prompt": said("user", "why")}
    for name, rows in {
        "winnow/clear": [pair],
        "winnow/dropped": [other | {"reason": "margin", "failed": ["margin", "agreement"]}],
        "choose/chosen": [pair | {"weight": 1.0}],
        "choose/dropped": [],
        "convert/dpo/train": [{k: v for k, v in (row | asked).items() if k in DPO}],
        "convert/kto/train": [kept | label | asked],
        "convert/dropped": [{"response_id": WORST, "prompt_id": P, "reason": "undecided"}],
    }.items():
        run.write(name, table(name, *rows))


DPO = schema_of("convert/dpo/train").column_names()


def test_a_pair_tells_its_whole_story(run: Run) -> None:
    """Source lines, texts, ratings, comparisons, evidence, fate and place."""
    write_fates(run)
    assert story(run, PAIR) == [
        f"pair {PAIR}",
        f"prompt {P}: ratings.jsonl line 1, split train",
        "  user: 'why\\nnot'",
        f"chosen {BEST}: by g, ratings.jsonl line 2",
        "  'good'",
        "  rated 5 by ann (overall), ratings.jsonl line 2",
        "  rated N/A by bob (overall), ratings.jsonl line 3",
        f"rejected {WORST}: by g, ratings.jsonl line 2",
        f"  '{'x' * 160}' (1,000,000 characters)",
        f"compared {WORST} with {BEST} by cat (overall): preference -1, ratings.jsonl line 4",
        "  evidence: margin 1.25, num_raters 0, length_gap 0",
        "  winnow: kept",
        "  choose: kept",
        "  convert: in convert/dpo/train",
    ]


def test_a_dropped_pair_tells_every_rule_it_failed(run: Run) -> None:
    """The first one owns it; what comes after is not told of."""
    write_fates(run)
    assert story(run, OTHER)[-1] == "  winnow: dropped, margin (failed: margin, agreement)"


def test_a_pair_before_winnow_has_no_fate_yet(run: Run) -> None:
    """A stage that has not run is said not to have."""
    assert story(run, PAIR)[-1] == "  winnow: has not run on it"


def test_a_prompt_tells_of_its_answers_and_pairs(run: Run) -> None:
    """Three answers and two pairs, one of them dropped."""
    write_fates(run)
    told = story(run, P)
    assert sum(line.startswith("answer") for line in told) == 3
    assert f"pair {PAIR}: {BEST} rather than {WORST}" in told
    assert "  winnow: dropped, margin (failed: margin, agreement)" in told


def test_a_prompt_without_a_pair_tells_why(run: Run) -> None:
    """Its one answer failed."""
    assert story(run, Q) == [
        f"prompt {Q}: ratings.jsonl line 7, split train",
        "  user: 'who'",
        "answer None: by g, ratings.jsonl line 7",
        "  no text: timeout",
        "pair: no pair, one_response",
    ]


@pytest.mark.parametrize(
    ("name", "last"),
    [
        (BEST, "convert: desirable, weight 2, in convert/kto/train"),
        (WORST, "convert: no label, undecided"),
        (ALONE, "convert: not in kto"),
    ],
)
def test_an_answer_tells_its_label(run: Run, name: str, last: str) -> None:
    """The label, the reason why there is none, or that none was asked for."""
    write_fates(run)
    assert story(run, name)[-1] == last


def test_an_answer_tells_its_sides(run: Run) -> None:
    """Rejected in one pair and chosen in the other."""
    told = story(run, WORST)
    assert [line for line in told if line.startswith("pair")] == [
        f"pair {PAIR}: rejected",
        f"pair {OTHER}: chosen",
    ]


def test_an_answer_tells_what_it_was_compared_with(run: Run) -> None:
    """It stood second in the one comparison."""
    told = f"compared {WORST} with {BEST} by cat (overall): preference -1, ratings.jsonl line 4"
    assert told in story(run, BEST)


def test_an_answer_of_two_generators_is_one(run: Run) -> None:
    """One id names it, though two rows hold it."""
    rows = run.read("load/responses")
    again = rows.filter(pl.col("response_id") == BEST).with_columns(generator=pl.lit("h"))
    run.write("load/responses", pl.concat([rows, again]))
    assert sum(line.startswith("answer") for line in story(run, BEST)) == 1


def test_a_long_conversation_tells_its_end(run: Run) -> None:
    """The last twelve of twenty turns."""
    turns = [said("user", f"turn {n}")[0] for n in range(20)]
    prompt = run.read("load/prompts").filter(pl.col("prompt_id") == Q).to_dicts()[0]
    run.write("load/prompts", table("load/prompts", prompt | {"messages": turns}))
    told = story(run, Q)
    assert told[1:3] == ["  (8 turns before)", "  user: 'turn 8'"]
    assert "  user: 'turn 19'" in told


def test_many_ratings_are_cut_short(run: Run) -> None:
    """Ten thousand ratings of one answer are twelve lines and a count."""
    rating = {"response_id": BEST, "prompt_id": P, "aspect": "overall", "score": 1.0}
    rows = [rating | SOURCE | {"rater": f"{n}", "source_line": 1} for n in range(10_000)]
    run.write("load/ratings", table("load/ratings", *rows))
    told = story(run, BEST)
    assert "  and 9,988 ratings more" in told
    assert sum(line.startswith("  rated") for line in told) == 12


def test_the_beginning_of_an_id_is_enough(run: Run) -> None:
    """Where it is that of one id alone, in capitals too."""
    assert story(run, "C0") == story(run, PAIR)


def test_the_number_of_an_id_is_enough(run: Run) -> None:
    """As it stands in the tables between the stages."""
    assert story(run, str(int(PAIR, 16))) == story(run, PAIR)


def test_a_table_with_other_ids_is_refused(run: Run) -> None:
    """Another tool wrote them as texts; the message says which stage writes it anew."""
    path = run.tables.path("pair/pairs")
    run.read("pair/pairs").write_parquet(path)
    with pytest.raises(UserError, match=r"pairs\.parquet: expected .* --force pair"):
        story(run, PAIR)


def test_the_beginning_of_several_ids_is_refused(run: Run) -> None:
    """Those that it may mean are named."""
    with pytest.raises(UserError, match=f"prompt_id {P}, prompt_id {Q}; give more"):
        story(run, "a")


@pytest.mark.parametrize("name", ["ffff", "0000", "0" * 17, "pair x", ""])
def test_an_unknown_id_is_refused(run: Run, name: str) -> None:
    """The message says what ids look like and where they stand."""
    with pytest.raises(
        UserError, match=r"expected a pair_id.*16 hex digits such as 0123456789abcdef"
    ):
        story(run, name)


def test_a_run_without_tables_has_no_ids(tmp_path: Path) -> None:
    """An empty folder is not an error of its own."""
    with pytest.raises(UserError, match="found none in"):
        story(Run(tmp_path, Params()), P)


def test_a_story_is_printed(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """Line by line, of the run whose params.yaml lies in the folder."""
    (run.root / "params.yaml").write_text("seed: 0\n")
    show_story(run.root, PAIR)
    assert capsys.readouterr().out.splitlines() == story(run, PAIR)
