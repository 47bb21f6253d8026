"""Real comparisons and pairs: the figures of `shared/data/README.md` that reading alone decides."""

from collections import Counter
from itertools import combinations, permutations

import polars as pl

from rather.stages.sources.chunks import Chunk
from rather.stages.sources.prompt_columns import ROLES
from rather.stages.sources.transcripts import cut_transcript
from tests.stages.sources.real import (
    DPO,
    FINEGRAINED,
    HH,
    KTO,
    PANDALM,
    ULTRAFEEDBACK,
    compared,
    is_blank,
    met,
    needs_data,
    preferred,
    read,
    rows_of,
    set_aside,
)

pytestmark = needs_data


def test_pandalm_asks_170_prompts() -> None:
    """999 rows, in which 5 models answer; where two rows ask the same, the later labels count."""
    loaded = read(PANDALM)
    assert (loaded.format, loaded.num_rows, loaded.prompts.height) == ("pandalm", 999, 170)
    assert loaded.responses["generator"].n_unique() == 5
    assert loaded.num_read == 999
    assert set(set_aside(loaded)) == {("comparisons", "repeated_comparison")}


def test_pandalm_has_6_answers_of_json_true() -> None:
    """Read as "true", where idx is 157, 158, 159, 164 (the first answer) and 161, 162."""
    rows = compared(met(PANDALM)).unique(["source_line"])
    for side, indices in (("first", [157, 158, 159, 164]), ("second", [161, 162])):
        lines = rows.filter(pl.col(side) == "true")["source_line"]
        assert [line - 1 for line in lines.sort()] == indices


def test_pandalm_has_54_rows_with_a_blank_answer() -> None:
    """They are read, and left to the rules to drop."""
    blank = compared(met(PANDALM)).filter(is_blank("first") | is_blank("second"))
    assert blank["source_line"].n_unique() == 54


def pandalm_labels() -> pl.DataFrame:
    """Give each row's three labels, of comparisons in the table and of those set aside."""
    loaded = read(PANDALM)
    aside = loaded.set_aside.filter(pl.col("unit") == "comparisons").select(
        "source_line",
        rater=pl.col("detail").str.split(": ").list.first(),
        preference=pl.col("detail").str.split(": ").list.last().cast(pl.Float64),
    )
    return pl.concat([loaded.comparisons.select(aside.columns), aside])


def test_pandalm_keeps_every_annotators_labels() -> None:
    """Ties, first and second of each annotator (its SOURCE.md)."""
    counts = Counter(pandalm_labels().select("rater", "preference").iter_rows())
    published = {"annotator1": (97, 427, 475), "annotator2": (116, 417, 466)}
    published["annotator3"] = (113, 411, 475)
    for rater, expected in published.items():
        assert tuple(counts[rater, vote] for vote in (0.0, 1.0, -1.0)) == expected


def test_pandalm_majorities() -> None:
    """105 ties, 422 first, 472 second; no row has three different labels."""
    votes = pandalm_labels().group_by("source_line").agg(pl.col("preference").mode())
    assert set(votes["preference"].list.len()) == {1}
    assert Counter(votes["preference"].list.first()) == {0.0: 105, 1.0: 422, -1.0: 472}


def test_pandalm_prefers_the_longer() -> None:
    """In 599 of the 887 rows that are decided; without blank answers in 548 of 835."""
    rows = (
        compared(met(PANDALM))
        .group_by("source_line", "first", "second")
        .agg(vote=pl.col("preference").mode().first())
    )
    # an answer that is blank has length 0
    one, two = (
        pl.when(is_blank(side)).then(0).otherwise(pl.col(side).str.len_chars())
        for side in ("first", "second")
    )
    decided = rows.filter(pl.col("vote") != 0, one != two)
    longer = ((one > two) == (pl.col("vote") > 0)).sum()
    assert decided.select(longer, pl.len().alias("num")).row(0) == (599, 887)
    visible = decided.filter(~is_blank("first"), ~is_blank("second"))
    assert visible.select(longer, pl.len().alias("num")).row(0) == (548, 835)


def test_ultrafeedback_scores_both_sides() -> None:
    """1,200 pairs: 136 have equal scores, and the median margin is 1.5."""
    margins = pl.concat(
        met(name)
        .ratings.group_by("source_line", maintain_order=True)
        .agg(margin=pl.col("score").first() - pl.col("score").last(), num=pl.len())
        for name in ULTRAFEEDBACK
    )
    assert (margins.height, set(margins["num"])) == (1200, {2})
    assert (margins["margin"] == 0).sum() == 136
    assert margins["margin"].median() == 1.5


def test_ultrafeedback_pairs_that_are_none() -> None:
    """5 compare a text with itself and are set aside, 2 have an empty side and are read."""
    aside = Counter[tuple[str, str]]()
    for name in ULTRAFEEDBACK:
        aside += Counter(set_aside(read(name)))
    assert aside["comparisons", "identical_answers"] == 5
    texts = pl.concat(read(name).responses for name in ULTRAFEEDBACK)
    assert texts.filter(is_blank("text")).height == 2


