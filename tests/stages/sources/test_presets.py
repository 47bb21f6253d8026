"""Known formats: each recognised by its columns, and read from a row written as its makers do."""

import contextlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.schemas.judgements import Comparisons, Ratings
from rather.schemas.texts import Prompts, Responses
from rather.stages.sources.load import Demo, Loaded, Source, load
from rather.stages.sources.presets import describe, presets
from rather.stages.sources.row_batches import UnreadableError

Row = dict[str, Any]
PRESETS = presets()


def read(folder: Path, *rows: Row, **options: Any) -> Loaded:
    """Write rows to a file and load it as it is recognised; each table keeps to its schema."""
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    loaded = load(Source(path=str(path), format="auto", **options), Demo(), 0.0, 0)
    Prompts.validate(loaded.prompts)
    Responses.validate(loaded.responses)
    Ratings.validate(loaded.ratings)
    Comparisons.validate(loaded.comparisons)
    return loaded


def turn(role: str, content: str) -> Row:
    """Make one turn."""
    return {"role": role, "content": content}


def asked(loaded: Loaded) -> list[list[tuple[str, str]]]:
    """Give each prompt's turns, in the source's order."""
    rows = loaded.prompts.sort("source_line")["messages"].to_list()
    return [[(message["role"], message["content"]) for message in row] for row in rows]


def texts(loaded: Loaded) -> pl.DataFrame:
    """Give the text that each response's id stands for."""
    return loaded.responses.select(pl.col("response_id"), pl.col("text")).unique()


def rated(loaded: Loaded) -> list[tuple[Any, ...]]:
    """Give who rated which text, in what respect, and how."""
    rows = loaded.ratings.join(texts(loaded), on="response_id")
    return sorted(rows.select("text", "rater", "aspect", "score").iter_rows())


def compared(loaded: Loaded) -> list[tuple[Any, ...]]:
    """Give which two texts were compared, by whom, in what respect, and how."""
    rows = loaded.comparisons
    for side in ("first", "second"):
        named = texts(loaded).rename({"response_id": f"{side}_id", "text": side})
        rows = rows.join(named, on=f"{side}_id")
    return sorted(rows.select("first", "second", "rater", "aspect", "preference").iter_rows())


def preferred(loaded: Loaded) -> list[tuple[Any, ...]]:
    """Give which text was preferred to which, and by whom, of comparisons without ties."""
    return sorted(
        (*((first, second) if preference > 0 else (second, first)), rater, aspect)
        for first, second, rater, aspect, preference in compared(loaded)
    )


def answered(loaded: Loaded) -> list[tuple[str, str]]:
    """Give who answered what."""
    return sorted(loaded.responses.select("generator", "text").iter_rows())


def test_every_format_is_described() -> None:
    """`rather sources` prints its name, shape, columns and one line about it."""
    rows = describe()
    assert [name for name, *_ in rows] == list(PRESETS)
    assert rows[list(PRESETS).index("pairs")][:3] == ("pairs", "pairs", "chosen, prompt, rejected")
    assert all(0 < len(about) <= 90 and "\n" not in about for *_, about in rows)


def test_no_format_hides_another() -> None:
    """The more particular stands first: a format's columns never contain an earlier one's."""
    names = list(PRESETS)
    for at, name in enumerate(names):
        hiding = [n for n in names[:at] if PRESETS[n].recognised_by <= PRESETS[name].recognised_by]
        assert hiding == [], name


def test_every_map_is_whole() -> None:
    """It names all that its shape needs, and columns that give the format away."""
    for name, preset in PRESETS.items():
        assert preset.mapping.lacks() is None, name
        assert preset.unwrap or set(preset.mapping.needed()) <= preset.recognised_by, name


def test_pandalm(tmp_path: Path) -> None:
    """Instruction and input make the prompt, the key names the models, 0 is a tie."""
    row = {
        "idx": 0,
        "motivation_app": "Grammarly",
        "cmp_key": "bloom-7b_llama-7b",
        "instruction": "Say it.",
        "input": "It.",
        "response1": "b",
        "response2": "c",
        "annotator1": 1,
        "annotator2": 2,
        "annotator3": 0,
    }
    loaded = read(tmp_path, row)
    assert (loaded.format, asked(loaded)) == ("pandalm", [[("user", "Say it.\n\nIt.")]])
    assert compared(loaded) == [
        ("b", "c", "annotator1", "overall", 1.0),
        ("b", "c", "annotator2", "overall", -1.0),
        ("b", "c", "annotator3", "overall", 0.0),
    ]
    assert answered(loaded) == [("bloom-7b", "b"), ("llama-7b", "c")]


