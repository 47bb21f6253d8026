"""The audit page in a browser: Debian's Chromium, headless, from a file, with no network."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from rather.cli import main
from rather.stages.audit.page import page as written
from tests.paths import ROOT
from tests.pipeline.ratings import GOOD, lines
from tests.stages.audit.page_sample import AUDIT, ROWS, frame, pair

CHROMIUM = shutil.which("chromium")
AXE = ROOT / ".browser" / "node_modules" / "axe-core" / "axe.min.js"
WIDE, NARROW = {"width": 1280, "height": 900}, {"width": 400, "height": 800}

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="no chromium on the path; `make browser` installs it where it can"
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    """A headless browser for the tests of this file."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright comes with rather[dev]")
    with api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Where the page of the sample lies on disk."""
    return saved(tmp_path_factory.mktemp("page") / "index.html", written(AUDIT, ROWS))


def saved(path: Path, html: str) -> str:
    """Save a page and give its address."""
    path.write_text(html, encoding="utf-8")
    return path.as_uri()


@pytest.fixture
def tab(chromium: Any) -> Iterator[Any]:
    """A tab that remembers what the page said and asked for."""
    with chromium.new_context(viewport=WIDE, reduced_motion="reduce") as context:
        opened = context.new_page()
        opened.heard, opened.asked = [], []
        opened.on("console", lambda message: opened.heard.append(message.text))
        opened.on("pageerror", lambda error: opened.heard.append(str(error)))
        opened.on("dialog", lambda dialog: opened.heard.append(f"dialog {dialog.message}"))
        opened.on("request", lambda request: opened.asked.append(request.url))
        yield opened


def prompts(tab: Any) -> list[str]:
    """Give the prompts listed, from the top."""
    found: list[str] = tab.locator("#pairs .open").all_inner_texts()
    return found


def test_opens_from_disk(tab: Any, address: str) -> None:
    """The page opens from disk without a word in the console and asks for nothing but itself."""
    tab.goto(address)
    tab.locator("#pairs .open").first.click()
    tab.wait_for_load_state("networkidle")
    assert (tab.heard, tab.asked) == ([], [address])
    assert tab.locator("h1").inner_text() == AUDIT["verdict"]["sentence"]


def leaves(value: Any, pointer: str = "") -> Iterator[tuple[str, float]]:
    """Give every number below a value with its JSON pointer."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from leaves(each, f"{pointer}/{key}")
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield pointer, value


def read(text: str) -> float:
    """Read a figure as a person would."""
    plain = text.replace(",", "").replace("−", "-")
    return float(plain.removesuffix("%")) / 100 if plain.endswith("%") else float(plain)


def check_figures(tab: Any, address: str, audit: dict[str, Any]) -> int:
    """Hold every figure of a page against the JSON, as marked and as it reads; count them."""
    tab.goto(address)
    script = "all => all.map(one => [one.dataset.figure, one.value, one.textContent])"
    shown = tab.locator("[data-figure]").evaluate_all(script)
    numbers = dict(leaves(audit))
    known = {pointer: (value, text) for pointer, value, text in shown if value}
    assert {pointer: float(value) for pointer, (value, _) in known.items()} == {
        pointer: numbers[pointer] for pointer in known
    }
    for pointer, (_, text) in known.items():
        assert read(text) == pytest.approx(numbers[pointer], rel=0.006, abs=0.0006), pointer
    return len(known)


def test_figures_equal_the_json(tab: Any, address: str) -> None:
    """Each figure on the page is the one of the JSON."""
    assert check_figures(tab, address, AUDIT) > 200


@pytest.mark.slow
def test_figures_of_a_real_audit(tab: Any, tmp_path: Path) -> None:
    """`rather audit` leaves a page that is silent, and whose figures are those of audit.json."""
    (tmp_path / "ratings.jsonl").write_text(lines(GOOD))
    with pytest.raises(SystemExit) as end:
        main(["audit", str(tmp_path / "ratings.jsonl"), "--out", str(tmp_path / "audit")])
    assert end.value.code == 0
    address = (tmp_path / "audit" / "index.html").as_uri()
    audit = json.loads((tmp_path / "audit" / "audit.json").read_text())
    assert check_figures(tab, address, audit) > 50
    assert (tab.heard, tab.asked) == ([], [address])


def test_no_figure_is_missing(tab: Any, address: str) -> None:
    """What the JSON tells stands on the page, but for what is drawn or told in other units."""
    tab.goto(address)
    shown = tab.locator("[data-figure]").evaluate_all("all => all.map(one => one.dataset.figure)")
    elsewhere = (
        "/source/splits/",
        "/totals/",  # the waterfall draws them
        "/length/before/num_pairs",
        "/length/after/num_pairs",
        "/length/before/characters",
        "/length/after/characters",
        "/length/before/tokens/pearson",
        "/length/after/tokens/pearson",
        "/length/longer_wins/",
        "/margins/num",
        "/margins/cuts",
    )
    ends = ("/reference", "/num_missing", "/num_items", "slope_low", "slope_high", "equal_length")
    missing = {pointer for pointer, _ in leaves(AUDIT)} - set(shown)
    left = [
        pointer
        for pointer in sorted(missing)
        if not pointer.startswith(elsewhere) and not pointer.endswith(ends)
    ]
    within = ("/reasons/", "/curve/", "/with_others/")
    left = [each for each in left if not any(part in each[1:] for part in within)]
    assert left == []


