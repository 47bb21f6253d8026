"""`rather convert`: one file of ratings becomes a training set."""

import hashlib
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.pipeline.ratings import GOOD, OLD, lines

Rather = Callable[..., Any]


@pytest.fixture(scope="module")
def converted(
    tmp_path_factory: pytest.TempPathFactory, rather: Rather
) -> Callable[..., tuple[Path, Any]]:
    """Convert GOOD, each distinct way once; give the folder of the result and what was said."""
    made: dict[tuple[str, ...], tuple[Path, Any]] = {}

    def convert(to: str, name: str, *more: str, again: str = "") -> tuple[Path, Any]:
        key = (to, name, *more, again)
        if key not in made:
            folder = tmp_path_factory.mktemp("converted")
            (folder / "ratings.jsonl").write_text(lines(GOOD))
            done = rather(
                "convert", folder / "ratings.jsonl", "--to", to, "--out", folder / name, *more
            )
            assert done.code == 0, done.stderr
            made[key] = folder, done
        return made[key]

    return convert


# What comes out


def test_each_prompt_gives_its_best_against_its_worst(converted: Any) -> None:
    """Four prompts, four pairs, with the margins derived above GOOD and full agreement."""
    rows = pl.read_parquet(converted("dpo", "pairs.parquet")[0] / "pairs.parquet")
    said = pl.col("chosen").list.first().struct.field("content")
    found = rows.select(said, "margin", "agreement", "num_raters").sort("content").rows()
    point = 1 / (5 / 3) ** 0.5
    assert found == [
        ("q0 long answer", pytest.approx(4 * point), 1.0, 2),
        ("q1 short", pytest.approx(4 * point), 1.0, 2),
        ("q2 long answer", pytest.approx(2 * point), 1.0, 2),
        ("q3 short", pytest.approx(2 * point), 1.0, 2),
    ]


def test_each_clear_answer_gets_a_label(converted: Any) -> None:
    """On a scale of 1 to 5 an eighth around the middle is undecided: 4 and 5 are good, 3 is not."""
    rows = pl.read_parquet(converted("kto", "labels.parquet")[0] / "labels.parquet")
    said = pl.col("completion").list.first().struct.field("content")
    good = rows.filter("label").select(said).to_series().sort().to_list()
    assert good == ["q0 long answer", "q1 short", "q2 long answer", "q3 short"]
    assert rows.height == 8


def test_two_runs_give_the_same_bytes(converted: Any) -> None:
    """Training set and dropped rows, Parquet and JSON lines."""
    for to, name in (("dpo", "pairs.parquet"), ("kto", "labels.jsonl")):
        digests = []
        for again in ("", "again"):
            folder, _ = converted(to, name, again=again)
            files = name, f"{Path(name).stem}.dropped.parquet"
            digests.append([hashlib.sha256((folder / f).read_bytes()).hexdigest() for f in files])
        assert digests[0] == digests[1]


def test_json_lines_hold_the_same_rows(converted: Any) -> None:
    """One object a line, messages as lists of role and content."""
    text = (converted("kto", "labels.jsonl")[0] / "labels.jsonl").read_text()
    table = pl.read_parquet(converted("kto", "labels.parquet")[0] / "labels.parquet")
    assert [json.loads(line) for line in text.splitlines()] == table.to_dicts()


def test_the_ledger_and_the_files_are_shown(converted: Any) -> None:
    """On stderr: stages with their counts, then what was written."""
    _, done = converted("dpo", "pairs.parquet")
    assert "not_best 8" in done.stderr
    assert "pairs.parquet: 4 dpo rows" in done.stderr
    assert "pairs.dropped.parquet: 8 dropped pairs" in done.stderr
    assert done.stdout == ""


def test_few_pairs_are_said_loudly(converted: Any) -> None:
    """Four pairs are no training set; labels are not counted as pairs."""
    assert "warning: 4 training pairs: below" in converted("dpo", "pairs.parquet")[1].stderr
    assert "training pairs" not in converted("kto", "labels.parquet")[1].stderr


