"""Draw the report's charts as static SVG.   counts -> SVG text

Colours are the light palette's hex values, written as plain attributes: the page's style
sheet matches them by value and swaps in the dark palette, so one drawing serves both.
"""

import io
import math
from typing import Any

import altair as alt
import polars as pl
from markupsafe import Markup

# Blue and vermilion of Okabe and Ito (2008), which colour-blind readers tell apart; before and
# after also differ in lightness, for paper.
LIGHT = {
    "ink": "#20242a",
    "quiet": "#5c636e",
    "grid": "#e3e6ea",
    "before": "#c4c9d1",
    "after": "#0072b2",
    "cut": "#d55e00",
}
DARK = {
    "ink": "#e6e8eb",
    "quiet": "#a3aab5",
    "grid": "#31363e",
    "before": "#59606b",
    "after": "#56b4e9",
    "cut": "#f0803c",
}
WIDTH, HEIGHT = 760, 240


def histogram(values: pl.Series, step: float, first: int, last: int, offset: float) -> pl.DataFrame:
    """Count values in bins of width `step`: bin i starts at (i - offset) * step.

    Bins first to last are all listed, empty or not; what lies beyond an end is counted in it.
    Gives columns start, end, middle, num and share (of all values, 0 without any).
    """
    bins = (values.cast(pl.Float64) / step + offset).floor().clip(first, last).cast(pl.Int64)
    counts = bins.value_counts().rename({bins.name: "bin", "count": "num"})
    start = (pl.col("bin") - offset) * step
    return (
        pl.DataFrame({"bin": range(first, last + 1)})
        .join(counts, on="bin", how="left", maintain_order="left")
        .select(
            start.alias("start"),
            (start + step).alias("end"),
            (start + step / 2).alias("middle"),
            pl.col("num").fill_null(0).cast(pl.Int64),
            (pl.col("num").fill_null(0) / max(values.len(), 1)).alias("share"),
        )
    )


def step_for(reach: float, num_bins: int) -> float:
    """Give the smallest step of 1, 2 or 5 times a power of ten that covers reach in num_bins."""
    rough = reach / num_bins if reach > 0 else 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(size * power for size in (1, 2, 5, 10) if size * power >= rough * (1 - 1e-9))


def margins(before: pl.Series, after: pl.Series, cut: float | None) -> Markup:
    """Draw how many pairs each margin has, before the rules and after, and where they cut.

    Margins are in standard deviations of the calibrated score, and null where nobody scored the
    answers; those are not counted. Both ends hold the rest.
    """
    before, after = before.drop_nulls(), after.drop_nulls()
    reach, low = _reach(before, cut or 0.0), _below_zero(before)
    step = step_for(reach - low, 32)
    first, last = math.floor(low / step + 1e-9), math.ceil(reach / step - 1e-9) - 1
    layers: list[Any] = [
        _bars(histogram(values, step, first, max(last, 0), 0.0), "num", "Pairs", colour)
        for values, colour in ((before, "before"), (after, "after"))
    ]
    if cut is not None:
        layers += _line(cut, f"at least {cut:g}")
    label = f"Histogram of margins: {before.len():,} pairs before the rules, {after.len():,} after."
    return _svg(layers, "Margin, in standard deviations of the score", label)


def gaps(before: pl.Series, after: pl.Series, unit: str) -> Markup:
    """Draw how much longer chosen is than rejected, as shares of the pairs before and after.

    Bars stand on multiples of the step, so that the one at zero is symmetric; both ends hold
    the rest.
    """
    step = max(step_for(_reach(before.abs(), 1.0), 20), 1.0)
    last = math.ceil(_reach(before.abs(), 1.0) / step)
    shown = [histogram(values, step, -last, last, 0.5) for values in (before, after)]
    layers: list[Any] = [_bars(shown[0], "share", "Share of pairs", "before", "%"), *_line(0.0, "")]
    if not after.is_empty():
        layers.append(_steps(shown[1], "share", "after"))
    title = f"Length of chosen minus rejected, in {unit}"
    return _svg(layers, title, "Distribution of length gaps before the rules and after.")


