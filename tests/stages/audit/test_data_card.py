"""The data card."""

from typing import Any

import yaml

from rather.stages.audit.data_card import card


def facts(**changes: Any) -> dict[str, Any]:
    """What is known of a small data set."""
    known = {
        "source": {"name": "votes.csv", "format": "comparisons", "licence": "CC-BY-4.0"},
        "files": [{"name": "votes.csv", "bytes": 1200, "sha256": "ab" * 32}],
        "counts": {"prompts": 1500, "chosen pairs": 1234},
        "rules": [
            {
                "stage": "winnow",
                "unit": "pairs",
                "reason": "margin",
                "options": {"at_least": 0.5},
                "count": 30,
            }
        ],
        "quality": {"success": True, "failures": [], "figures": {"agreement": 0.8125}},
        "labels": None,
        "params": {"seed": 0, "winnow": {"rules": {"margin": {"at_least": 0.5}}}},
        "versions": {"rather": "0.1.0"},
    }
    return known | changes


def front(text: str) -> dict[str, Any]:
    """Read the front matter."""
    found: dict[str, Any] = yaml.safe_load(text.split("---\n")[1])
    return found


def test_the_front_matter_is_what_a_hub_reads() -> None:
    """Licence, size, and the files of each set's splits."""
    paths = {"train": "dpo/train.parquet", "test": "dpo/test.parquet"}
    found = front(card(facts(), sets={"dpo": paths}))
    assert (found["license"], found["size_categories"]) == ("CC-BY-4.0", ["1K<n<10K"])
    assert found["configs"] == [
        {
            "config_name": "dpo",
            "data_files": [
                {"split": "train", "path": "dpo/train.parquet"},
                {"split": "test", "path": "dpo/test.parquet"},
            ],
        }
    ]


def test_what_is_not_stated_is_said() -> None:
    """A licence that nobody declared is unknown, never guessed."""
    text = card(facts(source={"name": "v.csv", "format": "pairs", "licence": None}))
    assert front(text)["license"] == "unknown"
    assert "- licence: not stated" in text


def test_sources_rules_and_written_files_are_listed() -> None:
    """With hashes, options and counts."""
    text = card(facts(), written=[{"name": "a.parquet", "bytes": 10, "sha256": "cd" * 32}])
    assert f"| `votes.csv` | 1,200 | `{'ab' * 32}` |" in text
    assert "| winnow | pairs | margin | at_least 0.5 | 30 |" in text
    assert f"| `a.parquet` | 10 | `{'cd' * 32}` |" in text
    assert "- agreement: 0.8125" in text


def test_failures_and_labels_are_told() -> None:
    """In the sentences of validate, and by the rule that made the labels."""
    quality = {"success": False, "failures": ["too few pairs: found 1"], "figures": {}}
    labels = {"desirable": 3, "undesirable": 4, "label_rule": "desirable above the middle"}
    text = card(facts(quality=quality, labels=labels))
    assert "- meets the declared quality: no\n  - too few pairs: found 1" in text
    assert "- labels: 3 desirable, 4 undesirable in training; desirable above the middle" in text


def test_the_parameters_are_a_block_of_yaml() -> None:
    """It reads back as what it was written from."""
    block = card(facts()).split("```yaml\n")[1].split("```")[0]
    assert yaml.safe_load(block) == facts()["params"]


def test_a_name_cannot_break_a_table() -> None:
    """Bars are escaped, and line breaks become blanks."""
    files = [{"name": "a|b\nc", "bytes": 1, "sha256": "0"}]
    assert "| `a\\|b c` | 1 | `0` |" in card(facts(files=files))
