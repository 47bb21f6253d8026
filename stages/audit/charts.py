"""Draw the audit's charts as static SVG.   figures -> SVG text

Colours are the light palette's hex values, written as plain attributes: the page's style
sheet matches them by value and swaps in the dark palette, so one drawing serves both.
"""

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import altair as alt
from markupsafe import Markup

Rows = Sequence[Mapping[str, Any]]

# Blue and vermilion of Okabe and Ito (2008), which colour-blind readers tell apart; the three
# also differ in lightness, for paper.
LIGHT = {
    "ink": "#1d2126",
    "quiet": "#5b626d",
    "grid": "#e2e4e8",
    "before": "#c3c8d0",
    "after": "#0072b2",
    "cut": "#c2510a",
}
DARK = {
    "ink": "#e7e9ec",
    "quiet": "#a4abb6",
    "grid": "#30353d",
    "before": "#565d69",
    "after": "#56b4e9",
    "cut": "#f28e52",
}
WIDTH, HEIGHT, ROW = 760, 230, 26
LABELS = 240  # pixels of a name beside a row
ROLES = re.compile(r' (role|aria-roledescription)="[^"]*"')


def waterfall(start: Mapping[str, Any], drops: Rows, end: Mapping[str, Any]) -> Markup:
    """Draw what is left as each reason takes its pairs: rows of name and num."""
    left, steps = start["num"], [_step(start["name"], 0, start["num"], "all")]
    for drop in drops:
        steps.append(_step(drop["name"], left - drop["num"], left, "dropped"))
        left -= drop["num"]
    steps.append(_step(end["name"], 0, end["num"], "kept"))
    colour = alt.Color(
        "part:N",
        legend=None,
        scale=alt.Scale(
            domain=["all", "dropped", "kept"],
            range=[LIGHT["before"], LIGHT["cut"], LIGHT["after"]],
        ),
    )
    base = alt.Chart(_data(steps)).encode(y=_names())
    bars = base.mark_bar(height=13).encode(x="low:Q", x2="high:Q", color=colour)
    words = base.mark_text(align="left", dx=6, color=LIGHT["ink"], fontSize=12)
    layers = [bars, words.encode(x="high:Q", text=alt.Text("num:Q", format=","))]
    said = "; ".join(f"{step['name']} {step['num']:,}" for step in steps)
    return _svg(layers, "Pairs", f"Pairs left after each reason: {said}.", _height(steps))


def _step(name: str, low: int, high: int, part: str) -> dict[str, Any]:
    return {"name": name, "low": low, "high": high, "num": high - low, "part": part}


def spread(bins: Rows, title: str, cuts: Rows = ()) -> Markup:
    """Draw how many pairs have which value, before the rules and after, and where they cut.

    bins: low, high, all, chosen;  cuts: at, label
    """
    layers: list[Any] = [_bars(bins, "all", "before"), _bars(bins, "chosen", "after")]
    layers += [mark for cut in cuts for mark in _line(cut["at"], cut["label"])]
    before, after = (sum(each[side] for each in bins) for side in ("all", "chosen"))
    label = f"{title}, histogram: {before:,} pairs before the rules, {after:,} after."
    return _svg(layers, title, label)


def keep_rate(points: Rows, cuts: Rows, unit: str) -> Markup:
    """Draw the share of pairs that would be kept at other thresholds: at_least, share."""
    line = alt.Chart(_data(points)).mark_line(
        color=LIGHT["after"], strokeWidth=2.2, point=alt.OverlayMarkDef(color=LIGHT["after"])
    )
    axis = alt.Axis(title="Share of pairs kept", format="%", tickCount=5)
    drawn = line.encode(
        x="at_least:Q", y=alt.Y("share:Q", axis=axis, scale=alt.Scale(domain=[0, 1]))
    )
    layers = [drawn, *(mark for cut in cuts for mark in _line(cut["at"], cut["label"]))]
    said = "; ".join(f"{point['share']:.0%} at {point['at_least']:g}" for point in points)
    return _svg(layers, f"Margin of at least, in {unit}", f"Pairs kept: {said}.")


def gaps(bins: Rows, unit: str) -> Markup:
    """Draw how much longer chosen is than rejected, as shares of the pairs before and after.

    bins: low, high, before, after
    """
    sums = {side: sum(each[side] for each in bins) or 1 for side in ("before", "after")}
    shares = [{**each, **{side: each[side] / sums[side] for side in sums}} for each in bins]
    ends = [*shares, {**shares[-1], "low": shares[-1]["high"]}]
    outline = alt.Chart(_data(ends)).mark_line(
        color=LIGHT["after"], interpolate="step-after", strokeWidth=2.2
    )
    layers = [
        _bars(shares, "before", "before", "Share of pairs", "%"),
        *_line(0.0, "equally long"),
        outline.encode(x="low:Q", y="after:Q"),
    ]
    label = "Distribution of the gap in length before the rules and after."
    return _svg(layers, f"Length of chosen minus rejected, in {unit}", label)