def test_a_higher_margin_drops_more(converted: Any) -> None:
    """At 2 deviations q2 and q3 lose every pair, and q0 and q1 keep 4 points against nothing less.

    Of 12 pairs the ten below 2 deviations (1 or 2 points: .77 or 1.55) are dropped by the rule.
    """
    folder, _ = converted("dpo", "pairs.parquet", "--set", "winnow.margin.at_least=2")
    assert pl.read_parquet(folder / "pairs.parquet").height == 2
    dropped = pl.read_parquet(folder / "pairs.dropped.parquet")
    assert dict(dropped["reason"].value_counts().iter_rows()) == {"margin": 10, "no_pair_left": 2}


def test_every_pair_is_kept_or_dropped(converted: Any) -> None:
    """4 prompts of 3 answers make 12 pairs: those written and those dropped, none twice."""
    for more in ((), ("--set", "winnow.margin.at_least=2")):
        folder, _ = converted("dpo", "pairs.parquet", *more)
        kept = pl.read_parquet(folder / "pairs.parquet")["pair_id"].to_list()
        dropped = pl.read_parquet(folder / "pairs.dropped.parquet")
        ids = dropped.filter(pl.col("unit") == "pairs")["id"].to_list()
        assert len(set(kept + ids)) == len(kept + ids) == 12


def test_every_dropped_row_has_its_reason_and_lines(converted: Any) -> None:
    """The lines are those of both answers in the source: ann's and bob's rating of each."""
    folder, _ = converted("dpo", "pairs.parquet")
    dropped = pl.read_parquet(folder / "pairs.dropped.parquet")
    assert dropped["reason"].null_count() == dropped["source_lines"].null_count() == 0
    for row in dropped.iter_rows(named=True):
        assert {GOOD[line - 1]["prompt"] for line in row["source_lines"]} <= {
            "q0",
            "q1",
            "q2",
            "q3",
        }
        rows = [GOOD[line - 1] for line in row["source_lines"]]
        assert len({row["prompt"] for row in rows}) == 1
        said = Counter((row["response"], row["rater"]) for row in rows)
        assert (len({answer for answer, _ in said}), said.total(), len(said)) == (2, 4, 4)


def test_every_scored_answer_is_labelled_or_dropped(converted: Any) -> None:
    """12 answers: 8 labels and the 4 middling ones, with the lines of ann's and bob's rating."""
    folder, _ = converted("kto", "labels.parquet")
    dropped = pl.read_parquet(folder / "labels.dropped.parquet")
    assert dropped.select("stage", "unit", "reason").unique().rows() == [
        ("convert", "responses", "undecided")
    ]
    assert sorted(dropped["source_lines"].to_list()) == [[3, 4], [9, 10], [15, 16], [21, 22]]


def test_one_rater_makes_pairs_and_says_what_it_lacks(tmp_path: Path, rather: Rather) -> None:
    """With ann alone there is no agreement: that rule does not apply, and the command says so."""
    source, out = tmp_path / "ratings.jsonl", tmp_path / "pairs.parquet"
    source.write_text(lines([row for row in GOOD if row["rater"] == "ann"]))
    done = rather("convert", source, "--to", "dpo", "--out", out)
    assert (done.code, done.errors) == (0, [])
    assert "the rule agreement was not applied" in done.stderr
    rows = pl.read_parquet(out)
    assert (rows.height, rows["agreement"].null_count()) == (4, 4)


def test_an_old_file_is_replaced(tmp_path: Path, rather: Rather) -> None:
    """By a run that succeeds, both files."""
    source, out = tmp_path / "ratings.jsonl", tmp_path / "labels.jsonl"
    source.write_text(lines(GOOD))
    for path in (out, tmp_path / "labels.dropped.parquet"):
        path.write_bytes(OLD)
    assert rather("convert", source, "--to", "kto", "--out", out).code == 0
    assert len(out.read_text().splitlines()) == 8
    assert pl.read_parquet(tmp_path / "labels.dropped.parquet").height == 4


