"""Every number a person may turn."""

from pathlib import Path
from typing import Any

import pytest

from rather.params.params import (
    Params,
    losses_of,
    make_params,
    rater_model,
    rater_options,
    read_params,
)
from rather.schemas.base import UserError
from rather.stages.winnow.winnow import DEFAULT_RULES
from tests.paths import ROOT


def changed(*changes: str) -> Params:
    """Give the defaults with changes."""
    return make_params({}, changes, "here")


def refusal(*changes: str) -> str:
    """Give the message with which changes are refused: one line."""
    with pytest.raises(UserError) as raised:
        changed(*changes)
    assert "\n" not in str(raised.value)
    return str(raised.value)


def test_the_repositorys_own_params_are_right() -> None:
    """params.yaml names only parameters there are."""
    assert read_params(ROOT / "params.yaml").winnow.rules == DEFAULT_RULES


def test_what_is_left_out_takes_its_default(tmp_path: Path) -> None:
    """An empty file is every default."""
    (tmp_path / "params.yaml").write_text("")
    assert read_params(tmp_path / "params.yaml") == Params()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("seed=-1", "here: seed: input should be greater than or equal to 0, found -1"),
        ("seed=x", "here: seed: input should be a valid integer"),
        ("seed=", "here: seed: input should be a valid integer, found None"),
        ("test_fraction=1", "here: test_fraction: input should be less than 1, found 1"),
        ("test_fraction=.nan", "here: test_fraction: "),
        ("seeed=1", "here: seeed: no such parameter"),
        ("source.pth=x", "here: source.pth: no such parameter"),
        (
            "source.mapping.scores=5",
            "here: source.mapping.scores: input should be a valid tuple",
        ),
        ("source.mapping.respones=x", "here: source.mapping.respones: no such parameter"),
        ("source.mapping.scale=[5, 1]", "here: source.mapping.scale: expected the lowest"),
        (
            "source.limit=0",
            "here: source.limit: input should be greater than or equal to 1, found 0",
        ),
        (
            "winnow.nope.at_least=1",
            "here: winnow.rules.nope: no such rule; expected some of complete",
        ),
        (
            "winnow.margin.at_least=-1",
            "here: winnow.rules.margin.at_least: input should be greater",
        ),
        ("winnow.margin.at_leats=1", "here: winnow.rules.margin.at_leats: no such parameter"),
        ("winnow.margin.at_most=0.1", "here: winnow.rules.margin.at_most: expected at_least (0.5)"),
        (
            "winnow.margin=3",
            "here: winnow.rules.margin: input should be a valid dictionary, found 3",
        ),
        (
            "convert.kto={desirable_at_least: 1, undesirable_at_most: 1}",
            "here: convert.kto.undesirable_at_most: expected less than desirable_at_least (1)",
        ),
        ("convert.kto.by=nope", "here: convert.kto.by: input should be 'auto', 'threshold'"),
        ("choose.balance_length=false", "here: choose.balance_length: no such parameter"),
        ("choose.strategy=worst", "here: choose.strategy: input should be 'best_worst'"),
        ("calibrate.method=mode", "here: calibrate.method: input should be"),
        ("contamination.words=1", "here: contamination.words: input should be greater than"),
        ("winnow.decontaminated={}", "here: contamination.path: expected the evaluation sets"),
        ("validate.agreement_floor=2", "here: validate.agreement_floor: input should be less"),
        ("raters.x.kind=oracle", "raters.x.kind: expected one of annotator"),
        ("raters.x.reliability=1", "raters.x.kind: expected one of"),
        ("raters.x.kind=judge", "implicit, judge, reward_model under model_raters"),
        ("raters.x={kind: verifier, tolerance: -1}", "here: raters.x.tolerance: input should be"),
        ("raters.x={kind: verifier, pattern: (}", "here: raters.x.pattern: expected a regular"),
        ("model_raters.x.kind=verifier", "model_raters.x.kind: expected one of implicit, judge"),
        (
            "model_raters.x={kind: judge, model: gpt}",
            "here: model_raters.x.model: expected one of base, sft, reward, found 'gpt'; further",
        ),
        ("model_raters.x.kind=judge", "model_raters.x.model: expected one of base, sft"),
        (
            "model_raters.x={kind: judge, model: sft, votes: 2}",
            "here: model_raters.x.votes: expected 1 at temperature 0, found 2",
        ),
        ("train.ppo.data=dpo", "here: train.ppo.loss: expected some of dpo, cdpo, robust, "),
        ("train.dpo.beta=1", "here: train.dpo.data: field required"),
        ("train.dpo.data=kto", "here: train.dpo.data: expected dpo, the data set of the loss dpo"),
        ("train.sft.data=dpo", "here: train: expected letters, digits, _ and -, and none of base"),
        ("train.x={data: dpo, loss: bradley_terry}", "here: train.x.loss: expected some of dpo"),
        ("train.x={data: dpo, loss: {dpo: 1, kto: 1}}", "here: train.x.data: expected kto"),
        ("train.x={data: dpo, loss: {}}", "here: train.x.loss: expected some of dpo"),
        (
            "train.simpo={data: dpo, options: {gamma: 1}}",
            "here: train.simpo.options: expected gamma_beta_ratio, found 'gamma'",
        ),
        ("train.dpo={data: dpo, options: {x: 1}}", "here: train.dpo.options: expected none"),
        ("nonsense", "--set nonsense: expected NAME=VALUE"),
        ("=1", "--set =1: expected NAME=VALUE"),
        ("seed={", "--set seed={: expected a value"),
        ("seed=2026-13-45", "--set seed=2026-13-45: expected a value"),
        ("seed.a=1", "here: seed: input should be a valid integer"),
    ],
)
def test_a_wrong_parameter_is_named(change: str, message: str) -> None:
    """Where it stands, what was expected and what was found, on one line."""
    assert message in refusal(change)