def test_dices(tmp_path: Path) -> None:
    """Yes means unsafe; Unsure is an opinion, but no score."""
    labels = {"majority_human": "No", "individual_human_scores": ["No", "Yes", "Unsure"]}
    row = {
        "id": 1,
        "instance": {"user_prompt": "USER: a\nLAMDA: b\nUSER: c", "response": "d"},
        "annotations": {"safety": labels},
    }
    loaded = read(tmp_path, row)
    assert loaded.format == "dices"
    assert asked(loaded) == [[("user", "a"), ("assistant", "b"), ("user", "c")]]
    assert rated(loaded) == [
        ("d", "rater_1", "overall", 1.0),
        ("d", "rater_2", "overall", 0.0),
        ("d", "rater_3", "overall", None),
    ]


def test_unsure_may_be_a_score(tmp_path: Path) -> None:
    """A person who says what Unsure means gets three categories."""
    labels = {"individual_human_scores": ["No", "Yes", "Unsure"]}
    row = {
        "instance": {"user_prompt": "USER: a", "response": "d"},
        "annotations": {"safety": labels},
    }
    values = {"No": 1, "Yes": 0, "Unsure": 0.5}
    loaded = read(tmp_path, row, mapping={"values": values})
    assert [score for *_, score in rated(loaded)] == [1.0, 0.0, 0.5]


def test_finegrained_qa(tmp_path: Path) -> None:
    """Six votes in the order 1v2, 1v3, 1v4, 2v3, 2v4, 3v4."""
    row = {
        "question": "a",
        "passages": [],
        "gold": "g",
        **{f"prediction {number}": f"p{number}" for number in range(1, 5)},
        "preference": [1, 2, 0, 1, 2, 0],
    }
    loaded = read(tmp_path, row)
    assert loaded.format == "finegrained_qa"
    assert [(first, second, vote) for first, second, _, _, vote in compared(loaded)] == [
        ("p1", "p2", 1.0),
        ("p1", "p3", -1.0),
        ("p1", "p4", 0.0),
        ("p2", "p3", 1.0),
        ("p2", "p4", -1.0),
        ("p3", "p4", 0.0),
    ]
    assert loaded.prompts["demonstration"].to_list() == ["g"]


def test_ultrafeedback(tmp_path: Path) -> None:
    """Each completion has a rating per aspect; "N/A" is none."""
    completion = {
        "model": "m",
        "principle": "honesty",
        "response": "b",
        "annotations": {
            "instruction_following": {"Rating": "5", "Rationale": "r"},
            "honesty": {"Rating": "N/A", "Rationale": "r"},
            "truthfulness": {"Type": ["1"], "Rating": "3", "Rationale For Rating": "r"},
            "helpfulness": {"Type": ["1"], "Rating": "4", "Rationale For Rating": "r"},
        },
        "overall_score": 8.0,
        "fine-grained_score": 4.0,
    }
    row = {"source": "s", "instruction": "a", "models": ["m"], "completions": [completion]}
    loaded = read(tmp_path, row)
    assert (loaded.format, answered(loaded)) == ("ultrafeedback", [("m", "b")])
    assert [(aspect, score) for _, _, aspect, score in rated(loaded)] == [
        ("helpfulness", 4.0),
        ("honesty", None),
        ("instruction_following", 5.0),
        ("truthfulness", 3.0),
    ]
    assert set(loaded.ratings["rater"]) == {"gpt-4"}


