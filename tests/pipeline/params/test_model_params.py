"""Further models and generators in params.yaml, and the folders that they become."""

from pathlib import Path
from typing import Any

import polars as pl
import pytest

from rather.params.params import make_params
from rather.run import Run
from rather.runners.generate import run as run_generate
from rather.runners.models import run as run_models
from rather.schemas.base import UserError
from rather.stages.models.pointer import Address, address, locate
from rather.stages.models.resolve import point_at_endpoint
from rather.tables.contracts import columns_of
from tests.servers import Body, Reply, answer, played
from tests.servers import refusal as refused


def refusal(**values: Any) -> str:
    """Give the message with which parameters are refused: one line."""
    with pytest.raises(UserError) as raised:
        make_params(values, (), "here")
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ({}, "models.m.name: field required"),
        ({"name": "x", "endpont": "http://x"}, "models.m.endpont: no such parameter"),
        ({"name": "x", "endpoint": "localhost:8000"}, "endpoint: expected an address such as http"),
        ({"name": "x", "endpoint": "http://x/v1", "adapter": "a"}, "adapter: expected none of an"),
        ({"name": "x", "key": "KEY"}, "key: expected none of weights"),
    ],
)
def test_models_that_are_none_are_refused(model: dict[str, str], found: str) -> None:
    """A model is weights or an endpoint, and has what belongs to that kind."""
    assert found in refusal(models={"m": model})


def test_a_key_in_params_is_refused_and_not_repeated() -> None:
    """Params name the variable that holds a key, never the key."""
    model = {"name": "x", "endpoint": "http://x/v1", "key": "sk-very-secret"}
    found = refusal(models={"m": model})
    assert "models.m.key" in found
    assert "environment variable" in found
    assert "secret" not in found


@pytest.mark.parametrize("name", ["sft", "base", "dpo", "a/b"])
def test_names_that_are_taken_are_refused(name: str) -> None:
    """A further model has a name of its own."""
    found = refusal(models={name: {"name": "x"}}, train={"dpo": {"data": "dpo"}})
    assert f"found {name!r}" in found


def test_a_generator_needs_a_model_that_there_is() -> None:
    """Generators answer before policies are trained, with models that are named."""
    found = refusal(generators={"g": {"model": "dpo"}}, train={"dpo": {"data": "dpo"}})
    assert "generators.g.model: expected one of base, sft, found 'dpo'" in found


def make_run(root: Path, **values: Any) -> Run:
    """Make a run in a folder."""
    return Run(root, make_params(values, (), "here"))


def test_an_endpoint_becomes_a_pointer(tmp_path: Path) -> None:
    """The folder says where the endpoint is and what it serves; its weights are nowhere."""
    model = {"name": "big", "endpoint": "http://x/v1", "key": "MY_KEY", "concurrency": 2}
    run = make_run(tmp_path, models={"m": model})
    run_models(run, "m")
    assert address(run.model("m")) == Address("http://x/v1", "big", "MY_KEY", 2)
    with pytest.raises(UserError, match=r"expected a model's weights, found the endpoint http://x"):
        locate(run.model("m"))


def test_weights_become_a_pointer(tmp_path: Path, tiny_model: Path) -> None:
    """A further model of one's own is pointed at, as the one that everything starts from is."""
    run = make_run(tmp_path, models={"m": {"name": str(tiny_model)}})
    run_models(run, "m")
    assert locate(run.model("m")) == (str(tiny_model), None)
    assert address(run.model("m")) is None


def test_a_model_that_is_not_there_is_named(tmp_path: Path) -> None:
    """A path without a model is refused, with the place to mend."""
    run = make_run(tmp_path, models={"m": {"name": "no/such/model"}})
    with pytest.raises(
        UserError, match=r"'no/such/model', and no such folder exists.*params\.yaml"
    ):
        run_models(run, "m")


@pytest.fixture
def asking(tmp_path: Path) -> Run:
    """A run of two prompts and one generator, which answers through an endpoint."""
    values = {"generators": {"g": {"model": "m", "num_samples": 3}}}
    run = make_run(tmp_path, models={"m": {"name": "played"}}, **values)
    prompts = [
        {
            "prompt_id": f"{at}" * 16,
            "messages": [{"role": "user", "content": text}],
            "split": "train",
            "cluster": f"{at}" * 16,
            "source": "s",
            "source_line": at + 1,
        }
        for at, text in enumerate(("steady", "wild"))
    ]
    lay(run, "load/prompts", *prompts)
    lay(run, "load/ratings")
    lay(run, "load/comparisons")
    return run