def test_search(tab: Any, address: str) -> None:
    """Searching lists the pairs that hold every word, in any text, and says how many."""
    tab.goto(address)
    assert len(prompts(tab)) == 4
    tab.get_by_label("Search").fill("CAPITAL lyon")
    assert prompts(tab) == ["Question 1?"]
    assert tab.get_by_role("status").inner_text() == "1 of 4 pairs"
    tab.get_by_label("Search").fill("no such words")
    assert prompts(tab) == []


def test_reason(tab: Any, address: str) -> None:
    """Choosing a reason lists its pairs; the choice says how many of all are the worst."""
    tab.goto(address)
    tab.locator("#reason").select_option(label="margin (worst 2 of 302)")
    assert prompts(tab) == ["Question 1?", "How do I cook an egg?"]


def test_sort(tab: Any, tmp_path: Path) -> None:
    """A heading sorts up, then down; what is not known stays last."""
    pairs = [
        pair(number, "yes", "no", margin=margin)
        for number, margin in enumerate([0.2, None, 0.1, 0.3])
    ]
    tab.goto(saved(tmp_path / "index.html", written(AUDIT, frame(*pairs))))
    heading = tab.locator("th[data-sort=margin]")
    heading.get_by_role("button").click()
    assert prompts(tab) == [f"Question {number}?" for number in (2, 0, 3, 1)]
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").click()
    assert prompts(tab) == [f"Question {number}?" for number in (3, 0, 2, 1)]
    assert heading.get_attribute("aria-sort") == "descending"


def test_more(tab: Any, tmp_path: Path) -> None:
    """Fifty pairs are listed at a time."""
    pairs = [pair(number, "yes", "no") for number in range(120)]
    tab.goto(saved(tmp_path / "index.html", written(AUDIT, frame(*pairs))))
    counts = [len(prompts(tab))]
    while tab.locator("#more").is_visible():
        tab.locator("#more").click()
        counts.append(len(prompts(tab)))
    assert counts == [50, 100, 120]


def test_deep_link(tab: Any, address: str) -> None:
    """A link to a pair opens it, by the beginning of its id too, and in a page already open."""
    tab.goto(f"{address}#pair=0000000000000002")
    assert tab.locator("#pairs .detail .ask").inner_text().endswith("How do I cook an egg?")
    assert tab.locator("#pairs .detail").is_visible()
    tab.evaluate("location.hash = '#pair=0000000000000004'")
    assert "hash map" in tab.locator("#pairs .detail .chosen").inner_text()


def test_link_to_a_pair_elsewhere(tab: Any, address: str) -> None:
    """A link to a pair that the page does not hold names the command that tells its story."""
    tab.goto(f"{address}#pair=ffffffffffffffff")
    said = tab.get_by_role("status").inner_text()
    assert "rather why ffffffffffffffff --in audit" in said


def test_link_to_a_reason(tab: Any, address: str) -> None:
    """A link to a reason lists its pairs."""
    tab.goto(f"{address}#reason=distinct")
    assert prompts(tab) == ["Question 3?"]


def test_side_by_side(tab: Any, address: str) -> None:
    """The two answers stand beside each other, with what differs marked in both."""
    tab.goto(f"{address}#pair=0000000000000001")
    chosen, rejected = (tab.locator(f"#pairs .detail .{side}") for side in ("chosen", "rejected"))
    left, right = chosen.bounding_box(), rejected.bounding_box()
    assert left["x"] + left["width"] <= right["x"]
    assert left["y"] == right["y"]
    assert chosen.locator("mark").all_inner_texts() == ["Paris"]
    assert rejected.locator("mark").all_inner_texts() == ["Lyon", " third"]
    assert chosen.locator(".text").inner_text() == ROWS["chosen"][0]


def test_everything_about_a_pair(tab: Any, address: str) -> None:
    """An open pair shows all its reasons, every rater's word, its line and its story's command."""
    tab.goto(f"{address}#pair=0000000000000001")
    told = tab.locator("#pairs .detail").inner_text()
    assert tab.locator(".why li b").all_inner_texts() == ["margin", "agreement"]
    rows = [row.split("\t") for row in tab.locator("#pairs .detail tbody tr").all_inner_texts()]
    assert rows == [
        ["ann", "overall", "4", "3", "chosen is better"],
        ["carol", "overall", "–", "–", "rejected is better"],
    ]
    for fact in ("votes.jsonl, line 1", "big-70b", "rather why 0000000000000001 --in audit"):
        assert fact in told


