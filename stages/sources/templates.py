"""Rows whose cells are put together by someone else's rule: a template, a joined name."""

import re
from typing import Any

Row = dict[str, Any]


class UnreadableError(Exception):
    """One row does not have the shape its format promises; the text is the reason."""


_PROMETHEUS = re.compile(
    r"###The instruction to evaluate:\n(?P<prompt>.*?)\n+"
    r"###Response to evaluate:\n(?P<response>.*?)\n+"
    r"###Reference Answer \(Score 5\):\n(?P<demonstration>.*?)\n+"
    r"###Score Rubrics:",
    re.DOTALL,
)


def prometheus(row: Row) -> Row:
    """Cut prompt, response and reference answer out of Prometheus' judge template.

    The template: Kim et al. 2023, Prometheus, appendix; its reference answer is a demonstration.
    """
    found = _PROMETHEUS.search(str(row.get("instruction")))
    if found is None:
        raise UnreadableError("no_judge_template")
    return {**row, **found.groupdict()}


def self_instruct(row: Row) -> Row:
    """Join an instruction and its first instance's input into one prompt."""
    instances = row.get("instances") or [{}]
    if not isinstance(instances, list) or not isinstance(instances[0], dict):
        raise UnreadableError("no_instances")
    parts = [row.get("instruction"), instances[0].get("input")]
    texts = [part for part in parts if isinstance(part, str) and part.strip()]
    return {**row, "prompt": "\n\n".join(texts) or None}


def pandalm(row: Row) -> Row:
    """Cut the names of the two models out of PandaLM's key, such as bloom-7b_llama-7b."""
    names = str(row.get("cmp_key")).split("_")
    first, second = names if len(names) == 2 else (None, None)
    return {**row, "generator1": first, "generator2": second}