def kto_dropped(folder: Path, rather: Rather, content: str, *more: str) -> list[tuple[Any, ...]]:
    """Convert to labels and give unit, reason and lines of what the middling answers are not."""
    (folder / "ratings.jsonl").write_text(content)
    out = folder / "labels.parquet"
    done = rather("convert", folder / "ratings.jsonl", "--to", "kto", "--out", out, *more)
    assert done.code == 0, done.stderr
    dropped = pl.read_parquet(folder / "labels.dropped.parquet")
    rest = dropped.filter(pl.col("reason") != "undecided")
    return rest.select("unit", "reason", "source_lines").rows()


def test_one_broken_line_is_dropped_with_its_line(tmp_path: Path, rather: Rather) -> None:
    """24 good lines around it are read."""
    content = "{broken\n" + lines(GOOD)
    assert kto_dropped(tmp_path, rather, content) == [("rows", "invalid_json", [1])]


def test_one_score_outside_its_scale_is_dropped_with_its_line(
    tmp_path: Path, rather: Rather
) -> None:
    """It is a rating without a score, and the one answer it was of is left without a label."""
    content = lines([*GOOD, {"prompt": "q0", "response": "new", "score": 9, "rater": "ann"}])
    found = kto_dropped(tmp_path, rather, content, "--set", "source.mapping.scale=[1, 5]")
    assert found == [("ratings", "outside_scale", [25]), ("responses", "unscored", [25])]


def test_a_repeated_rating_is_dropped_with_its_line(tmp_path: Path, rather: Rather) -> None:
    """The earlier one of the two."""
    found = kto_dropped(tmp_path, rather, lines([GOOD[0] | {"score": 2}, *GOOD]))
    assert found == [("ratings", "repeated_rating", [1])]


def test_the_same_text_again_is_dropped_with_its_line(tmp_path: Path, rather: Rather) -> None:
    """Two generators' one text is one response; the later generator's row says where it went."""
    twice = [row | {"generator": "g"} for row in GOOD]
    twice.append(GOOD[0] | {"generator": "h", "rater": "cem"})
    assert kto_dropped(tmp_path, rather, lines(twice)) == [("responses", "same_text_again", [25])]


# TRL


@pytest.mark.slow
@pytest.mark.parametrize(
    ("to", "keys"),
    [("dpo", ["prompt", "chosen", "rejected"]), ("kto", ["prompt", "completion", "label"])],
)
def test_trl_takes_the_rows(to: str, keys: list[str], converted: Any, tmp_path: Path) -> None:
    """datasets reads the file, and TRL's own checks find the conversational format of its trainer.

    apply_chat_template refuses any other set of its columns, and messages of another shape.
    """
    datasets = pytest.importorskip("datasets")
    data_utils = pytest.importorskip("trl.data_utils")
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from transformers import PreTrainedTokenizerFast

    name = {"dpo": "pairs.parquet", "kto": "labels.parquet"}[to]
    path = str(converted(to, name)[0] / name)
    rows = datasets.load_dataset(
        "parquet", data_files=path, split="train", cache_dir=str(tmp_path / "cache")
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=Tokenizer(WordLevel({"?": 0}, unk_token="?")),
        chat_template="{% for m in messages %}<{{ m.role }}>{{ m.content }}{% endfor %}"
        "{% if add_generation_prompt %}<assistant>{% endif %}",
    )
    assert len(rows) == {"dpo": 4, "kto": 8}[to]
    for row in rows:
        assert data_utils.is_conversational(row)
        assert all(data_utils.is_conversational({key: row[key]}) for key in keys if key != "label")
        text = data_utils.apply_chat_template(row, tokenizer)
        assert text["prompt"] == f"<user>{row['prompt'][0]['content']}<assistant>"
        for key in keys[1:]:
            expected = row[key] if key == "label" else row[key][0]["content"]
            assert text[key] == expected
    if to == "kto":
        assert rows.features["label"].dtype == "bool"