def reasons(counts: pl.DataFrame) -> Markup:
    """Draw dropped pairs by reason: columns reason, owned (first rule failed), failed (any)."""
    axis = alt.Axis(title=None, labelLimit=260, labelPadding=6, ticks=False)
    base = alt.Chart(_data(counts)).encode(y=alt.Y("reason:N", sort=None, axis=axis))
    number = base.mark_text(align="left", dx=5, color=LIGHT["ink"], fontSize=12)
    layers = [
        base.mark_bar(color=LIGHT["before"], height=20).encode(x="failed:Q"),
        base.mark_bar(color=LIGHT["after"], height=10).encode(x="owned:Q"),
        number.encode(x="failed:Q", text=alt.Text("owned:Q", format=",")),
    ]
    said = (f"{reason} {num:,}" for reason, num in counts.select("reason", "owned").iter_rows())
    label = "Dropped pairs by reason: " + "; ".join(said)
    return _svg(layers, "Pairs", label, height=50 + 30 * counts.height)


def _reach(values: pl.Series, least: float) -> float:
    """Give how far the axis goes: the 99th percentile, so that one outlier squeezes nothing."""
    far = values.cast(pl.Float64).quantile(0.99, "higher")
    return max(far or 0.0, least * 1.1) or 1.0


def _below_zero(values: pl.Series) -> float:
    """Give how far below zero the axis goes: to the first percentile, 0 where that is above."""
    low = values.cast(pl.Float64).quantile(0.01, "lower")
    return min(low or 0.0, 0.0)


def _bars(rows: pl.DataFrame, column: str, title: str, colour: str, form: str = "~s") -> alt.Chart:
    """Draw one histogram's bars, a hair apart."""
    axis = alt.Axis(title=title, format=form, tickCount=5, tickMinStep=0.01 if form == "%" else 1)
    y = alt.Y(f"{column}:Q", axis=axis)
    bars = alt.Chart(_data(rows)).mark_bar(color=LIGHT[colour], binSpacing=1)
    drawn: alt.Chart = bars.encode(x="start:Q", x2="end:Q", y=y, y2=alt.datum(0))
    return drawn


def _steps(rows: pl.DataFrame, column: str, colour: str) -> alt.Chart:
    """Draw one histogram's outline."""
    line = alt.Chart(_data(rows)).mark_line(
        color=LIGHT[colour], interpolate="step", strokeWidth=2.2
    )
    drawn: alt.Chart = line.encode(x="middle:Q", y=f"{column}:Q")
    return drawn


def _line(at: float, text: str) -> list[alt.Chart]:
    """Draw an upright line with a word at its head."""
    base = alt.Chart(alt.InlineData(values=[{"at": at, "text": text}])).encode(x="at:Q")
    rule = base.mark_rule(color=LIGHT["cut"], strokeDash=[5, 3], strokeWidth=1.6)
    word = base.mark_text(color=LIGHT["cut"], align="left", baseline="top", dx=5, fontSize=12)
    return [rule, word.encode(text="text:N", y=alt.value(2))]


def _data(rows: pl.DataFrame) -> alt.InlineData:
    """Hand rows over as plain values, so that the same rows make the same drawing."""
    return alt.InlineData(values=rows.to_dicts())


def _svg(layers: list[Any], title: str, label: str, height: int = HEIGHT) -> Markup:
    """Render layers over one x axis as an SVG that names itself to a screen reader."""
    fit = alt.AutoSizeParams(type="fit", contains="padding")
    chart = (
        alt.layer(*layers)
        .encode(
            x=alt.X(
                title=title, axis=alt.Axis(grid=False, tickCount=8), scale=alt.Scale(nice=False)
            )
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
    name = Markup('<svg role="img" aria-label="{0}"').format(label)
    return Markup(drawn.getvalue().replace("<svg", name, 1))