@pytest.mark.parametrize("prompt", [{"prompt": "a", "prompt_id": "x"}, {}])
def test_ultrafeedback_binarized(prompt: Row, tmp_path: Path) -> None:
    """H4's has the prompt beside the conversations, TRL's inside them alone."""
    row = prompt | {
        "chosen": [turn("user", "a"), turn("assistant", "b")],
        "rejected": [turn("user", "a"), turn("assistant", "c")],
        "score_chosen": 8.0,
        "score_rejected": 6.5,
    }
    loaded = read(tmp_path, row)
    assert (loaded.format, asked(loaded)) == ("ultrafeedback_binarized", [[("user", "a")]])
    assert preferred(loaded) == [("b", "c", "source", "overall")]
    assert [(text, score) for text, _, _, score in rated(loaded)] == [("b", 8.0), ("c", 6.5)]


def test_argilla_binarized(tmp_path: Path) -> None:
    """The models and their ratings stand in columns with dashes."""
    row = {
        "source": "evol_instruct",
        "prompt": "a",
        "chosen": [turn("user", "a"), turn("assistant", "b")],
        "chosen-rating": 5.0,
        "chosen-model": "m",
        "rejected": [turn("user", "a"), turn("assistant", "c")],
        "rejected-rating": 3.75,
        "rejected-model": "n",
    }
    loaded = read(tmp_path, row)
    assert (loaded.format, answered(loaded)) == ("argilla_binarized", [("m", "b"), ("n", "c")])
    assert [(text, score) for text, _, _, score in rated(loaded)] == [("b", 5.0), ("c", 3.75)]


def test_helpsteer2(tmp_path: Path) -> None:
    """Five aspects of one rating."""
    row = {
        "prompt": "a\n<extra_id_1>Assistant\nb\n<extra_id_1>User\nc",
        "response": "d",
        "helpfulness": 4,
        "correctness": 3,
        "coherence": 2,
        "complexity": 1,
        "verbosity": 0,
    }
    loaded = read(tmp_path, row)
    assert loaded.format == "helpsteer2"
    assert asked(loaded) == [[("user", "a"), ("assistant", "b"), ("user", "c")]]
    assert {aspect: score for _, _, aspect, score in rated(loaded)} == {
        "helpfulness": 4.0,
        "correctness": 3.0,
        "coherence": 2.0,
        "complexity": 1.0,
        "verbosity": 0.0,
    }


def test_helpsteer3(tmp_path: Path) -> None:
    """-3 says that the first answer is much better; each annotator's own preference is read."""
    row = {
        "domain": "general",
        "language": "english",
        "context": [turn("user", "a"), turn("assistant", "b"), turn("user", "c")],
        "response1": "d",
        "response2": "e",
        "overall_preference": -2,
        "individual_preference": [{"score": -3, "reasoning": "r"}, {"score": 1}, {"score": 0}],
    }
    loaded = read(tmp_path, row)
    assert loaded.format == "helpsteer3"
    assert [preference for *_, preference in compared(loaded)] == pytest.approx([1, -1 / 3, 0])
    assert loaded.comparisons["rater"].n_unique() == 3


def test_shp(tmp_path: Path) -> None:
    """1 says that A is better, 0 that B is; votes are not ratings."""
    row = {
        "post_id": "x",
        "domain": "askculinary_train",
        "history": "a",
        "human_ref_A": "b",
        "human_ref_B": "c",
        "labels": 0,
        "score_A": 52,
        "score_B": 54,
        "score_ratio": 1.04,
    }
    other = {**row, "history": "d", "human_ref_A": "e", "human_ref_B": "f", "labels": 1}
    loaded = read(tmp_path, row, other)
    assert loaded.format == "shp"
    found = [(first, second, preference) for first, second, *_, preference in compared(loaded)]
    assert found == [("b", "c", -1.0), ("e", "f", 1.0)]
    assert loaded.ratings.height == 0


def test_openassistant(tmp_path: Path) -> None:
    """A ranking of three replies is three comparisons; 0 is the best rank."""
    replies = [
        {"text": text, "role": "assistant", "rank": rank, "replies": []}
        for rank, text in enumerate("bcd")
    ]
    tree = {"message_id": "x", "text": "a", "role": "prompter", "replies": replies}
    loaded = read(tmp_path, {"message_tree_id": "x", "tree_state": "ready", "prompt": tree})
    assert (loaded.format, asked(loaded)) == ("openassistant", [[("user", "a")]])
    assert preferred(loaded) == [
        ("b", "c", "source", "overall"),
        ("b", "d", "source", "overall"),
        ("c", "d", "source", "overall"),
    ]