def lay(run: Run, table: str, *rows: dict[str, Any]) -> None:
    """Write a table; columns that a row leaves out are null."""
    run.write(table, pl.DataFrame(rows, schema=columns_of(table)))


def point(run: Run, url: str) -> None:
    """Point the run's model at a server."""
    point_at_endpoint(Address(url, "played", retries=0), run.model("m"))


def test_identical_samples_are_counted_and_accounted_for(asking: Run) -> None:
    """What reads the same is one row with its count; the ledger calls the others duplicates."""

    def part(body: Body) -> Reply:
        steady = body["messages"][0]["content"] == "steady"
        return answer("same" if steady else f"{body['seed']}")

    with played(part) as server:
        point(asking, server.url)
        run_generate(asking, "g")
        assert len(server.asked) == 6
    found = asking.generated()
    assert found.group_by("prompt_id").agg("count").sort("prompt_id")["count"].to_list() == [
        [3],
        [1, 1, 1],
    ]
    expected = {"in": 6, "kept": 4, "dropped": {"duplicates": 2}}
    assert asking.figures("generate/g")["responses"] == expected


def test_a_refused_prompt_is_accounted_for(asking: Run) -> None:
    """Its rows have the reason, and so has the ledger."""

    def part(body: Body) -> Reply:
        return refused(400) if body["messages"][0]["content"] == "wild" else answer("same")

    with played(part) as server:
        point(asking, server.url)
        run_generate(asking, "g")
    expected = {"in": 6, "kept": 1, "dropped": {"duplicates": 2, "request_refused": 3}}
    assert asking.figures("generate/g")["responses"] == expected


def test_nothing_is_generated_beside_ratings(asking: Run) -> None:
    """A source with ratings brings its own answers: nobody is asked, and zero rows accounted."""
    rating = {"prompt_id": "0" * 16, "response_id": "a" * 16, "rater": "ann", "score": 1.0}
    lay(asking, "load/ratings", rating | {"aspect": "overall", "source": "s", "source_line": 1})
    run_generate(asking, "g")
    assert asking.generated().is_empty()
    assert asking.figures("generate/g")["responses"] == {"in": 0, "kept": 0, "dropped": {}}


@pytest.fixture(scope="module")
def adapter(tmp_path_factory: pytest.TempPathFactory, tiny_model: Path) -> Path:
    """A LoRA adapter of the tiny model, whose matrices are not zero."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_pretrained(tiny_model)
    adapted = get_peft_model(
        model, LoraConfig(r=2, target_modules="all-linear", init_lora_weights=False)
    )
    folder = tmp_path_factory.mktemp("adapter")
    adapted.save_pretrained(str(folder))
    return folder


def test_an_adapter_is_merged_into_its_model(
    tmp_path: Path, tiny_model: Path, adapter: Path
) -> None:
    """The folder holds a whole model that answers as the adapted one does."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    run = make_run(tmp_path, models={"m": {"name": str(tiny_model), "adapter": str(adapter)}})
    run_models(run, "m")
    base = AutoModelForCausalLM.from_pretrained(tiny_model)
    ids = torch.tensor([[3, 70, 71, 1, 4]])
    plain = base(ids).logits
    expected = PeftModel.from_pretrained(base, str(adapter))(ids).logits
    found = AutoModelForCausalLM.from_pretrained(run.model("m"))(ids).logits
    assert torch.allclose(found, expected, atol=1e-4)
    assert not torch.allclose(found, plain, atol=1e-2)
    assert (run.model("m") / "chat_template.jinja").is_file()


def test_a_folder_without_adapter_leaves_nothing_behind(tmp_path: Path, tiny_model: Path) -> None:
    """Where there is no adapter, no model is written that would go without it."""
    run = make_run(tmp_path, models={"m": {"name": str(tiny_model), "adapter": str(tiny_model)}})
    with pytest.raises(UserError, match=r"adapter_config\.json"):
        run_models(run, "m")
    assert not run.model("m").exists()
