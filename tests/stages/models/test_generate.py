import json
import multiprocessing
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from shutil import copytree

import polars as pl
import pytest
from pydantic import ValidationError

from rather.schemas.base import Message, UserError
from rather.schemas.texts import Generated, Prompts
from rather.stages.common.ids import prompt_id
from rather.stages.models.chat import Chat, Sample, Sampling, StoppedError
from rather.stages.models.engine import Engine
from rather.stages.models.generate import Options, generate, once
from rather.stages.models.pointer import fingerprint

OPTIONS = Options(num_samples=3, max_tokens=8, chunk_size=6)

slow = pytest.mark.slow


def user(content: str) -> Message:
    """Make a user's turn."""
    return {"role": "user", "content": content}


def prompts(*conversations: list[Message]) -> pl.DataFrame:
    """Make the prompts table."""
    rows = [
        {
            "prompt_id": prompt_id(m),
            "messages": m,
            "split": "train",
            "source": "s",
            "source_line": 1,
        }
        for m in conversations
    ]
    return pl.DataFrame(rows, schema=Prompts.create_empty().schema)


def questions(*texts: str) -> pl.DataFrame:
    """Make prompts of one turn."""
    return prompts(*([user(text)] for text in texts))


class Recorder:
    """Stands before a running engine, or none, and keeps what it is asked."""

    def __init__(self, engine: Engine | None = None, die_at: int = 1000) -> None:
        self._engine = engine
        self._die_at = die_at
        self.asked: list[Chat] = []
        self.sampled: list[Sampling] = []

    def chat(self, requests: list[Chat], sampling: Sampling) -> list[Sample | str]:
        """Keep the requests; without an engine every answer says its seed."""
        if len(self.asked) + len(requests) > self._die_at:
            raise KeyboardInterrupt
        self.asked += requests
        self.sampled.append(sampling)
        if self._engine:
            return self._engine.chat(requests, sampling)
        return [Sample(f"{request.seed}", "stop", 1, -1.0) for request in requests]


@pytest.fixture
def ask(tiny_model: Path, tmp_path: Path) -> Callable[..., pl.DataFrame]:
    """Call generate with the tiny model and a store of the test's own."""

    def call(
        table: pl.DataFrame,
        engine: Engine | Recorder,
        options: Options = OPTIONS,
        seed: int = 0,
        store: str = "store",
    ) -> pl.DataFrame:
        return generate(table, tiny_model, options, seed, "tiny", tmp_path / store, engine)

    return call


@slow
def test_every_prompt_has_its_samples(ask, vllm_engine: Engine) -> None:
    """Each prompt has num_samples rows, with finish reason, token count and log-probability."""
    found = ask(questions("one", "two", "three"), vllm_engine)
    Generated.validate(found)
    assert found["sample_index"].to_list() == [0, 1, 2] * 3
    assert found["reason"].null_count() == 9
    assert (found["num_tokens"] <= 8).all()
    assert (found["logprob"] < 0).all()
    stopped = found["finish_reason"] == "stop"
    assert ((found["num_tokens"] == 8) | stopped).all()


@slow
def test_samples_of_a_prompt_differ(ask, vllm_engine: Engine) -> None:
    """The samples of one prompt are drawn apart."""
    assert ask(questions("one"), vllm_engine)["text"].n_unique() == 3


@slow
def test_same_seed_same_texts(ask, vllm_engine: Engine) -> None:
    """A seed gives the same table once more, and another seed another."""
    table = questions("one", "two", "three")
    first, again = (ask(table, vllm_engine, store=name) for name in ("first", "again"))
    assert first.equals(again)
    assert not first["text"].equals(ask(table, vllm_engine, seed=1)["text"])


@slow
def test_answers_do_not_depend_on_company(ask, vllm_engine: Engine) -> None:
    """A prompt's answers are the same whichever prompts are asked beside it."""
    alone = ask(questions("one"), vllm_engine, store="alone")
    among = ask(
        questions("zero", "one", "two"),
        vllm_engine,
        Options(**{**OPTIONS.model_dump(), "chunk_size": 9}),
    )
    assert among.filter(prompt_id=alone["prompt_id"][0]).equals(alone)