def test_keyboard(tab: Any, address: str) -> None:
    """A pair is opened, left for the next and closed without a mouse, and focus is not lost."""
    tab.goto(address)
    tab.locator("#reason").focus()
    for _ in range(6):  # five headings sort, then the first pair
        tab.keyboard.press("Tab")
    tab.keyboard.press("Enter")
    assert (
        tab.locator("#pairs .detail article").get_attribute("aria-label") == "Pair 0000000000000001"
    )
    tab.get_by_role("button", name="Next").press("Enter")
    assert tab.evaluate("document.activeElement.innerText") == "How do I cook an egg?"
    tab.keyboard.press("Tab")
    tab.keyboard.press("Escape")
    assert tab.locator("#pairs .detail").count() == 0
    assert tab.evaluate("document.activeElement.innerText") == "How do I cook an egg?"


HOSTILE = {
    "script": "<script>alert(1)</script><!--",
    "closing": "</script><script>alert(2)</script>",
    "handler": '"><img src=x onerror="alert(3)"><svg onload=alert(4)>',
    "template": "{{ 7*7 }} ${alert(5)}",
    "formula": '=HYPERLINK("http://127.0.0.1/","x")',
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_model_text_is_text(tab: Any, tmp_path: Path, text: str) -> None:
    """Whatever a response, a prompt or a name holds is shown as text and never runs."""
    judgement = {"rater": text, "aspect": text, "preference": 1.0}
    row = pair(1, text, text, prompt=text, source=text, reason=text, failed=[text])
    rows = frame(row | {"chosen_generator": text, "judgements": [judgement]})
    audit = AUDIT | {"source": {"name": text}, "reasons": [{"reason": text, "what": text}]}
    address = saved(tmp_path / "index.html", written(audit, rows))
    tab.goto(f"{address}#pair=0000000000000001")
    for side in ("ask", "chosen", "rejected"):
        assert tab.locator(f".{side} .text").inner_text() == text
    assert text in tab.locator(".source").inner_text()
    assert tab.locator("body img, .detail svg, .detail script").count() == 0
    assert (tab.heard, tab.asked) == ([], [address])


def test_unseen_characters_are_seen(tab: Any, tmp_path: Path) -> None:
    """A character that turns the direction of writing is shown by its code point instead."""
    row = pair(1, "safe\u202eevil\u2066x", "safe evil", prompt="a\u200bb")
    address = saved(tmp_path / "index.html", written(AUDIT, frame(row)))
    tab.goto(f"{address}#pair=0000000000000001")
    assert tab.locator(".chosen .text").inner_text() == "safeU+202EevilU+2066x"
    assert tab.locator(".ask .unseen").all_inner_texts() == ["U+200B"]


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("viewport", [WIDE, NARROW], ids=["wide", "narrow"])
def test_accessible(chromium: Any, address: str, scheme: str, viewport: dict[str, int]) -> None:
    """axe-core finds no violation, serious or not, with a pair open and every part unfolded."""
    if not AXE.is_file():
        pytest.skip("axe-core is not installed; `make browser` does")
    with chromium.new_context(viewport=viewport, color_scheme=scheme, bypass_csp=True) as context:
        tab = context.new_page()
        tab.goto(f"{address}#pair=0000000000000001")
        tab.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
        tab.evaluate(AXE.read_text(encoding="utf-8"))
        found = tab.evaluate("axe.run().then(done => done.violations)")
    told = [(each["id"], each["impact"], each["nodes"][0]["html"][:120]) for each in found]
    assert told == []


def test_narrow_screen(chromium: Any, address: str) -> None:
    """On a telephone nothing sticks out, and the answers stand one below the other."""
    with chromium.new_context(viewport=NARROW) as context:
        tab = context.new_page()
        tab.goto(f"{address}#pair=0000000000000001")
        assert tab.evaluate("document.documentElement.scrollWidth") <= NARROW["width"]
        upper, lower = (tab.locator(f"#pairs .detail .{side}") for side in ("chosen", "rejected"))
        assert lower.bounding_box()["y"] > upper.bounding_box()["y"]


def test_dark_mode_recolours_the_charts(chromium: Any, address: str) -> None:
    """In dark mode the paper is dark and no chart keeps a colour meant for white paper."""
    with chromium.new_context(color_scheme="dark") as context:
        tab = context.new_page()
        tab.goto(address)
        fills = tab.locator("figure svg text").evaluate_all(
            "all => [...new Set(all.map(one => getComputedStyle(one).fill))]"
        )
        paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert paper == "rgb(20, 23, 27)"
    assert all(sum(map(int, fill[4:-1].split(","))) > 3 * 128 for fill in fills), fills
