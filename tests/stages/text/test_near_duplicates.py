"""The search for sets that are nearly equal."""

import random
from itertools import combinations

import polars as pl
import pytest

from rather.stages.text import near_duplicates as module
from rather.stages.text.clusters import clusters
from rather.stages.text.normalise import words


def asked(texts: list[str]) -> pl.DataFrame:
    """Make prompts named by their number."""
    messages = [[{"role": "user", "content": text}] for text in texts]
    names = [f"{number:04d}" for number in range(len(texts))]
    return pl.DataFrame({"prompt_id": names, "messages": messages})


def random_prompts(seed: int) -> list[str]:
    """Make prompts of which many are edited copies of others, with few different words."""
    chance = random.Random(seed)
    vocabulary = [f"w{number}" for number in range(chance.choice([12, 150]))]
    bases = [chance.choices(vocabulary, k=chance.randrange(1, 50)) for _ in range(40)]
    texts = []
    for _ in range(250):
        text = list(chance.choice(bases))
        for _ in range(chance.randrange(5)):
            text[chance.randrange(len(text))] = chance.choice(vocabulary)
        texts.append(" ".join(text + chance.choices(vocabulary, k=chance.randrange(2))))
    return texts


def every_pair_compared(texts: list[str]) -> list[int]:
    """Compute clusters by brute force: all pairs compared, chains followed."""
    found = [tuple(text) for text in words(pl.Series(texts)).to_list()]
    runs = [{*zip(w, w[1:], w[2:], strict=False)} if len(w) >= 5 else {w} for w in found]
    labels = list(range(len(texts)))
    for one, other in combinations(range(len(texts)), 2):
        if 5 * len(runs[one] & runs[other]) >= 4 * len(runs[one] | runs[other]):
            low, high = sorted((labels[one], labels[other]))
            labels = [low if label == high else label for label in labels]
    return labels


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("at_once", [50, 2_000_000])
def test_the_search_misses_nothing(
    monkeypatch: pytest.MonkeyPatch, seed: int, at_once: int
) -> None:
    """Clusters are those that comparing every two prompts gives, in small parts or large."""
    monkeypatch.setattr(module, "ELEMENTS_AT_ONCE", at_once)
    texts = random_prompts(seed)
    expected = [f"{label:04d}" for label in every_pair_compared(texts)]
    assert clusters(asked(texts))["cluster"].to_list() == expected


def test_a_template_is_no_cluster() -> None:
    """Prompts that share 13 words and differ in the next two have 11 runs of 15 in common."""
    template = " ".join(f"word{number}" for number in range(13))
    prompts = asked([f"{template} {number}x {number}y" for number in range(3000)])
    assert clusters(prompts)["cluster"].equals(prompts["prompt_id"], check_names=False)