@slow
def test_a_bad_prompt_harms_no_other(ask, vllm_engine: Engine) -> None:
    """A prompt too long, empty or refused by the template has rows with its reason."""
    table = questions("x" * 300, "fine", " ", "refuse this")
    reasons = ["prompt_too_long", None, "prompt_empty", "template_error"]
    expected = dict(zip(table["prompt_id"], reasons, strict=True))
    found = ask(table, vllm_engine)
    Generated.validate(found)
    assert found.height == 12
    assert all(expected[row["prompt_id"]] == row["reason"] for row in found.iter_rows(named=True))


@slow
def test_the_longest_prompt_has_room_for_a_token(ask, vllm_engine: Engine) -> None:
    """A prompt is too long from the length on at which no token fits after it."""
    # <|user|> + text + <|end|> + <|assistant|>: the text's bytes and three tokens more.
    longest = vllm_engine.max_model_len - 1 - 3
    found = ask(prompts([user("x" * longest)], [user("x" * (longest + 1))]), vllm_engine)
    of = found.group_by("prompt_id").agg(pl.col("reason").first(), pl.col("num_tokens").max())
    assert set(of.select("reason", "num_tokens").rows()) == {(None, 1), ("prompt_too_long", None)}


@slow
def test_a_crowd_of_prompts_is_answered(ask, vllm_engine: Engine) -> None:
    """More prompt tokens than vLLM reads in one step are no trouble."""
    table = questions(*(f"{at} " + "y" * 200 for at in range(60)))
    options = Options(num_samples=2, max_tokens=2)
    assert ask(table, vllm_engine, options)["text"].null_count() == 0


@slow
def test_special_tokens_in_data_stay_text(vllm_engine: Engine) -> None:
    """A user who writes the end token's characters ends nothing."""
    plain, written = (vllm_engine.encode([user(text)]) for text in ("", "<|end|>"))
    assert len(written) == len(plain) + len("<|end|>")


@slow
def test_finished_chunks_are_not_asked_again(ask, vllm_engine: Engine) -> None:
    """A second call with the same store asks the model nothing and gives the same table."""
    recorder = Recorder(vllm_engine)
    table = questions("one", "two", "three")
    first = ask(table, recorder)
    assert len(recorder.asked) == 9
    assert ask(table, recorder).equals(first)
    assert len(recorder.asked) == 9


def test_a_stopped_run_goes_on_where_it_was(ask) -> None:
    """What is asked after a stop is what was not finished, and the table is as if nothing was."""
    table = questions("one", "two", "three", "four", "five")
    whole = ask(table, Recorder(None), store="whole")
    stopped, rest = Recorder(None, die_at=12), Recorder(None)
    with pytest.raises(KeyboardInterrupt):
        ask(table, stopped)
    assert ask(table, rest).equals(whole)
    assert len(stopped.asked) == 12
    assert len(rest.asked) == 3


def test_added_prompts_alone_are_asked(ask) -> None:
    """A prompt keeps its rows when others come to stand around it."""
    recorder = Recorder(None)
    ask(questions("one", "two", "three"), recorder)
    ask(questions("zero", "one", "two", "three", "four"), recorder)
    assert len(recorder.asked) == 15


@pytest.mark.parametrize(
    "change",
    [
        {"temperature": 0.5},
        {"top_p": 0.5},
        {"max_tokens": 9},
        {"stop": ("x",)},
        {"seed": 7},
        {"system": "Be brief."},
        {"template": {"thinking": False}},
    ],
)
def test_other_sampling_is_asked_anew(ask, change: dict[str, float]) -> None:
    """Rows of other options are other rows."""
    recorder = Recorder(None)
    ask(questions("one"), recorder)
    ask(questions("one"), recorder, OPTIONS.model_copy(update=change))
    assert len(recorder.asked) == 6


def test_other_weights_are_asked_anew(tiny_model: Path, tmp_path: Path) -> None:
    """Rows of a model whose files changed are other rows."""
    model = tmp_path / "model"
    copytree(tiny_model, model)
    recorder = Recorder(None)
    generate(questions("one"), model, OPTIONS, 0, "tiny", tmp_path / "store", recorder)
    weights = model / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1] + b"\0")
    generate(questions("one"), model, OPTIONS, 0, "tiny", tmp_path / "store", recorder)
    assert len(recorder.asked) == 6