def test_a_part_of_a_single_value_is_refused() -> None:
    """A name that goes on where there is a value already."""
    with pytest.raises(UserError, match="format is one value, 'auto'"):
        make_params({"source": {"format": "auto"}}, ["source.format.x=1"], "here")


def test_a_rule_can_be_changed_by_its_name() -> None:
    """winnow.margin is winnow.rules.margin, and the other rules stay."""
    for name in ("winnow.margin.at_least", "winnow.rules.margin.at_least"):
        assert changed(f"{name}=2").winnow.rules == DEFAULT_RULES | {"margin": {"at_least": 2}}


def test_changing_a_rule_leaves_the_defaults_alone() -> None:
    """The next run starts from the same rules."""
    changed("winnow.margin.at_least=2")
    assert Params().winnow.rules["margin"] == {"at_least": 0.5}


def test_the_rules_may_be_replaced_altogether() -> None:
    """Which is how a rule is left out."""
    assert changed("winnow.rules={margin: {at_least: 1}}").winnow.rules == {
        "margin": {"at_least": 1}
    }


def test_a_rule_named_alone_has_no_options() -> None:
    """`distinct:` in YAML is null, and means `distinct: {}`."""
    assert changed("winnow.rules={distinct: }").winnow.rules == {"distinct": {}}


@pytest.mark.parametrize("off", ["false", "0", "[]"])
def test_a_rule_is_not_switched_off_with_a_value(off: str) -> None:
    """`agreement: false` would look like off and be on: it is refused."""
    assert "winnow.rules.agreement: input should be a valid dictionary" in refusal(
        f"winnow.agreement={off}"
    )


def test_the_last_change_wins() -> None:
    """As on any command line."""
    assert changed("seed=1", "seed=2").seed == 2


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"seed: [", "expected YAML"),
        (b"seed: \xff", "expected YAML"),
        (b"seed: 2026-13-45", "expected YAML"),
        (b"- seed", "expected names and values, found list"),
        (b"seed: -1", "seed: input should be greater than or equal to 0, found -1"),
    ],
)
def test_a_bad_params_file_is_named(content: bytes, message: str, tmp_path: Path) -> None:
    """File first, then what is wrong with it."""
    path = tmp_path / "params.yaml"
    path.write_bytes(content)
    with pytest.raises(UserError) as raised:
        read_params(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert message in str(raised.value)


def test_a_missing_params_file_says_where_to_run(tmp_path: Path) -> None:
    """The usual reason is another folder."""
    with pytest.raises(UserError, match="found none; run from the repository's root"):
        read_params(tmp_path / "params.yaml")


def test_params_cannot_be_changed_on_the_way() -> None:
    """A stage that turned a number would turn it for the next one too."""
    params: Any = Params()
    with pytest.raises(ValueError, match="frozen"):
        params.seed = 1


def test_a_rater_is_not_named_like_a_path() -> None:
    """A rater's name is its file's name."""
    with pytest.raises(UserError, match=r"raters: expected letters.*evil"):
        make_params({"raters": {"../evil": {"kind": "verifier"}}}, (), "here")


def test_a_policy_is_trained_with_the_loss_of_its_name_or_with_any_sum() -> None:
    """So that two of one loss can stand side by side, and losses be added up."""
    params = changed(
        "train.simpo.data=dpo", "train.rpo={data: dpo, loss: {dpo: 1, rpo_nll: 0.5}, beta: 0.2}"
    )
    assert losses_of("simpo", params.train["simpo"]) == {"simpo": 1.0}
    assert losses_of("rpo", params.train["rpo"]) == {"dpo": 1.0, "rpo_nll": 0.5}


def test_a_rater_has_one_name(tmp_path: Path) -> None:
    """Programs and models write side by side: a name may stand in one of the two groups only."""
    twice = {
        "raters": {"x": {"kind": "verifier"}},
        "model_raters": {"x": {"kind": "reward_model", "model": "reward"}},
    }
    with pytest.raises(UserError, match=r"model_raters\.x: expected a name that no entry of"):
        make_params(twice, (), "here")


def test_raters_of_both_groups_are_alike() -> None:
    """To all that comes after, and a model further down reads no more than the trainer."""
    params = changed(
        "max_length=99",
        "raters.exact.kind=verifier",
        "models.gpt={endpoint: 'http://x/v1', name: m}",
        "model_raters.gpt={kind: judge, model: gpt}",
        "model_raters.rm={kind: reward_model, model: reward}",
    )
    assert [*params.all_raters] == ["exact", "gpt", "rm"]
    assert rater_options(params, "rm")[1].max_length == 99
    assert rater_model(params, "gpt") == "gpt"


@pytest.mark.parametrize("name", ["winnow.rules.agreement", "winnow.agreement"])
def test_null_removes_a_rule(name: str) -> None:
    """The others stay, in their order."""
    rules = list(make_params({}, (), "here").winnow.rules)
    left = make_params({}, (f"{name}=null",), "--set").winnow.rules
    assert list(left) == [rule for rule in rules if rule != "agreement"]
