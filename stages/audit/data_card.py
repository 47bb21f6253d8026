"""Write the data card: where a data set comes from and how it was made.   facts -> Markdown

Nothing in it tells the time or names a machine, so equal data has an equal card.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import yaml

Facts = Mapping[str, Any]

NOT_STATED = "not stated"
# What Hugging Face calls a data set of so many rows.
SIZES = {
    1_000: "n<1K",
    10_000: "1K<n<10K",
    100_000: "10K<n<100K",
    1_000_000: "100K<n<1M",
    10_000_000: "1M<n<10M",
}
LARGEST = "n>10M"


def card(facts: Facts, *, written: Sequence[Facts] = (), sets: Mapping[str, Facts] = {}) -> str:
    """Write the card of a data set.

    facts:   source (path, format, licence), files, counts, rules, quality, labels, params, versions
    written: the data set's own files, each with name, bytes and sha256
    sets:    of a training set its splits' files, {dpo: {train: path}}, so that it can be loaded
             by its folder's name
    """
    sections = (
        ("Source", _source(facts)),
        ("Counts", _table(("what", "number"), facts["counts"].items())),
        ("What was kept, and what was dropped", _rules(facts)),
        ("Quality", _quality(facts)),
        ("Files", _files(written)),
        ("Parameters", _yaml(facts["params"])),
        ("Versions", _table(("package", "version"), facts["versions"].items())),
    )
    body = "\n\n".join(f"## {title}\n\n{text}" for title, text in sections if text)
    return f"---\n{_front(facts, sets)}---\n\n# {_name(facts)}\n\n{body}\n"


def _name(facts: Facts) -> str:
    """Return the data set's name, after its source."""
    return f"{facts['source']['name']}, curated with rather"


def _front(facts: Facts, sets: Mapping[str, Facts]) -> str:
    """Write the front matter that Hugging Face reads."""
    rows = facts["counts"].get("chosen pairs", 0)
    front: dict[str, Any] = {
        "pretty_name": _name(facts),
        "license": facts["source"]["licence"] or "unknown",
        "tags": ["preference", "rather"],
        "size_categories": [next((name for most, name in SIZES.items() if rows < most), LARGEST)],
    }
    if sets:
        front["configs"] = [
            {
                "config_name": name,
                "data_files": [{"split": split, "path": path} for split, path in paths.items()],
            }
            for name, paths in sets.items()
        ]
    return _dumped(front)


def _source(facts: Facts) -> str:
    """Write the source section: origin, licence and hashes."""
    source = facts["source"]
    told = (
        f"- read from: `{source['name']}`, as the format {source['format']}\n"
        f"- licence: {source['licence'] or NOT_STATED}"
    )
    return "\n\n".join(part for part in (told, _files(facts["files"])) if part)


def _files(files: Sequence[Facts]) -> str:
    """List files with their hashes."""
    columns = ("name", "bytes", "sha256")
    rows = ((f"`{row['name']}`", row["bytes"], f"`{row['sha256']}`") for row in files)
    return _table(columns, rows) if files else ""


def _rules(facts: Facts) -> str:
    """List every reason a row was dropped for, with the rule's options."""
    rows = (
        (row["stage"], row["unit"], row["reason"], _options(row["options"]), row["count"])
        for row in facts["rules"]
    )
    return _table(("stage", "unit", "reason", "options", "dropped"), rows)


def _options(options: Mapping[str, Any]) -> str:
    """Write a rule's options on one line."""
    return ", ".join(f"{name} {value}" for name, value in options.items())


def _quality(facts: Facts) -> str:
    """Write the quality section: declared quality, and how labels were made."""
    quality, labels = facts["quality"], facts["labels"]
    lines = ["- meets the declared quality: " + ("yes" if quality["success"] else "no")]
    lines += [f"  - {sentence}" for sentence in quality["failures"]]
    lines += [f"- {name}: {_figure(value)}" for name, value in quality["figures"].items()]
    if labels and labels["desirable"] + labels["undesirable"]:
        lines.append(
            f"- labels: {labels['desirable']:,} desirable, {labels['undesirable']:,} undesirable "
            f"in training; {labels['label_rule']}"
        )
    return "\n".join(lines)


def _figure(value: float | None) -> str:
    """Write a measured number, or that nobody knows it."""
    return "unknown" if value is None else f"{value:.4g}"


def _yaml(params: Facts) -> str:
    """Write parameters as a block that params.yaml takes."""
    return f"```yaml\n{_dumped(params)}```"


def _dumped(values: Facts) -> str:
    """Write YAML in the order given."""
    return str(yaml.safe_dump(dict(values), sort_keys=False, allow_unicode=True, width=100))


def _table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Write a table; what would break it is escaped."""
    return "\n".join(_lines(columns, rows))


def _lines(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    yield f"| {' | '.join(columns)} |"
    yield f"|{'---|' * len(columns)}"
    for row in rows:
        yield f"| {' | '.join(_cell(value) for value in row)} |"


def _cell(value: Any) -> str:
    """Write one cell: a number with its thousands apart, a text on one line without bars."""
    if isinstance(value, int):
        return f"{value:,}"
    return " ".join(str(value).split()).replace("|", "\\|")
