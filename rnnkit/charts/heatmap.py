"""What all heatmaps of gradient norms share: colours, meanings of what is no number, rows, columns, tooltips, legends.

The colours and their domain are those of the live heatmap. A chart draws fewer rectangles than a canvas: of many records or
time steps some are picked, evenly, the first and the last among them; each keeps its exact numbers, and reaches half way to the
next one. Numbers travel as one list a row, which Vega takes apart.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from rnnkit.charts.style import CRIMSON, GREY, HIGH, LOW, POWER, legible, sized
from rnnkit.engine.record import CUT, INF, NAN, NOTHING, ZERO
from rnnkit.later import alt
from rnnkit.rounding import smallest

MAX_COLUMNS, MAX_ROWS, MAX_CELLS = 120, 100, 6000  # at most; more than that takes a second to draw and a megabyte to keep
MEANINGS = {  # code -> what it says, and its colour; for the rest there is a number
    ZERO: (smallest(), "#8f8f8f"),
    CUT: ("cut by truncation", legible("#dde3e9", "#333d48")),
    NAN: ("NaN or inf", CRIMSON),
    INF: ("NaN or inf", CRIMSON),
    NOTHING: ("no sequence yet", legible("#f2f4f6", "#161b22")),
}
TIPS = {NAN: "NaN", INF: "inf"}  # code -> what stands in the tooltip, where it is not the same


def heatmap(
    symbol: str,
    x: alt.X,
    y: alt.Y,
    rows: list[dict[str, Any]],
    columns: list[dict[str, Any]],
    meanings: Mapping[Any, tuple[str, Any]],
    height: int,
) -> alt.LayerChart:
    """Draws ||dL/d symbol_t||: rows of cell_rows, columns of column_rows, meanings of their codes in the order of MEANINGS."""
    tips_of = [TIPS.get(code, name) for code, (name, _) in meanings.items()]
    same = alt.LookupData(data=alt.NamedData("columns"), key="i", fields=["t", "left", "right"])
    base = alt.Chart(alt.NamedData("rows")).transform_flatten(["i", "norm", "kind"]).transform_lookup("i", from_=same)
    base = base.transform_calculate(
        text=f"isValid(datum.norm) ? '' + datum.norm : {json.dumps(tips_of)}[datum.kind]",
        share="isValid(datum.norm) && datum.last > 0 ? format(datum.norm / datum.last, '.1e') : '–'",
        meaning=f"{json.dumps([name for name, _ in meanings.values()])}[datum.kind]",
    )
    place = {"x": x, "x2": "right:Q", "y": y, "y2": "to:Q"}
    tips = [alt.Tooltip(f"{field}:N", title=title) for field, title in _tooltip(symbol).items()]
    cells = base.mark_rect(clip=True, x2Offset=1, y2Offset=1)  # overlapping a little: no seams
    layers = [cells.transform_filter("isValid(datum.norm)").encode(**place, color=_colour(symbol), tooltip=tips)]
    kinds = {kind for row in rows for kind in row["kind"]}
    if found := [what for k, what in enumerate(meanings.values()) if k in kinds]:
        layers.append(cells.transform_filter("!isValid(datum.norm)").encode(**place, color=_meaning(found), tooltip=tips))
        hatch = base.transform_filter(f"datum.kind == {list(MEANINGS).index(CUT)}").mark_rule(color=GREY, strokeWidth=1)
        layers.append(hatch.encode(**place, tooltip=tips))
    chart = sized(*layers, height=height).resolve_scale(color="independent").configure_view(stroke=GREY)
    chart.datasets = {"rows": rows, "columns": columns}  # beside the layers: Altair checks every number of a layer
    return chart


def cell_rows(
    steps: np.ndarray, rows: np.ndarray, grad: np.ndarray, codes: np.ndarray, columns: np.ndarray, end: float
) -> list[dict[str, Any]]:
    """One object a training step; norms as the shortest decimals that give the same float32, null where there is no number."""
    at = steps[rows]
    half = (at[-1] - at[-2]) / 2 if len(at) > 1 else 0.01 * end
    edges = cell_edges(at, at[0], min(end, at[-1] + half))
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


def column_rows(labels: Sequence[str], columns: np.ndarray, aligned: bool) -> list[dict[str, Any]]:
    """What is the same in every row: the time, its word, and from where to where its column reaches."""
    T = len(labels)
    edges = cell_edges(columns, -0.5, T - 0.5)
    name = [f"{t - T + 1 if aligned else t}" + (f" “{labels[t]}”" if labels[t] else "") for t in columns]
    return [{"i": i, "t": name[i], "left": edges[i], "right": edges[i + 1]} for i in range(len(columns))]


def cell_edges(at: np.ndarray, first: float, last: float) -> list[float]:
    return [float(first), *((at[1:] + at[:-1]) / 2).tolist(), float(last)]


def _tooltip(symbol: str) -> dict[str, str]:
    return {"step": "training step", "t": "t", "text": f"‖dL/d{symbol}ₜ‖", "share": "of that at the last step"}


def _colour(symbol: str) -> alt.Color:
    text = "(datum.value <= 1e-12 ? '≤ ' : datum.value >= 1e4 ? '≥ ' : '')"
    text += f" + ({POWER})"
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
