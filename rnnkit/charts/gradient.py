"""The heatmap of a run as a chart that stands alone: the norm of dL/ds_t over time (x) and training steps (y, downwards).

The colours and their domain are those of the live heatmap. A chart draws fewer rectangles than a canvas: of many records or
time steps some are picked, evenly, the first and the last among them; each keeps its exact numbers, reaches half way to the next
one, and the axes say how many were picked. Numbers travel as one list a row, which Vega takes apart.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from rnnkit.analysis.describe import smallest
from rnnkit.charts.style import CRIMSON, GREY, HIGH, LOW, legible, sized
from rnnkit.engine.record import CUT, INF, NAN, NOTHING, ZERO, encode

if TYPE_CHECKING:
    from rnnkit.engine.history import History
    from rnnkit.experiment import Experiment

COLUMNS, ROWS, CELLS = 120, 100, 6000  # at most; more than that takes a second to draw and a megabyte to keep
WORDS = 30  # more do not fit under the axis
MEANINGS = {  # code -> what it says, and its colour; for the rest there is a number
    ZERO: (smallest(), "#8f8f8f"),
    CUT: ("cut by truncation", legible("#dde3e9", "#333d48")),
    NAN: ("NaN or inf", CRIMSON),
    INF: ("NaN or inf", CRIMSON),
    NOTHING: ("no word here", legible("#f2f4f6", "#161b22")),
}
TIPS = {NAN: "NaN", INF: "inf"}  # code -> what stands in the tooltip, where it is not the same


def gradient_chart(
    history: History,
    part: int = 0,
    replica: int | None = None,
    *,
    all_losses: bool = False,
    words: Sequence[str] | None = None,
    height: int = 420,
) -> alt.LayerChart:
    """||dL/ds_t|| of one part of the state, of one network or of the median one; `words` stand under the axis, else an example's.

    L is the last step's loss, or all losses together.
    From a list of Records: gradient_chart(History.of(e, records)). Raises ValueError where there is no record yet.
    """
    e, n = history.e, history.n
    if not n:
        raise ValueError("a chart needs at least one record, this run has none yet")
    columns = picked(e.length, COLUMNS)
    rows = picked(n, min(ROWS, CELLS // len(columns)))
    grad = np.concatenate([history.profile(i, i + 1, part, replica, all_losses) for i in rows])
    codes = encode(grad, e.first_uncut)
    labels = list(e.bound_task.example(e.length) if words is None else words)
    symbol = history.parts[part]
    meanings = MEANINGS | {ZERO: (smallest(grad.dtype), MEANINGS[ZERO][1])}
    tips_of = [TIPS.get(code, name) for code, (name, _) in meanings.items()]

    same = alt.LookupData(data=alt.NamedData("columns"), key="i", fields=["t", "left", "right"])
    base = alt.Chart(alt.NamedData("rows")).transform_flatten(["i", "norm", "kind"]).transform_lookup("i", from_=same)
    base = base.transform_calculate(
        text=f"isValid(datum.norm) ? '' + datum.norm : {json.dumps(tips_of)}[datum.kind]",
        share="isValid(datum.norm) && datum.last > 0 ? format(datum.norm / datum.last, '.1e') : '–'",
        meaning=f"{json.dumps([name for name, _ in meanings.values()])}[datum.kind]",
    )
    x = alt.X("left:Q", scale=alt.Scale(domain=[-0.5, e.length - 0.5], nice=False), axis=_time(e, labels, columns))
    shown = f" ({len(rows)} of {n} records drawn)" if len(rows) < n else ""
    axis = alt.Axis(title=f"training step ↓{shown}", tickCount=6, tickMinStep=1, format=",d", grid=False)
    y = alt.Y("from:Q", scale=alt.Scale(domain=[0, e.steps], nice=False, reverse=True), axis=axis)
    place = {"x": x, "x2": "right:Q", "y": y, "y2": "to:Q"}
    tips = [alt.Tooltip(f"{field}:N", title=title) for field, title in _tooltip(symbol).items()]
    cells = base.mark_rect(clip=True, x2Offset=1, y2Offset=1)  # overlapping a little: no seams
    layers = [cells.transform_filter("isValid(datum.norm)").encode(**place, color=_colour(symbol), tooltip=tips)]
    if found := [what for code, what in meanings.items() if code in codes[:, columns]]:
        layers.append(cells.transform_filter("!isValid(datum.norm)").encode(**place, color=_meaning(found), tooltip=tips))
        hatch = base.transform_filter(f"datum.kind == {list(MEANINGS).index(CUT)}").mark_rule(color=GREY, strokeWidth=1)
        layers.append(hatch.encode(**place, tooltip=tips))
    chart = sized(*layers, height=height).resolve_scale(color="independent").configure_view(stroke=GREY)
    chart.datasets = {  # beside the layers, not in each of them: Altair looks at every number it meets
        "rows": _rows(history.steps[:n], rows, grad, codes, columns, e.steps),
        "columns": _columns(labels, columns, e.bound_task.padded),
    }
    return chart


def picked(n: int, most: int) -> np.ndarray:
    """At most so many of 0 .. n - 1, evenly, with both ends."""
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _rows(
    steps: np.ndarray, rows: np.ndarray, grad: np.ndarray, codes: np.ndarray, columns: np.ndarray, end: int
) -> list[dict[str, Any]]:
    """One object a training step; norms as the shortest decimals that give the same float32, null where there is no number."""
    at = steps[rows]
    half = (at[-1] - at[-2]) / 2 if len(at) > 1 else 0.01 * end
    edges = _edges(at, at[0], min(end, at[-1] + half))
    order = list(MEANINGS)
    kind = np.select([codes == code for code in order], range(len(order)), -1)[:, columns]
    exact = np.where(kind < 0, grad[:, columns], 0).astype(str).astype(float).astype(object)
    exact[kind >= 0] = None
    norm = exact.tolist()
    last = np.where(np.isfinite(grad[:, -1]), grad[:, -1], 0).astype(float).tolist()
    i = list(range(len(columns)))
    return [
        {
            "step": int(at[k]),
            "from": edges[k],
            "to": edges[k + 1],
            "last": last[k],
            "i": i,
            "norm": norm[k],
            "kind": kind[k].tolist(),
        }
        for k in range(len(at))
    ]


def _columns(labels: Sequence[str], columns: np.ndarray, aligned: bool) -> list[dict[str, Any]]:
    """What is the same in every row: the time, its word, and from where to where its column reaches."""
    T = len(labels)
    edges = _edges(columns, -0.5, T - 0.5)
    name = [f"{t - T + 1 if aligned else t}" + (f" “{labels[t]}”" if labels[t] else "") for t in columns]
    return [{"i": i, "t": name[i], "left": edges[i], "right": edges[i + 1]} for i in range(len(columns))]


def _edges(at: np.ndarray, first: float, last: float) -> list[float]:
    return [float(first), *((at[1:] + at[:-1]) / 2).tolist(), float(last)]


def _tooltip(symbol: str) -> dict[str, str]:
    return {"step": "training step", "t": "t", "text": f"‖dL/d{symbol}ₜ‖", "share": "of that at the last step"}


def _colour(symbol: str) -> alt.Color:
    text = "(datum.value <= 1e-12 ? '≤ ' : datum.value >= 1e4 ? '≥ ' : '')"
    text += " + (datum.value == 1 ? '1' : replace(format(datum.value, '.0e'), '+', ''))"
    legend = alt.Legend(
        orient="bottom",
        direction="horizontal",
        title=f"gradient norm ‖dL/d{symbol}‖",
        titleFontSize=14,
        titleFontWeight="normal",
        titleLimit=0,
        gradientLength=280,
        values=[1e-12, 1e-4, 1, 1e4],
        labelExpr=text,
        labelOverlap=False,
    )
    return alt.Color("norm:Q", scale=alt.Scale(type="log", domain=[LOW, HIGH], scheme="viridis", clamp=True), legend=legend)


def _meaning(found: Sequence[tuple[Any, Any]]) -> alt.Color:
    """Colours and legend of what is no number, as far as it occurs."""
    colours = dict(found)
    scale = alt.Scale(domain=list(colours), range=list(colours.values()))
    legend = alt.Legend(orient="top", columns=2, offset=8, title=None, symbolType="square", symbolSize=250, labelLimit=0)
    return alt.Color("meaning:N", scale=scale, legend=legend)


def _time(e: Experiment, labels: Sequence[str], columns: np.ndarray) -> alt.Axis:
    """Words where all of them fit, else numbers; a narrow chart turns the words and has fewer numbers."""
    T, task = e.length, e.bound_task
    worded = T <= WORDS and any(labels)
    names = {t: word for t, word in enumerate(labels) if word} if worded else _numbers(e, 1 / 7)
    few = names if worded else _numbers(e, 0.35)
    turned = f"width < {64 * T}" if worded else "false"
    flat = "'center'" if worded else f"datum.value == {T - 1} ? 'right' : datum.value < {T / 12} ? 'left' : 'center'"
    thinned = f" ({len(columns)} of {T:,} steps drawn)" if len(columns) < T else ""
    return alt.Axis(
        values=sorted(names),
        labelExpr=f"(width < 450 ? {_lookup(few)} : {_lookup(names)})[datum.value] || ''",
        labelAngle=alt.ExprRef(f"{turned} ? -90 : 0"),
        labelAlign=alt.ExprRef(f"{turned} ? 'right' : {flat}"),
        labelBaseline=alt.ExprRef(f"{turned} ? 'middle' : 'top'"),
        labelLimit=110,
        labelOverlap="greedy",
        title=("words before the verb t →" if task.padded else "time in the sequence t →") + thinned,
        grid=False,
    )


def _lookup(names: dict[int, str]) -> str:
    return json.dumps({str(t): name for t, name in names.items()})


def _numbers(e: Experiment, apart: float) -> dict[int, str]:
    """Round ones, and what the answer depends on and where it is asked by name, so far apart as this share of the axis."""
    T, task = e.length, e.bound_task
    origin = T - 1 if task.padded else 0
    every = next(m * p for p in (1, 10, 100, 1000, 10_000) for m in (1, 2, 5) if T / (m * p) <= 8)
    ends = {t: name for t, name in ((task.source(T), task.source_name), (T - 1, task.end_name)) if len(name) < 12}
    ticks = [t for t in range(origin % every, T, every) if all(abs(t - end) > apart * T for end in ends)]
    return {t: f"{t - origin:,}" for t in ticks} | {t: f"{t - origin:,} {name}" for t, name in ends.items()}
