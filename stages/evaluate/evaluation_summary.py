"""An evaluation as plain lines: did it learn, did it drift, did it only get longer?"""

from collections.abc import Iterator, Mapping, Sequence
from textwrap import wrap
from typing import Any

WIDTH = 100
INDENT = "    "


def lines(metrics: Mapping[str, Any], warnings: Mapping[str, Sequence[Mapping[str, Any]]]) -> str:
    """Return the metrics of `evaluate` as lines; figures without a value are left out.

    warnings: of each model, as its training left them
    """
    first, *policies = metrics["samples"]
    answers = [line for policy in policies for line in _policy(metrics, first, policy)]
    return "\n".join([*answers, *_warnings(warnings)])


def _policy(metrics: Mapping[str, Any], first: str, policy: str) -> Iterator[str]:
    """Yield the three answers about one policy."""

    def of(name: str, model: str = policy) -> Any:
        return metrics.get(name, {}).get(model)

    yield f"{policy}, beside {first}"
    yield from _answer("did it learn?", _learnt(metrics, of, first))
    yield from _answer("did it drift?", _drifted(of, first))
    yield from _answer("did it only get longer?", _lengthened(of, first))


def _learnt(metrics: Mapping[str, Any], of: Any, first: str) -> Iterator[str]:
    if of("gold_accuracy") is not None:
        yield f"gold accuracy {_change(of, 'gold_accuracy', first)}"
    if of("win_rate") is not None:
        yield f"wins {_figure(of, 'win_rate')} of couples against {first}"
    if of("implicit_accuracy") is not None:
        longer = metrics["longer_wins"]["accuracy"]
        yield (
            f"prefers the chosen answer in {_figure(of, 'implicit_accuracy')} of held-out pairs, "
            f"per token in {_figure(of, 'implicit_accuracy_per_token')}; "
            f"the longer answer is the chosen one in {longer:.3f}"
        )
    for kind in ("harmful", "benign"):
        if of(f"refusal_rate_{kind}") is not None:
            yield f"refuses {kind} prompts {_change(of, f'refusal_rate_{kind}', first)}"


def _drifted(of: Any, first: str) -> Iterator[str]:
    if of("kl_per_token") is not None:
        yield f"KL {_figure(of, 'kl_per_token')} nats a token on its own samples"
    if of("chosen_nll_drift") is not None:
        drift = _figure(of, "chosen_nll_drift", "+")
        yield f"held-out chosen answers cost {drift} nats a token more"
    if of("repeated_4grams") is not None:
        yield f"repeated runs of four words {_change(of, 'repeated_4grams', first)}"
    if of("compression_ratio") is not None:
        yield f"compression {_change(of, 'compression_ratio', first)}"


def _lengthened(of: Any, first: str) -> Iterator[str]:
    if of("length_ratio") is not None:
        yield f"answers are {of('length_ratio'):.2f} times as long"
    buckets = of("implicit_accuracy_by_length") or {}
    known = {name: row["accuracy"] for name, row in buckets.items() if row["accuracy"] is not None}
    if known:
        by_length = ", ".join(f"{accuracy:.3f} {SHOWN[name]}" for name, accuracy in known.items())
        yield f"held-out accuracy {by_length}"
    if of("finished") is not None:
        yield f"stops by itself {_change(of, 'finished', first)}"
    if of("chosen_end_drift") is not None:
        yield f"the end token's log-prob moved by {_figure(of, 'chosen_end_drift', '+')}"
    if of("ends_repeating"):
        yield f"ends by repeating itself {_change(of, 'ends_repeating', first)}"


SHOWN = {
    "chosen_longer": "where chosen is longer",
    "equal": "where both are equally long",
    "chosen_shorter": "where it is shorter",
}


def _change(of: Any, name: str, first: str) -> str:
    """Return a figure of the first model and of the policy."""
    before = of(name, first)
    return ("-" if before is None else f"{before:.3f}") + f" -> {of(name):.3f}"


def _figure(of: Any, name: str, sign: str = "") -> str:
    """Return a figure with its interval."""
    interval = of(f"{name}_interval")
    ends = f" [{interval[0]:{sign}.3f}, {interval[1]:{sign}.3f}]" if interval else ""
    return f"{of(name):{sign}.3f}{ends}"


def _answer(question: str, answers: Iterator[str]) -> Iterator[str]:
    text = "; ".join(answers) or "nothing tells"
    return _wrapped(f"{question} {text}", "  ")


def _warnings(warnings: Mapping[str, Sequence[Mapping[str, Any]]]) -> Iterator[str]:
    """Yield every warning and note with its remedy."""
    for model, rows in warnings.items():
        for row in rows:
            sentence = f"{row['level']}, {model}: {row['saw']}. {row['why']} Try: {row['try']}."
            yield from _wrapped(sentence, "")


def _wrapped(text: str, indent: str) -> Iterator[str]:
    yield from wrap(text, WIDTH, initial_indent=indent, subsequent_indent=indent + INDENT)
