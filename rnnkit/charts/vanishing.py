"""Charts over time of studies.gradient_flow: the gradient beside theory, singular values, the units' slopes.

Tables in, alt.Chart out; words stand beneath where there are words. Gradient norms have the domain of the heatmap, 1e-12 to
1e4: a line leaves the plot where its value does, and a mark at the edge says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnkit.charts.style import GREY, GREY_TEXT, HIGH, INK, INK_TEXT, LOW, POWER, VIOLET, WARM, named_rows, sized
from rnnkit.later import alt, pd
from rnnkit.results.gradient_flow import GradientFlow
from rnnkit.rounding import amount, smallest
from rnnkit.thinning import evenly

SERIES = {  # column of flow_table -> colour, dash, label
    "bound": (WARM, (7, 4), "upper bound"),
    "straight": (WARM, (7, 4), "through the gates alone"),
    "typical": (GREY, (2, 3), "rule of thumb"),
    "measured": (INK, (1, 0), "measured"),  # last: on top of the others
}
NEVER_TOGETHER = {"straight": "bound"}  # of gated cells the one, of the others the other: they may look alike
RANKS = {"largest": INK, "median": VIOLET, "smallest": WARM}


def flow_chart(
    data: pd.DataFrame | None,
    words: Sequence[str],
    marks: Sequence[tuple[int, str]],
    series: Sequence[str] = tuple(SERIES),
    most: int = 40,
    height: int = 440,
) -> alt.LayerChart:
    """Draws gradient norms over time as shares of the last one, from a flow_table: these SERIES; `marks` names steps."""
    base = alt.Chart(named_rows(data)).encode(time_axis(words, most))
    tips = [tip("word"), *(tip(f"{name}_text", SERIES[name][2]) for name in reversed(series))]
    tips += [tip("product_text", "product of Jacobians"), tip("norm_text", "norm itself")]
    layers = [*_marks(marks, len(words)), _lines(base, series), _beads(base, len(words), most), *_edges(base)]
    return sized(*layers, *_reader(base, tips), height=height)


def spectrum_chart(data: pd.DataFrame | None, words: Sequence[str], most: int = 20, height: int = 320) -> alt.LayerChart:
    """Draws the singular values of dh_T/ds_t over time from a spectrum_table."""
    base = alt.Chart(named_rows(data)).encode(time_axis(words, most), _norm("value"))
    thin = base.mark_line(clip=True, strokeWidth=1, opacity=0.4, color=GREY).encode(detail="rank:N")
    named = base.transform_filter("datum.name != ''")
    colour = alt.Color("name:N", scale=alt.Scale(domain=list(RANKS), range=list(RANKS.values())), legend=None)
    tips = [tip("word"), tip("name", "singular value"), alt.Tooltip("value:Q", format=".1e")]
    dots = named.mark_point(clip=True, size=200, opacity=0).encode(tooltip=tips)
    return sized(thin, named.mark_line(clip=True, strokeWidth=3).encode(colour), dots, height=height)


def slopes_chart(
    data: pd.DataFrame | None, words: Sequence[str], gamma: float = 1, most: int = 20, height: int = 320
) -> alt.LayerChart:
    """Draws the units' slopes, or their forget gates, over time from a slopes_table; a line at gamma where it is below 1."""
    base = alt.Chart(named_rows(data)).encode(time_axis(words, most))
    axis = alt.Axis(values=[0, 0.25, 0.5, 0.75, 1], labelExpr="datum.value", title=None)
    look: dict[str, Any] = {"scale": alt.Scale(domain=[0, 1]), "axis": axis}
    layers = [
        base.mark_area(color=INK, opacity=opacity).encode(alt.Y(f"{low}:Q", **look), alt.Y2(f"{high}:Q"))
        for low, high, opacity in (("low", "high", 0.16), ("lower", "upper", 0.3))
    ]
    layers.append(base.mark_line(color=INK, strokeWidth=3).encode(alt.Y("mean:Q", **look)))
    if gamma < 1:
        steepest = alt.Chart(alt.Data(values=[{"gamma": gamma}])).encode(alt.Y("gamma:Q", **look))
        layers.append(steepest.mark_rule(color=WARM, strokeDash=[7, 4], strokeWidth=2))
    names = {
        "mean": "mean of the units",
        "low": "lowest",
        "lower": "lower quartile",
        "upper": "upper quartile",
        "high": "highest",
    }
    tips = [tip("word"), *(alt.Tooltip(f"{k}:Q", title=name, format=".3f") for k, name in names.items())]
    return sized(*layers, *_reader(base, tips), height=height)


