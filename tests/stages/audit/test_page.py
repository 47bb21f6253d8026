import base64
import hashlib
import re
from functools import cache
from typing import Any

import polars as pl

from rather.stages.audit.page import SECTIONS, page
from tests.stages.audit.page_sample import AUDIT, ROWS, frame, pair

TITLES = [title for title, _ in SECTIONS.values()]


@cache
def sample() -> str:
    """Write the page of the sample."""
    return page(AUDIT, ROWS)


def titles(html: str) -> list[str]:
    """Give the titles of the page's sections."""
    return re.findall(r"<h2>(.*?)</h2>", html)


def test_every_section_that_has_something_to_tell() -> None:
    """The page has a section for each thing that the audit tells, and none for the others."""
    told, silent = titles(sample()), titles(page(least(), ROWS))
    assert set(TITLES) <= set(told)
    assert silent == ["Rows"]


def least(**more: Any) -> dict[str, Any]:
    """Give the least that an audit may hold."""
    verdict = {"answer": "no", "sentence": "No pair could be made.", "problems": []}
    return {
        "source": {"name": "a.csv"},
        "kind": "pairs",
        "verdict": verdict,
        "headline": [],
        "next": [],
    } | more


def test_nothing_to_tell() -> None:
    """An audit of a source without a pair is a page with its verdict, and no rows."""
    html = page(least(), frame())
    assert "No pair could be made.</h1>" in re.sub(r"\s+<", "<", html)
    assert "There is no pair to show." in html


def test_frame_without_columns() -> None:
    """An audit of labels has no rows at all, not even their columns."""
    assert "There is no pair to show." in page(least(kind="labels"), pl.DataFrame())


def test_equal_input_gives_equal_bytes() -> None:
    """The same audit makes the same page."""
    assert page(AUDIT, ROWS) == sample()


def test_policy_allows_the_pages_own_parts_alone() -> None:
    """The page forbids whatever is not its own style and its own script, to the letter."""
    html = sample()
    policy = re.search(r'Content-Security-Policy" content="(.*?)"', html)
    assert policy is not None
    for kind, text in (
        ("style", html.split("<style>")[1].split("</style>")[0]),
        ("script", html.split("<script>")[1].split("</script>")[0]),
    ):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert f"{kind}-src &#39;sha256-{digest}&#39;" in policy[1]
    assert "default-src &#39;none&#39;" in policy[1]


def test_foreign_names_are_text() -> None:
    """Markup in the name of a file, a rater, a reason or a span is shown, never obeyed."""
    bad = "<img src=x onerror=alert(1)>\u202e"
    raters = [AUDIT["raters"][0] | {"rater": bad}]
    waterfall = [{"unit": "pairs", "stage": "winnow", "reason": bad, "count": 5}]
    html = page(
        AUDIT | {"source": {"name": bad}, "raters": raters, "waterfall": waterfall},
        frame(pair(1, bad, bad, prompt=bad, source=bad, reason=bad)),
    )
    assert "<img" not in html
    assert "\u202e" not in html
    assert "&lt;img src=x onerror=alert(1)&gt;[U+202E]" in html


def test_problem_leads_to_its_rows() -> None:
    """A problem that a reason stands for links to that reason's rows, where there are any."""
    link = '<a href="#reason=distinct">'
    assert link in sample()
    assert link not in page(AUDIT, ROWS.filter(pl.col("reason") == "margin"))


def test_story_of_the_others() -> None:
    """The page names the command that tells the story of a pair it does not hold."""
    assert "<code>rather why PAIR_ID --in audit</code>" in sample()
    assert "<code>rather why PAIR_ID</code>" in page(least(), ROWS)


def test_charts_have_words() -> None:
    """Each chart says what it shows, and the waterfall names each step's pairs."""
    html = sample()
    assert html.count('<svg role="img" aria-label="') == 8
    said = "built 2,000; distinct 100; margin 302; agreement 264; length_balance 100; kept 1,234."
    assert f"Pairs left after each reason: {said}" in html


def test_long_lists_end() -> None:
    """Of a thousand raters two hundred are listed, and the page says where the others are."""
    raters = [AUDIT["raters"][1] | {"rater": f"rater {number}"} for number in range(1000)]
    html = page(AUDIT | {"raters": raters}, ROWS)
    assert "rater 199<" in html
    assert "rater 200<" not in html
    assert "The first 200 of 1,000; audit.json has them all." in html


def test_page_of_a_hundred_thousand_pairs() -> None:
    """200 long pairs for each of 16 reasons make less than 5 MB, and cut texts say so."""
    text = "A sentence of some words that goes on for a while. " * 100
    pairs = [
        pair(200 * reason + row, f"{row} {text}", f"{text} {row}", reason=f"reason_{reason}")
        for reason in range(16)
        for row in range(200)
    ]
    html = page(AUDIT, frame(*pairs))
    assert 2_000_000 < len(html.encode()) < 5_000_000
    assert html.count('"pair_id":') == 3200
    assert '"after":' in html