def dots(rows: Rows, title: str, marks: Rows = (), form: str = "~g") -> Markup:
    """Draw a value with its interval for each name: name, value, low, high.

    marks: at, label of upright lines to read the values against
    """
    known = [row for row in rows if row["value"] is not None]
    base = alt.Chart(_data(known)).encode(y=_names())
    whisker = base.mark_rule(color=LIGHT["after"], strokeWidth=2)
    dot = base.mark_point(color=LIGHT["after"], filled=True, size=70, opacity=1)
    layers = [
        *(mark for line in marks for mark in _line(line["at"], line["label"])),
        whisker.encode(x="low:Q", x2="high:Q"),
        dot.encode(x=alt.X("value:Q", axis=alt.Axis(format=form))),
    ]
    said = "; ".join(f"{row['name']} {row['value']:.3g}" for row in known)
    return _svg(layers, title, f"{title}: {said}.", _height(known), pad=12)


def curves(points: Rows, column: str, title: str) -> Markup:
    """Draw how a column goes with training's steps."""
    line = alt.Chart(_data(points)).mark_line(color=LIGHT["after"], strokeWidth=2)
    y = alt.Y(f"{column}:Q", axis=alt.Axis(title=title, tickCount=5), scale=alt.Scale(zero=False))
    ends = f"from {points[0][column]:.3g} to {points[-1][column]:.3g}"
    return _svg([line.encode(x="step:Q", y=y)], "Step", f"{title} over training, {ends}.", 180)


def _names() -> alt.Y:
    """Return the axis of names, in the rows' own order."""
    axis = alt.Axis(title=None, labelLimit=LABELS, labelPadding=8, ticks=False, domain=False)
    return alt.Y("name:N", sort=None, axis=axis)


def _height(rows: Sequence[Any]) -> int:
    """Return the height of a chart with one row per name."""
    return 60 + ROW * max(len(rows), 1)


def _bars(
    rows: Rows, column: str, colour: str, title: str = "Pairs", form: str = "~s"
) -> alt.Chart:
    """Draw one histogram's bars, a hair apart."""
    axis = alt.Axis(title=title, format=form, tickCount=5, tickMinStep=0.01 if form == "%" else 1)
    y = alt.Y(f"{column}:Q", axis=axis)
    bars = alt.Chart(_data(rows)).mark_bar(color=LIGHT[colour], binSpacing=1)
    drawn: alt.Chart = bars.encode(x="low:Q", x2="high:Q", y=y, y2=alt.datum(0))
    return drawn


def _line(at: float, text: str) -> list[alt.Chart]:
    """Draw an upright line with a word at its head."""
    base = alt.Chart(alt.InlineData(values=[{"at": at, "text": text}])).encode(x="at:Q")
    rule = base.mark_rule(color=LIGHT["cut"], strokeDash=[5, 3], strokeWidth=1.5)
    word = base.mark_text(color=LIGHT["cut"], align="left", baseline="bottom", dy=-3, fontSize=12)
    return [rule, word.encode(text="text:N", y=alt.value(0))]


def _data(rows: Rows) -> alt.InlineData:
    """Hand rows over as plain values, so that the same rows make the same drawing."""
    return alt.InlineData(values=[dict(row) for row in rows])


def _svg(layers: list[Any], title: str, label: str, height: int = HEIGHT, pad: int = 0) -> Markup:
    """Render layers over one x axis as an SVG that names itself to a screen reader."""
    fit = alt.AutoSizeParams(type="fit", contains="padding")
    axis = alt.Axis(grid=False, tickCount=8)
    chart = (
        alt.layer(*layers)
        .encode(
            x=alt.X(title=title, axis=axis, scale=alt.Scale(nice=False, zero=False, padding=pad))
        )
        .properties(width=WIDTH, height=height, background="transparent", autosize=fit)
        .configure(aria=False, font="sans-serif")
        .configure_view(stroke=None)
        .configure_axis(
            labelColor=LIGHT["quiet"],
            titleColor=LIGHT["quiet"],
            gridColor=LIGHT["grid"],
            domainColor=LIGHT["grid"],
            tickColor=LIGHT["grid"],
            titleFontWeight="normal",
            labelFontSize=12,
            titleFontSize=12,
        )
    )
    drawn = io.StringIO()
    chart.save(drawn, format="svg")
    # The description stands on the svg itself; roles inside it would ask for one each.
    name = Markup('<svg role="img" aria-label="{0}"').format(label)
    return Markup(ROLES.sub("", drawn.getvalue()).replace("<svg", name, 1))