def test_a_larger_number_asks_only_for_the_rest(ask) -> None:
    """Samples that are there are kept when more are wanted, and stay the first ones."""
    recorder, more = Recorder(), OPTIONS.model_copy(update={"num_samples": 5})
    table = questions("one", "two")
    few = ask(table, recorder)
    many = ask(table, recorder, more)
    assert len(recorder.asked) == 10
    assert many.filter(pl.col("sample_index") < 3).equals(few)
    assert ask(table, recorder).equals(few)
    assert len(recorder.asked) == 10


def test_samples_have_seeds_of_their_own(ask) -> None:
    """No two samples of a run are drawn alike."""
    recorder = Recorder()
    ask(questions("one", "two"), recorder)
    assert len({request.seed for request in recorder.asked}) == 6


def test_every_temperature_has_its_samples(ask) -> None:
    """Of several temperatures each gives num_samples answers, which say how they were sampled."""
    recorder = Recorder()
    found = ask(questions("one"), recorder, OPTIONS.model_copy(update={"temperature": (0.5, 1.0)}))
    assert found["sample_index"].to_list() == [0, 1, 2, 3, 4, 5]
    assert [json.loads(text)["temperature"] for text in found["sampling"]] == [0.5] * 3 + [1.0] * 3
    assert {sampling.temperature for sampling in recorder.sampled} == {0.5, 1.0}
    ask(questions("one"), recorder, OPTIONS.model_copy(update={"temperature": 1.0}))
    assert len(recorder.asked) == 6


def test_a_system_turn_is_put_before_prompts_without_one(ask) -> None:
    """The generator's system turn is asked with, and one that a prompt has stays."""
    told: list[Message] = [{"role": "system", "content": "Rhyme."}, user("two")]
    recorder = Recorder()
    options = OPTIONS.model_copy(update={"num_samples": 1, "system": "Be brief."})
    ask(prompts([user("one")], told), recorder, options)
    asked = {tuple(turn["content"] for turn in request.messages) for request in recorder.asked}
    assert asked == {("Be brief.", "one"), ("Rhyme.", "two")}


def test_the_table_names_the_model_that_answered(ask, tiny_model: Path) -> None:
    """Each row has the hash of the model's files."""
    assert ask(questions("one"), Recorder())["revision"].unique().to_list() == [
        fingerprint(tiny_model)
    ]


def answering(recorder: Recorder, *answers: Sample | str) -> Recorder:
    """Make every chunk's answers these."""
    recorder.chat = lambda requests, sampling: list(answers)  # type: ignore[method-assign]
    return recorder


def test_an_answer_that_broke_off_has_its_reason(ask) -> None:
    """What vLLM aborted is a row without text."""
    found = ask(questions("one"), answering(Recorder(), *[Sample("half", "abort", 1, -1.0)] * 3))
    Generated.validate(found)
    assert found["reason"].to_list() == ["unfinished"] * 3


def test_model_text_is_shown_as_it_is(ask, capsys) -> None:
    """Markup and escape sequences in an answer reach the terminal as characters."""
    ask(questions("one"), answering(Recorder(), *[Sample("[red]\x1b[2J", "stop", 1, -1.0)] * 3))
    shown = capsys.readouterr().err
    assert r"'[red]\x1b[2J'" in shown


def test_what_an_endpoint_refused_is_asked_again(ask) -> None:
    """A refusal is a row with its reason, but nothing that was paid for: the next run asks anew."""
    good = Sample("yes", "stop", 1, None)
    first = ask(questions("one"), answering(Recorder(), good, "request_refused", good))
    assert first["reason"].to_list() == [None, "request_refused", None]
    recorder = Recorder()
    assert ask(questions("one"), recorder)["reason"].null_count() == 3
    assert len(recorder.asked) == 1


