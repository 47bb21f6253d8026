"""Write the page a data team opens to trust its pairs.   audit, its worst pairs -> HTML"""

import base64
import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
from markupsafe import Markup

from rather.stages.audit import page_charts, page_rows, page_wins
from rather.stages.audit.formatting import WRITERS, Figures, below, sentence, visible

HERE = Path(__file__).parent
ROW_BYTES = 4_000_000  # the rest of the page takes far less than a million
MOST_LISTED = 200  # rows of a table; audit.json has them all
WHY = "rather why PAIR_ID"

# A section's title, and the figures of which one must be there for it to stand.
SECTIONS = {
    "against": ("Against the previous version", ["/against"]),
    "waterfall": ("What became of every row", ["/waterfall", "/reasons"]),
    "margins": ("Margins", ["/margins/bins", "/margins/confidence"]),
    "length": ("Length", ["/length/before/num_pairs", "/length/per_rater"]),
    "raters": ("Raters", ["/raters"]),
    "equality": ("Equal and repeated", ["/equality", "/duplicates"]),
    "model_wins": ("Who wins", ["/model_wins"]),
    "objectives": ("Objectives", ["/objectives/conflicts"]),
    "coverage": ("Coverage", [f"/coverage/{kind}/groups/1" for kind in range(3)]),
    "leakage": ("Leaks", ["/leakage"]),
    "kto": ("Balance of labels", ["/kto/desirable", "/kto/undesirable"]),
    "quality": ("Declared quality", ["/quality"]),
    "card": ("Where it comes from", ["/card/files", "/card/versions"]),
    "training": ("Training", ["/training"]),
}

PAPER = {
    "light": {
        "paper": "#ffffff",
        "raised": "#f5f6f8",
        "edge": "#8b929d",
        "link": "#00629b",
        "bad": "#b3311a",
        "care": "#8a5a00",
        "good": "#0a6e50",
        "tint-chosen": "#d6eaf8",
        "tint-rejected": "#fbe3d3",
    },
    "dark": {
        "paper": "#14171b",
        "raised": "#1d2127",
        "edge": "#6b7380",
        "link": "#7cc4f0",
        "bad": "#ff8f7a",
        "care": "#f0b541",
        "good": "#5fd0a5",
        "tint-chosen": "#123a54",
        "tint-rejected": "#4d2a14",
    },
}


def page(audit: Mapping[str, Any], rows: pl.DataFrame) -> str:
    """Write the audit as one HTML document that asks nothing of any network.

    audit: what audit.json holds
    rows:  the worst pairs of each reason, texts whole, with what raters said of them

    Equal input gives equal bytes, under 5 MB; whatever the audit lacks is left out.
    """
    figures = Figures(audit)
    text, cut, num_rows = page_rows.embedded(rows, ROW_BYTES)
    style, script = _style(), (HERE / "page.js").read_text(encoding="utf-8")
    return str(
        _template().render(
            audit=audit,
            figures=figures,
            charts=page_charts.draw(audit),
            sections={
                name: title
                for name, (title, needed) in SECTIONS.items()
                if any(figures.at(pointer) for pointer in needed)
            },
            wins=page_wins.matrix(audit.get("model_wins") or []),
            style=Markup(style),
            script=Markup(script),
            policy=_policy(style, script),
            rows=Markup(text),
            told=Markup(page_rows.safe_json(_told(audit))),
            held=set(rows["reason"]) if num_rows else set(),
            num_rows=num_rows,
            cut=cut,
            why=audit.get("why") or WHY,
            most=MOST_LISTED,
            drawn=page_charts.MOST_ROWS,
        )
    )


def _told(audit: Mapping[str, Any]) -> dict[str, Any]:
    """Return the script's settings: reasons, the unit of lengths, the command."""
    reasons = {each["reason"]: each for each in audit.get("reasons") or []}
    unit = (audit.get("length") or {}).get("unit") or "tokens"
    return {"reasons": reasons, "unit": unit, "why": audit.get("why") or WHY}


def _style() -> str:
    """Return the style sheet: both palettes, the charts' colours by value, and the rest."""
    from rather.stages.audit.charts import DARK, LIGHT

    light, dark = (
        "".join(f"--{name}:{colour};" for name, colour in palette.items())
        for palette in (LIGHT | PAPER["light"], DARK | PAPER["dark"])
    )
    drawn = "".join(
        f'svg [{part}="{colour}"]{{{part}:var(--{name})}}'
        for name, colour in LIGHT.items()
        for part in ("fill", "stroke")
    )
    swapped = f"@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
    return f":root{{{light}}}{swapped}{drawn}\n" + (HERE / "page.css").read_text(encoding="utf-8")


def _policy(style: str, script: str) -> str:
    """Return the content security policy: the page's own style and script alone."""
    sources = {"default-src": "'none'", "base-uri": "'none'", "form-action": "'none'"}
    for name, text in (("style-src", style), ("script-src", script)):
        digest = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        sources[name] = f"'sha256-{digest}'"
    return "; ".join(f"{name} {source}" for name, source in sources.items())


def _shown(value: Any) -> Any:
    """Make what nobody could see visible in whatever a template prints."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def _template() -> Any:
    """Load the page's template; whatever it prints is escaped, and what is missing is empty."""
    import jinja2

    page = jinja2.Environment(
        loader=jinja2.FileSystemLoader(HERE),
        autoescape=True,
        finalize=_shown,
        undefined=jinja2.ChainableUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    page.filters.update(WRITERS, sentence=sentence)
    page.globals.update(below=below, units=set(WRITERS))
    return page.get_template("page.html.jinja")