# ---- tables from a GradientFlow ----


def flow_table(found: GradientFlow, part: int, words: Sequence[str]) -> pd.DataFrame:
    """For flow_chart: the gradient of one part of the state as a share of its norm at the last step, and that norm itself.

    The bounds hold for h, the product of the forget gates for the last part.
    """
    norm, last = found.norm[part], part == len(found.norm) - 1
    columns = {"measured": norm, "bound": found.bound, "typical": found.typical}
    columns["straight"] = found.straight if last else None
    columns["product"] = np.full(len(norm), np.nan) if found.product is None else found.product[part]
    with np.errstate(all="ignore"):
        shares = {name: values / norm[-1] for name, values in columns.items() if values is not None}
    zero = smallest(norm.dtype)
    texts = {f"{name}_text": [amount(v, zero) for v in values] for name, values in shares.items()}
    return pd.DataFrame(_times(words) | shares | texts | {"norm_text": [amount(v, zero) for v in norm]})


def flow_text(table: pd.DataFrame, name: str, mark: tuple[int, str], end: str) -> str:
    """The finding of flow_chart, of dL/d`name` at the step and place of `mark`."""
    t, place = mark
    row = table.iloc[t]
    theory = [f"{SERIES[s][2]} {amount(row[s])}" for s in ("bound", "typical", "straight") if s in table and np.isfinite(row[s])]
    text = f"Norm of dL/d{name} at every time step: of what it is at the {end}, {row.measured_text} is left at the {place}"
    return text + (f"; predicted: {', '.join(theory)}." if theory else ".")


def spectrum_text(table: pd.DataFrame, name: str, place: str) -> str:
    """The finding of spectrum_chart."""
    if table.empty:
        return f"Singular values of dh(T)/d{name}(t): all are 0."
    first = table[(table.t == table.t.min()) & (table.name != "")]
    values = ", ".join(f"{rank} {amount(value)}" for rank, value in zip(first.name, first.value, strict=True))
    return f"Singular values of dh(T)/d{name}(t), from the {place} to the end: {values or 'too small to draw'}."


def slopes_text(table: pd.DataFrame, what: str) -> str:
    """The finding of slopes_chart."""
    low, high = table.loc[table["mean"].idxmin()], table.loc[table["mean"].idxmax()]
    return (
        f"Distribution over the units of the {what}: mean {table['mean'].mean():.2f}, from {low['mean']:.2f} at “{low.word}” to "
        f"{high['mean']:.2f} at “{high.word}”; single units from {table.low.min():.2f} to {table.high.max():.2f}."
    )