def test_what_was_answered_before_a_failure_is_kept(ask) -> None:
    """Where a model gives up within a chunk, the answers it gave are not asked for again."""

    def fail(*_: object) -> None:
        raise StoppedError("gone", [Sample("yes", "stop", 1, None), None, None])

    broken, recorder = Recorder(), Recorder()
    broken.chat = fail  # type: ignore[method-assign]
    with pytest.raises(StoppedError, match="gone"):
        ask(questions("one"), broken)
    assert ask(questions("one"), recorder)["text"][0] == "yes"
    assert len(recorder.asked) == 2


def test_identical_samples_are_kept_once(ask) -> None:
    """Samples that read the same and ended alike are one row, the first, with their count."""
    said = (
        Sample("a", "stop", 1, -1.0),
        Sample("a", "length", 1, -1.0),
        Sample("a", "stop", 1, -2.0),
    )
    found = once(ask(questions("one"), answering(Recorder(), *said)))
    Generated.validate(found)
    kept = found.select("sample_index", "finish_reason", "count", "logprob")
    assert kept.rows() == [(0, "stop", 2, -1.0), (1, "length", 1, -1.0)]


def test_failed_samples_are_never_identical(ask) -> None:
    """Each failed sample keeps its row: they are not one text."""
    found = once(ask(questions("one"), answering(Recorder(), *["template_error"] * 3)))
    assert found["count"].to_list() == [1, 1, 1]


def test_no_prompts_need_no_vllm(tmp_path: Path) -> None:
    """Zero prompts give an empty table at once, and neither vLLM nor torch is imported."""
    code = """
import sys
from pathlib import Path
from rather.schemas.texts import Prompts
from rather.schemas.texts import Generated
from rather.stages.models.generate import Options, generate
found = generate(Prompts.create_empty(), Path("nowhere"), Options(), 0, "none", Path("store"))
assert found.schema == Generated.create_empty().schema and found.is_empty()
assert not {"vllm", "torch", "transformers"} & sys.modules.keys()
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_model_without_chat_template_is_refused(tiny_model: Path, tmp_path: Path) -> None:
    """A model that has no chat template cannot be asked; the error says where to mend it."""
    model = tmp_path / "model"
    copytree(tiny_model, model)
    (model / "chat_template.jinja").unlink()
    with pytest.raises(UserError, match=f"{model}.*chat template"):
        generate(questions("one"), model, OPTIONS, 0, "tiny", tmp_path / "store")


def test_a_folder_without_model_is_refused(tmp_path: Path) -> None:
    """A folder that holds no model is named."""
    with pytest.raises(UserError, match=f"{tmp_path}: expected a model folder"):
        generate(questions("one"), tmp_path, OPTIONS, 0, "tiny", tmp_path / "store")


@slow
def test_what_vllm_refuses_is_said_in_a_line(tiny_model: Path, vllm_engine: Engine) -> None:
    """A length that the model does not have is the user's to mend; the cause is one line."""
    with (
        pytest.raises(UserError, match="max_model_len") as caught,
        Engine(tiny_model, max_model_len=100_000),
    ):
        pass
    assert "\n" not in str(caught.value)


@slow
def test_a_failure_midway_is_no_traceback(
    vllm_engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever vLLM raises while it samples becomes one of our errors, with the cause's line."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("out of memory\nand more")

    monkeypatch.setattr(vllm_engine._llm, "generate", fail)
    with pytest.raises(StoppedError, match=r"out of memory;.*run again") as caught:
        vllm_engine.chat([Chat([user("one")], 0)], Sampling())
    assert "\n" not in str(caught.value)


@slow
def test_the_engine_is_in_this_process(vllm_engine: Engine) -> None:
    """There is no other process that a kill could leave behind."""
    assert multiprocessing.active_children() == []


def test_several_likeliest_answers_are_refused() -> None:
    """At temperature 0 every sample would be the same one."""
    with pytest.raises(ValidationError, match="expected 1 at temperature 0"):
        Options(temperature=0, num_samples=2)


@pytest.mark.parametrize("given", [[], [1.0, 1.0], [0.5, 3.0], -1.0])
def test_temperatures_that_none_samples_at_are_refused(given: object) -> None:
    """Temperatures are from 0 to 2, and each is named once."""
    with pytest.raises(ValidationError, match="number from 0 to 2"):
        Options(temperature=given, num_samples=1)