def test_alpaca_eval(tmp_path: Path) -> None:
    """1 prefers the first output, 2 the second, numbers between them less clearly."""
    row = {
        "instruction": "a",
        "output_1": "b",
        "generator_1": "m",
        "output_2": "c",
        "generator_2": "n",
        "dataset": "helpful_base",
        "annotator": "weighted_alpaca_eval_gpt4_turbo",
        "preference": 1.25,
    }
    other = {**row, "instruction": "d", "preference": 2}
    loaded = read(tmp_path, row, other, {**row, "instruction": "e", "preference": 1.5})
    assert loaded.format == "alpaca_eval"
    assert sorted(preference for *_, preference in compared(loaded)) == [-1.0, 0.0, 0.5]
    assert set(loaded.comparisons["rater"]) == {"weighted_alpaca_eval_gpt4_turbo"}
    assert set(answered(loaded)) == {("m", "b"), ("n", "c")}


def arena_row(winner: str, *turns: tuple[str, str]) -> Row:
    """Make a vote; each turn is what model a and model b said."""
    sides: list[list[Row]] = [[], []]
    for said in turns:
        for side, text in zip(sides, said, strict=True):
            side += [turn("user", "a"), turn("assistant", text)]
    return {
        "question_id": "x",
        "model_a": "m",
        "model_b": "n",
        "winner": winner,
        "judge": "arena_user_1",
        "conversation_a": sides[0],
        "conversation_b": sides[1],
        "turn": len(turns),
    }


def test_chatbot_arena(tmp_path: Path) -> None:
    """Both kinds of tie are ties; a vote on later turns is set aside."""
    rows = [
        arena_row("model_a", ("b", "c")),
        arena_row("model_b", ("d", "e")),
        arena_row("tie (bothbad)", ("f", "g")),
        arena_row("tie", ("h", "i"), ("j", "k")),
    ]
    loaded = read(tmp_path, *rows)
    assert loaded.format == "chatbot_arena"
    found = [(first, second, preference) for first, second, *_, preference in compared(loaded)]
    assert found == [("b", "c", 1.0), ("d", "e", -1.0), ("f", "g", 0.0)]
    assert set(loaded.comparisons["rater"]) == {"arena_user_1"}
    assert loaded.set_aside.select("reason", "source_line").rows() == [("prefixes_differ", 4)]


def test_safe_rlhf(tmp_path: Path) -> None:
    """Better and safer are two respects, and may disagree."""
    row = {
        "prompt": "a",
        "response_0": "b",
        "response_1": "c",
        "is_response_0_safe": False,
        "is_response_1_safe": True,
        "better_response_id": 0,
        "safer_response_id": 1,
    }
    loaded = read(tmp_path, row)
    assert loaded.format == "safe_rlhf"
    assert compared(loaded) == [
        ("b", "c", "source", "better_response_id", 1.0),
        ("b", "c", "source", "safer_response_id", -1.0),
    ]


def test_nectar(tmp_path: Path) -> None:
    """Ranked answers to a transcript."""
    answers = [
        {"answer": "b", "model": "m", "rank": 2.0},
        {"answer": "c", "model": "n", "rank": 1.0},
    ]
    row = {"prompt": "\n\nHuman: a\n\nAssistant: ", "answers": answers, "num_responses": 2}
    loaded = read(tmp_path, row)
    assert (loaded.format, asked(loaded)) == ("nectar", [[("user", "a")]])
    assert preferred(loaded) == [("c", "b", "source", "overall")]
    assert answered(loaded) == [("m", "b"), ("n", "c")]


def test_webgpt(tmp_path: Path) -> None:
    """The first answer's score is the preference."""
    row = {
        "question": {"dataset": "eli5", "id": "x", "full_text": "a"},
        "answer_0": "b",
        "score_0": -0.5,
        "answer_1": "c",
        "score_1": 0.5,
    }
    loaded = read(tmp_path, row)
    assert (loaded.format, asked(loaded)) == ("webgpt", [[("user", "a")]])
    assert compared(loaded)[0][-1] == -0.5