def test_finegrained_votes() -> None:
    """500 questions, 6 pairs of 4 answers each: 384 ties among 3,000 votes."""
    loaded = read(FINEGRAINED)
    assert (loaded.format, loaded.prompts.height) == ("finegrained_qa", 500)
    assert loaded.responses.height == 2000
    votes = Counter(loaded.comparisons["preference"])
    assert votes == {1.0: 1577, -1.0: 1039, 0.0: 384}


def test_finegrained_votes_are_transitive() -> None:
    """Of three answers to one question none beats the next all the way round."""
    beats: dict[str, set[tuple[str, str]]] = {}
    columns = ("prompt_id", "first_id", "second_id", "preference")
    for prompt, first, second, vote in read(FINEGRAINED).comparisons.select(columns).iter_rows():
        if vote:
            won = (first, second) if vote > 0 else (second, first)
            beats.setdefault(prompt, set()).add(won)
    for won in beats.values():
        for three in combinations({answer for pair in won for answer in pair}, 3):
            for a, b, c in permutations(three):
                assert not {(a, b), (b, c), (c, a)} <= won


def test_hh_prompts_are_what_both_transcripts_begin_with() -> None:
    """2,312 pairs, of which 5 answer different prompts and are set aside; 2 prompts come twice."""
    loaded = read(HH)
    assert (loaded.format, loaded.num_rows, loaded.num_read) == ("hh", 2312, 2307)
    aside = loaded.set_aside.select("unit", "reason", "source_line").rows()
    assert aside == [("rows", "prefixes_differ", n) for n in (1255, 1689, 1951, 1953, 2037)]
    assert loaded.prompts.height == 2307 - 2


def test_hh_has_4_empty_replies() -> None:
    """All of them chosen; they are read, and left to the rules to drop."""
    rows = preferred(read(HH))
    assert rows.filter(is_blank("chosen"))["source_line"].sort().to_list() == [87, 517, 926, 1104]
    assert rows.filter(is_blank("rejected")).height == 0


def test_hh_chosen_is_longer_in_1023() -> None:
    """Of all 2,312 rows, the 5 that answer different prompts among them."""
    replies = [
        [cut_transcript(row[side])[1] for side in ("chosen", "rejected")] for row in rows_of(HH)
    ]
    assert sum(len(chosen) > len(rejected) for chosen, rejected in replies) == 1023
    read_longer = pl.col("chosen").str.len_chars() > pl.col("rejected").str.len_chars()
    lost = [replies[line - 1] for line in (1255, 1689, 1951, 1953, 2037)]
    num_lost = sum(len(chosen) > len(rejected) for chosen, rejected in lost)
    assert preferred(read(HH)).filter(read_longer).height == 1023 - num_lost


def turns(conversation: list[dict[str, str]]) -> list[dict[str, str]]:
    """Spell turns as the tables do."""
    return [
        {
            "role": ROLES[turn.get("role") or turn["from"]],
            "content": turn.get("content") or turn["value"],
        }
        for turn in conversation
    ]


def asked(chunk: Chunk) -> dict[str, list[dict[str, str]]]:
    """Give each prompt's turns by its name."""
    return dict(chunk.prompts.select("prompt_id", "messages").iter_rows())


def test_llamafactory_pairs_are_read_unchanged() -> None:
    """300 rows of 1 to 13 turns: every turn and both answers are in the tables as they were."""
    chunk, rows = met(DPO), rows_of(DPO)
    prompts = asked(chunk)
    pairs = preferred(chunk).sort("source_line")
    read_rows = pairs.select("prompt_id", "chosen", "rejected").rows()
    assert (chunk.format, len(read_rows)) == ("llamafactory", 300)
    for row, (prompt, chosen, rejected) in zip(rows, read_rows, strict=True):
        assert prompts[prompt] == turns(row["conversations"])
        assert [chosen, rejected] == [row["chosen"]["value"], row["rejected"]["value"]]


def test_llamafactory_labels_are_read_unchanged() -> None:
    """300 rows, half of them good: the last turn is the answer, those before it the prompt."""
    chunk, rows = met(KTO), rows_of(KTO)
    prompts = asked(chunk)
    texts = chunk.responses.select("response_id", "text").unique()
    rated = chunk.ratings.join(texts, on="response_id").sort("source_line")
    assert (chunk.format, Counter(rated["score"])) == ("llamafactory_kto", {1.0: 150, 0.0: 150})
    found = rated.select("prompt_id", "text", "score").rows()
    for row, (prompt, text, score) in zip(rows, found, strict=True):
        assert prompts[prompt] == turns(row["messages"][:-1])
        assert (text, score) == (row["messages"][-1]["content"], float(row["label"]))