def spectrum_table(found: GradientFlow, part: int, words: Sequence[str], lines: int = 48) -> pd.DataFrame:
    """For spectrum_chart; of more than `lines` singular values evenly fewer. The spectrum must have been computed."""
    assert found.spectrum is not None and found.spectrum_t is not None
    values, at = found.spectrum[part], found.spectrum_t
    n = values.shape[1]
    names = {0: "largest", (n - 1) // 2: "median", n - 1: "smallest"} if n > 2 else {0: "largest", n - 1: "smallest"}
    ranks = np.unique([*names, *evenly(n, lines)])
    t, rank = np.repeat(at, len(ranks)), np.tile(ranks, len(at))
    named = [names.get(r, "") for r in rank]
    table = {"t": t, "word": [words[k] for k in t], "rank": rank, "value": values[:, ranks].ravel(), "name": named}
    return pd.DataFrame(table).query("value > 0")  # neither zero nor what rounding hides has a place on a logarithmic axis


def slopes_table(found: GradientFlow, words: Sequence[str]) -> pd.DataFrame:
    """For slopes_chart, of a cell that has slopes or a gate."""
    assert found.slope is not None
    low, lower, _, upper, high = found.slope
    return pd.DataFrame(_times(words) | {"low": low, "lower": lower, "upper": upper, "high": high, "mean": found.slope_mean})


def _times(words: Sequence[str]) -> dict[str, Any]:
    return {"t": np.arange(len(words)), "word": list(words)}


# ---- what the charts over time are made of ----


def time_axis(words: Sequence[str], most: int, field: str = "t") -> alt.X:
    """Time, with at most so many words beneath, the first and the last in any case."""
    T = len(words)
    every = -(-T // most)
    shown = [t for t in range(0, T - 1, every) if T - 1 - t >= every] + [T - 1]
    axis = alt.Axis(
        values=shown,
        labelExpr=f"{json.dumps({str(t): words[t] for t in shown})}[datum.value]",
        labelAngle=-60 if T > 12 else 0,
        labelAlign="right" if T > 12 else "center",
        labelLimit=110,
        labelOverlap="greedy",
        title=None,
        grid=False,
    )
    return alt.X(f"{field}:Q", scale=alt.Scale(domain=[-0.5, T - 0.5], nice=False), axis=axis)


def _norm(field: str) -> alt.Y:
    axis = alt.Axis(values=[1e-12, 1e-8, 1e-4, 1, 1e4], labelExpr=POWER, title=None)
    return alt.Y(f"{field}:Q", scale=alt.Scale(type="log", domain=[LOW, HIGH], nice=False), axis=axis)


def _lines(base: alt.Chart, series: Sequence[str]) -> alt.Chart:
    """Every series from the column of its name."""
    colours, dashes, _ = zip(*(SERIES[name] for name in series), strict=True)
    look: dict[str, Any] = {"scale": alt.Scale(domain=list(series), range=list(colours)), "legend": None}
    dash: dict[str, Any] = {"scale": alt.Scale(domain=list(series), range=[list(d) for d in dashes]), "legend": None}
    folded = base.transform_fold(list(series), as_=["series", "share"]).transform_filter(_above_zero("share"))
    lines = folded.mark_line(clip=True, strokeWidth=2.8)
    return lines.encode(_norm("share"), alt.Color("series:N", **look), alt.StrokeDash("series:N", **dash))


def _beads(base: alt.Chart, steps: int, most: int) -> alt.Chart:
    """The product of Jacobians as dots, from the end on and far enough from each other to see the line between them."""
    every = -(-2 * steps // most)
    some = base.transform_filter(f"({steps - 1} - datum.t) % {every} == 0 && {_above_zero('product')}")
    return some.mark_point(shape="circle", filled=True, size=45, opacity=1, color=VIOLET, clip=True).encode(_norm("product"))


def _above_zero(name: str) -> str:
    return f"isValid(datum.{name}) && isFinite(datum.{name}) && datum.{name} > 0"


def _marks(marks: Sequence[tuple[int, str]], steps: int) -> list[alt.Chart]:
    """A line at the steps that matter, with their names on top, turned inwards."""
    base = alt.Chart(alt.Data(values=[{"t": t, "name": name} for t, name in marks])).encode(x="t:Q")
    layers = [base.mark_rule(color=GREY, strokeWidth=1.5)]
    looks: list[tuple[str, dict[str, Any]]] = [("<", {"align": "left", "dx": 6}), (">=", {"align": "right", "dx": -6})]
    for side, look in looks:
        half = base.transform_filter(f"datum.t {side} {steps / 2}")
        text = half.mark_text(baseline="top", fontSize=14, color=GREY_TEXT, **look)
        layers.append(text.encode(text="name:N", y=alt.value(2)))
    return layers


def _edges(base: alt.Chart) -> list[alt.Chart]:
    """Marks at the edge where the measured gradient is off the scale, and in words what they mean."""
    layers: list[alt.Chart] = []
    sides = (
        (f"datum.measured < {LOW}", "triangle-down", f"below {LOW:g}", "height - 6", "height - 22"),
        (f"datum.measured > {HIGH}", "triangle-up", "above 1e4", "6", "24"),
    )
    for off, shape, text, edge, beside in sides:
        rows = base.transform_filter(f"isValid(datum.measured) && {off}")
        some = rows.mark_point(shape=shape, filled=True, size=50, opacity=0.8, color=INK).encode(y=_pixel(edge))
        middle = alt.Chart(base.data).transform_filter(f"isValid(datum.measured) && {off}").transform_aggregate(t="mean(t)")
        words = middle.mark_text(fontSize=14, color=INK_TEXT, text=text).encode(x="t:Q", y=_pixel(beside))
        layers += [some, words]
    return layers


def tip(field: str, title: str | None = None) -> alt.Tooltip:
    return alt.Tooltip(f"{field}:N", title=title or field)


def _pixel(expression: str) -> Any:
    return alt.value(alt.ExprRef(expression))


def _reader(base: alt.Chart, tips: list[alt.Tooltip]) -> list[alt.Chart]:
    """A line at the time step nearest to the pointer, with all its numbers."""
    nearest = alt.selection_point(fields=["t"], nearest=True, on="pointerover", clear="pointerout", empty=False)
    catcher = base.mark_point(opacity=0, size=1).encode(tooltip=tips).add_params(nearest)
    return [catcher, base.transform_filter(nearest).mark_rule(color=GREY, strokeWidth=1.5)]