def test_argilla_ratings(tmp_path: Path) -> None:
    """Two annotators rated one response."""
    row = {
        "id": "1",
        "fields": {"prompt": "a", "response": "b"},
        "metadata": {},
        "suggestions": {},
        "responses": {"rating": [{"value": 4, "user_id": "u"}, {"value": 2, "user_id": "v"}]},
        "vectors": {},
    }
    loaded = read(tmp_path, row)
    assert loaded.format == "argilla"
    assert rated(loaded) == [("b", "u", "overall", 4.0), ("b", "v", "overall", 2.0)]


def test_argilla_pairs(tmp_path: Path) -> None:
    """A ranking of two responses, and a label question, say the same."""
    votes = [
        {"value": ["response-2", "response-1"], "user_id": "u"},
        {"value": "response1", "user_id": "v"},
    ]
    row = {
        "fields": {"prompt": "a", "response1": "b", "response2": "c"},
        "suggestions": {},
        "responses": {"preference": votes},
    }
    loaded = read(tmp_path, row)
    assert loaded.format == "argilla_pairs"
    assert compared(loaded) == [("b", "c", "u", "overall", -1.0), ("b", "c", "v", "overall", 1.0)]


def label_studio_task(data: Row, *results: Row) -> Row:
    """Make a task with one annotation per result."""
    annotations = [
        {"completed_by": number, "was_cancelled": False, "result": [result]}
        for number, result in enumerate(results, 1)
    ]
    return {"id": 1, "data": data, "annotations": annotations, "predictions": []}


def test_label_studio_pairs(tmp_path: Path) -> None:
    """Left is the first answer."""
    votes = [
        {"type": "pairwise", "from_name": "better", "value": {"selected": side}}
        for side in ("left", "right")
    ]
    task = label_studio_task({"prompt": "a", "answer1": "b", "answer2": "c"}, *votes)
    loaded = read(tmp_path, task)
    assert loaded.format == "label_studio_pairs"
    assert compared(loaded) == [("b", "c", "1", "overall", 1.0), ("b", "c", "2", "overall", -1.0)]


def test_label_studio_ratings(tmp_path: Path) -> None:
    """Stars of a response."""
    stars = {"type": "rating", "from_name": "quality", "value": {"rating": 4}}
    loaded = read(tmp_path, label_studio_task({"prompt": "a", "response": "b"}, stars))
    assert loaded.format == "label_studio"
    assert rated(loaded) == [("b", "1", "overall", 4.0)]


CHOSEN, REJECTED = turn("assistant", "b"), turn("assistant", "c")
GPT = ({"from": "gpt", "value": "b"}, {"from": "gpt", "value": "c"})


@pytest.mark.parametrize(
    ("format_", "row"),
    [
        ("pairs", {"prompt": "a", "chosen": "b", "rejected": "c"}),
        (
            "conversations",
            {"prompt": [turn("user", "a")], "chosen": [CHOSEN], "rejected": [REJECTED]},
        ),
        (
            "conversations",
            {
                "prompt": "a",
                "chosen": [turn("user", "a"), CHOSEN],
                "rejected": [turn("user", "a"), REJECTED],
            },
        ),
        ("hh", {"chosen": "a b", "rejected": "a c"}),
        (
            "hh",
            {
                "chosen": [turn("user", "a"), CHOSEN],
                "rejected": [turn("user", "a"), REJECTED],
            },
        ),
        (
            "hh",
            {
                "chosen": "\n\nHuman: a\n\nAssistant: b",
                "rejected": "\n\nHuman: a\n\nAssistant: c",
            },
        ),
        ("axolotl", {"messages": [turn("user", "a")], "chosen": CHOSEN, "rejected": REJECTED}),
        ("axolotl", {"messages": [turn("user", "a")], "chosen": "b", "rejected": "c"}),
        (
            "llamafactory",
            {
                "conversations": [{"from": "human", "value": "a"}],
                "chosen": GPT[0],
                "rejected": GPT[1],
            },
        ),
        (
            "llamafactory_alpaca",
            {"instruction": "a", "input": "", "chosen": "b", "rejected": "c"},
        ),
        ("orca", {"system": "", "question": "a", "chosen": "b", "rejected": "c"}),
        ("orca_input", {"system": "", "input": "a", "chosen": "b", "rejected": "c"}),
        ("responses", {"instruction": "a", "chosen_response": "b", "rejected_response": "c"}),
    ],
)
def test_pairs_of_every_trainer(format_: str, row: Row, tmp_path: Path) -> None:
    """The same pair in the formats that trainers read: b was preferred to c."""
    loaded = read(tmp_path, row)
    assert (loaded.format, asked(loaded)) == (format_, [[("user", "a")]])
    found = [(better.strip(), worse.strip()) for better, worse, *_ in preferred(loaded)]
    assert found == [("b", "c")]


