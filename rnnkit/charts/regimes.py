"""The regime map: sequence length by gain, coloured by the share of the gradient that arrives."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from rnnkit.charts.style import CRIMSON, HIGH, LOW, WARM, with_fonts
from rnnkit.later import alt, pd
from rnnkit.rounding import amount, smallest


def regime_chart(gains: Sequence[float], lengths: Sequence[int], gain_name: str = "gain", height: int = 580) -> alt.LayerChart:
    """Draws sequence length (x) and gain (y), coloured by the share of the gradient that arrives, as a fixed specification.

    Its data come under the names of `regime_tables`. Clicking selects a cell: the parameter is called "cell"; the page frames it.
    """
    x_scale = alt.Scale(type="log", domain=_ends(lengths), nice=False, clamp=True)
    y_scale = alt.Scale(type="log", domain=_ends(gains), nice=False, clamp=True)
    x_axis = alt.Axis(values=list(lengths), title="sequence length T", grid=False, format="d")
    y_axis = alt.Axis(values=list(gains), title=gain_name, grid=False, format="~g", labelOverlap=True)
    x = alt.X("left:Q", scale=x_scale, axis=x_axis)
    y = alt.Y("bottom:Q", scale=y_scale, axis=y_axis)
    picked = alt.selection_point(name="cell", fields=["gain", "length"], on="click", empty=False)
    ends = [np.log10(LOW), np.log10(HIGH)]
    # Squares and no gradient bar: a browser looks for an SVG gradient under the page's address of when the chart was drawn, and a
    # page's address changes with every setting.
    legend = alt.Legend(
        title="share that arrives",
        orient="bottom",
        direction="horizontal",
        type="symbol",
        symbolType="square",
        symbolSize=320,
        symbolStrokeWidth=0,
        columnPadding=14,
        values=list(range(-12, 5, 2)),
        labelExpr="datum.value == 0 ? '1' : '1e' + datum.value",
        titleFontSize=14,
        titleFontWeight="normal",
    )
    colour = alt.Color("colour:Q", scale=alt.Scale(scheme="viridis", domain=ends, clamp=True), legend=legend)
    cells = alt.Chart(alt.NamedData("cells")).encode(x, alt.X2("right:Q"), y, alt.Y2("top:Q"))
    tips = [
        alt.Tooltip("length:Q", title="length T"),
        alt.Tooltip("gain:Q", title=gain_name),
        alt.Tooltip("text:N", title="arrives"),
    ]
    filled = cells.mark_rect(cursor="pointer").encode(colour, tooltip=tips).add_params(picked)
    nan = cells.transform_filter("!isValid(datum.colour)").mark_rect(color=CRIMSON).encode(tooltip=tips)
    one = alt.Chart(alt.NamedData("picked")).encode(x, alt.X2("right:Q"), y, alt.Y2("top:Q"))
    frame = one.mark_rect(fillOpacity=0, stroke="white", strokeWidth=3)
    inner = one.mark_rect(fillOpacity=0, stroke="black", strokeWidth=1)
    return with_fonts(
        alt.layer(filled, nan, *_borders(), *_levels(), frame, inner, *_current())
        .resolve_scale(color="shared")
        .properties(height=height, width="container")
    )


def _borders() -> list[alt.Chart]:
    """Draws borders around the cells in which the gradient arrives: white on black, visible on every colour."""
    base = alt.Chart(alt.NamedData("borders")).encode(alt.X("x:Q"), alt.X2("x2:Q"), alt.Y("y:Q"), alt.Y2("y2:Q"))
    return [base.mark_rule(color=colour, strokeWidth=width) for colour, width in (("black", 4), ("white", 2))]


def _levels() -> list[alt.Chart]:
    """Draws named gains as horizontal lines."""
    base = alt.Chart(alt.NamedData("levels")).encode(alt.Y("gain:Q"))
    text = base.encode(alt.X("x:Q"), text="name:N")
    font: dict[str, Any] = {"align": "left", "baseline": "bottom", "dx": 6, "dy": -3, "fontSize": 15, "fontWeight": "bold"}
    return [
        base.mark_rule(color="black", strokeWidth=3, opacity=0.6),
        base.mark_rule(color="white", strokeWidth=1.5, strokeDash=[6, 4]),
        text.mark_text(color="black", stroke="black", strokeWidth=3, strokeJoin="round", opacity=0.5, **font),
        text.mark_text(color="white", **font),
    ]


def _current() -> list[alt.Chart]:
    base = alt.Chart(alt.NamedData("here")).encode(
        alt.X("length:Q"), alt.Y("gain:Q"), tooltip=[alt.Tooltip("name:N", title="here")]
    )
    return [
        base.mark_point(shape="circle", filled=True, size=320, color="black", opacity=1),
        base.mark_point(shape="circle", filled=True, size=200, color="white", opacity=1),
        base.mark_point(shape="circle", filled=True, size=70, color=WARM, opacity=1),
    ]


def regime_tables(
    gains: Sequence[float],
    lengths: Sequence[int],
    ratio: np.ndarray,
    arrives: tuple[float, float],
    levels: dict[str, float],
    here: tuple[str, int, float],
    picked: tuple[int, float] | None = None,
) -> dict[str, pd.DataFrame]:
    """The data of regime_chart: ratio (n, G) at the first n lengths, `arrives` between these; levels: name -> gain; here: name,
    length and gain of the present Experiment; picked: length and gain of the cell that is framed."""
    y, x = _between(gains), _between(lengths)
    i, j = (axis.ravel() for axis in np.indices(ratio.shape))
    with np.errstate(divide="ignore"):
        colour = np.clip(np.log10(ratio), -400, 400).ravel()
    cells = {"length": np.array(lengths)[i], "gain": np.array(gains)[j], "colour": colour}
    cells |= {
        "left": x[i],
        "right": x[i + 1],
        "bottom": y[j],
        "top": y[j + 1],
        "text": [amount(r, smallest(ratio.dtype), arrives) for r in ratio.ravel()],
    }
    inside = (ratio >= arrives[0]) & (ratio <= arrives[1])
    borders = [(x[i + 1], x[i + 1], y[j], y[j + 1]) for i, j in np.argwhere(inside[1:] != inside[:-1])]
    borders += [(x[i], x[i + 1], y[j + 1], y[j + 1]) for i, j in np.argwhere(inside[:, 1:] != inside[:, :-1])]
    shown = [(name, gain, x[0]) for name, gain in levels.items() if y[0] < gain < y[-1]]
    table = pd.DataFrame(cells)
    framed = (table.length == picked[0]) & (table.gain == picked[1]) if picked else np.zeros(len(table), bool)
    return {
        "cells": table,
        "picked": table[framed],
        "borders": pd.DataFrame(borders, columns=["x", "x2", "y", "y2"]).astype(float),
        "levels": pd.DataFrame(shown, columns=["name", "gain", "x"]).astype({"name": str, "gain": float, "x": float}),
        "here": pd.DataFrame([here], columns=["name", "length", "gain"]),
    }


def regime_text(
    gains: Sequence[float], lengths: Sequence[int], ratio: np.ndarray, arrives: tuple[float, float], called: str
) -> str:
    """The finding of regime_chart: at the shortest and the longest length, the gains at which the gradient arrives."""
    inside = (ratio >= arrives[0]) & (ratio <= arrives[1])
    arriving = []
    for i in sorted({0, len(ratio) - 1}):
        at = np.flatnonzero(inside[i])
        spans = np.split(at, np.flatnonzero(np.diff(at) > 1) + 1) if len(at) else []  # of gains side by side
        where = [
            f"between {called} {gains[span[0]]:g} and {gains[span[-1]]:g}" if len(span) > 1 else f"at {called} {gains[span[0]]:g}"
            for span in spans
        ]
        only = " only" if len(at) == 1 else ""
        arriving.append(f"{', '.join(where) or 'at none'}{only} over {lengths[i]} steps")
    return f"Share of the gradient that arrives, by sequence length and {called}: it arrives {'; '.join(arriving)}."


def edge_of_chaos(gains: Sequence[float], ratio: np.ndarray) -> float | None:
    """Returns the first gain from which on a gradient grows, by ratio (G,) at one, long, length; None where there is none.

    Far back a gradient is multiplied by e to the largest Lyapunov exponent a step, so it has the sign of log(ratio). The gain
    is interpolated in the logarithm of both.
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        log = np.log(ratio)
    for i in range(1, len(log)):
        low, high = log[i - 1], log[i]
        if low < 0 <= high:
            share = -low / (high - low) if np.isfinite([low, high]).all() else 0.5
            return float(np.exp(np.interp(share, (0, 1), np.log([gains[i - 1], gains[i]]))))
    return None


def _between(values: Sequence[float]) -> np.ndarray:
    """The edges of cells around these values, halfway on a logarithmic scale."""
    log = np.log(np.asarray(values, float))
    step = np.diff(log) if len(log) > 1 else np.array([0.5])
    return np.exp(np.concatenate([[log[0] - step[0] / 2], log[:-1] + np.diff(log) / 2, [log[-1] + step[-1] / 2]]))


def _ends(values: Sequence[float]) -> list[float]:
    edges = _between(values)
    return [float(edges[0]), float(edges[-1])]