def test_conversations_in_parquet_are_recognised_by_their_types(tmp_path: Path) -> None:
    """A typed file says what its lists hold."""
    asking = turn("user", "a")
    row = {"prompt": "a", "chosen": [asking, CHOSEN], "rejected": [asking, REJECTED]}
    pl.DataFrame([row]).write_parquet(tmp_path / "rows.parquet")
    source = Source(path=str(tmp_path / "rows.parquet"), format="auto")
    loaded = load(source, Demo(), 0.0, 0)
    assert (loaded.format, preferred(loaded)[0][:2]) == ("conversations", ("b", "c"))


MESSAGES = [turn("user", "a"), CHOSEN]


@pytest.mark.parametrize(
    ("format_", "row"),
    [
        ("trl_unpaired", {"prompt": "a", "completion": "b", "label": True}),
        ("trl_unpaired", {"prompt": [turn("user", "a")], "completion": [CHOSEN], "label": True}),
        ("llamafactory_kto", {"messages": MESSAGES, "label": True}),
        ("llamafactory_alpaca_kto", {"instruction": "a", "output": "b", "kto_tag": True}),
        (
            "llamafactory_sharegpt_kto",
            {"conversations": [{"from": "human", "value": "a"}, GPT[0]], "kto_tag": True},
        ),
        ("labels", {"prompt": "a", "response": "b", "label": "good"}),
    ],
)
def test_labels_of_every_trainer(format_: str, row: Row, tmp_path: Path) -> None:
    """The same thumb up in the formats that trainers read."""
    loaded = read(tmp_path, row)
    assert (loaded.format, asked(loaded)) == (format_, [[("user", "a")]])
    assert [(text, score) for text, _, _, score in rated(loaded)] == [("b", 1.0)]


def test_a_system_message_is_part_of_the_prompt(tmp_path: Path) -> None:
    """Orca's rows have one in a column of its own."""
    row = {"system": "s", "question": "a", "chosen": "b", "rejected": "c"}
    assert asked(read(tmp_path, row)) == [[("system", "s"), ("user", "a")]]


def test_votes_of_plain_names(tmp_path: Path) -> None:
    """A file of one's own may call its columns as this format does."""
    row = {"prompt": "a", "response_a": "b", "response_b": "c", "preference": -0.5}
    loaded = read(tmp_path, row)
    assert (loaded.format, compared(loaded)[0][-1]) == ("comparisons", -0.5)


def test_lists_of_ranks_and_scores(tmp_path: Path) -> None:
    """Parallel to a list of responses."""
    row = {"prompt": "a", "responses": ["b", "c"], "ranks": [2, 1]}
    assert preferred(read(tmp_path, row))[0][:2] == ("c", "b")
    row = {"prompt": "a", "responses": ["b", "c"], "scores": [2, 1]}
    assert [(text, score) for text, _, _, score in rated(read(tmp_path, row))] == [
        ("b", 2.0),
        ("c", 1.0),
    ]


JUNK = [None, True, 3, "", "text", [], [None], [3], ["text"], [[]], {}, {"a": 1}, [{}], [{"a": 1}]]


@pytest.mark.parametrize("name", [name for name, preset in PRESETS.items() if preset.unwrap])
def test_junk_costs_its_own_row_alone(name: str) -> None:
    """Whatever a column holds, a row is unwrapped or is unreadable: nothing else is raised."""
    preset = PRESETS[name]
    assert preset.unwrap is not None
    columns = {column.split(".")[0] for column in preset.recognised_by} | {"history", "turn"}
    for junk in JUNK:
        for other in (None, "text", [{}], [{"role": "assistant", "content": junk}]):
            for odd in columns:
                with contextlib.suppress(UnreadableError):
                    preset.unwrap({**dict.fromkeys(columns, other), odd: junk})
