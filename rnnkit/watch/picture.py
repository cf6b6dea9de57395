"""The pictures of a WatchRun: the lab's heatmap as an Altair chart, and the notebook's HTML. Loads no torch."""

from __future__ import annotations

import html as markup
import io
from collections.abc import Sequence
from importlib.util import find_spec
from uuid import uuid4

import numpy as np

from rnnkit.charts.heatmap import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MEANINGS, cell_rows, column_rows, heatmap
from rnnkit.charts.style import HEIGHT, legible
from rnnkit.engine.record import ABSENT, CUT, NOTHING, ZERO, encode
from rnnkit.later import alt
from rnnkit.rounding import smallest
from rnnkit.thinning import evenly
from rnnkit.watch.run import MAX_STEPS, Profile, WatchRun
from rnnkit.watch.sentences import verdict

NOT_THERE = "no such time step"
CUT_OFF = "cut: the state was carried over without its graph"


def watch_chart(run: WatchRun, layer: str | None = None, direction: str = "forward", part: str | None = None) -> alt.LayerChart:
    """Draws ||dL/ds_t|| of one layer: t to the right, training steps downwards. Colours and domain are the lab's.

    layer: by default the first one. part: by default the last one, c of an LSTM. Several uses of the layer in one training step
    are drawn where they go on from each other, else only the first one that a gradient reached. Where a state was carried over,
    a hatched column at t = -1 says that the graph ends there. Raises ValueError where there is nothing to draw, and says what
    there is.
    """
    profiles = _chosen(run, layer, direction, part)
    cut = any(p.cut for p in profiles)
    steps = np.array(sorted({p.step for p in profiles}))
    T = max(p.start + len(p.norm) for p in profiles) + cut
    columns = evenly(T, MAX_COLUMNS)
    rows = evenly(len(steps), min(MAX_ROWS, MAX_CELLS // len(columns)))
    grid = _grid(profiles, steps[rows], T, cut)
    codes = encode(grid, first_uncut=int(cut))
    labels = ["the graph ends"] * cut + [""] * (T - cut)
    meanings = MEANINGS | {
        ZERO: (smallest("float32"), MEANINGS[ZERO][1]),
        CUT: (CUT_OFF, MEANINGS[CUT][1]),
        NOTHING: (NOT_THERE, legible("#f2f4f6", "#161b22")),
    }
    thinned = f" ({len(columns)} of {T:,} steps drawn)" if len(columns) < T else ""
    shift = f"datum.value - {int(cut)}"
    axis = alt.Axis(title=f"time step t →{thinned}", labelExpr=shift, tickCount=8, tickMinStep=1, format=",d", grid=False)
    x = alt.X("left:Q", scale=alt.Scale(domain=[-0.5, T - 0.5], nice=False), axis=axis)
    drawn = f" ({len(rows)} of {len(steps)} steps drawn)" if len(rows) < len(steps) else ""
    end = float(steps[-1] + (steps[-1] - steps[-2] if len(steps) > 1 else 1) / 2)
    axis = alt.Axis(title=f"training step ↓{drawn}", tickCount=5, tickMinStep=1, format=",d", grid=False)
    y = alt.Y("from:Q", scale=alt.Scale(domain=[int(steps[0]), end], nice=False, reverse=True), axis=axis)
    places = column_rows(labels, columns, False)
    for place, column in zip(places, columns, strict=True):
        place["t"] = str(column - cut)
    cells = cell_rows(steps, rows, grid, codes, columns, end)
    return heatmap(profiles[0].part, x, y, cells, places, meanings, HEIGHT)


def norms(
    run: WatchRun, layer: str, direction: str, part: str, max_columns: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray, int]:
    """Returns norms (n, k), their training steps (n,), their time steps (k,), and the number of all time steps.

    n is at most MAX_STEPS, k at most max_columns, both spread evenly. ABSENT (rnnkit.engine.record) stands where a training step
    has no such time step. Where a state was carried over, the first column is 0, at time step -1: there the graph ends.
    """
    profiles = _chosen(run, layer, direction, part)
    cut = any(p.cut for p in profiles)
    steps = np.array(sorted({p.step for p in profiles}))
    steps, T = steps[evenly(len(steps), MAX_STEPS)], max(p.start + len(p.norm) for p in profiles)
    times = evenly(T + cut, max_columns) - cut
    grid, row = np.full((len(steps), len(times)), ABSENT), {step: i for i, step in enumerate(steps.tolist())}
    for p in profiles:
        if p.step in row:
            there = (p.start <= times) & (times < p.start + len(p.norm))
            grid[row[p.step], there] = p.norm[times[there] - p.start]
            grid[row[p.step], times < 0] = 0 if p.cut else ABSENT
    return grid, steps, times, T


def html(run: WatchRun) -> str:
    """Returns the verdict and a heatmap of each layer and direction, for a notebook."""
    words = "".join(f"<p>{markup.escape(line)}</p>" for line in verdict(run).splitlines())
    pieces = []
    for layer, direction in dict.fromkeys((p.layer, p.direction) for p in run.last()):
        title = f"{layer}, {direction} direction" if direction != "forward" else layer
        pieces.append(f"<h4>{markup.escape(title)}</h4>{_drawn(watch_chart(run, layer, direction).properties(width=560))}")
    return f"<div>{words}{''.join(pieces)}</div>"


def _drawn(chart: alt.LayerChart) -> str:
    """The chart as SVG, which needs no network; without vl-convert as Altair's own HTML, which loads Vega."""
    if find_spec("vl_convert") is None:
        return chart.to_html(fullhtml=False, output_div=f"watch-{uuid4().hex}")
    svg = io.StringIO()
    chart.save(svg, format="svg")
    return svg.getvalue()


def _chosen(run: WatchRun, layer: str | None, direction: str, part: str | None) -> list[Profile]:
    if not run.profiles:
        raise ValueError(f"there is nothing to draw yet: {run.problem or 'no training step has been watched'}")
    layer = run.profiles[0].layer if layer is None else layer
    of_layer = [p for p in run.profiles if p.layer == layer]
    of_direction = [p for p in of_layer if p.direction == direction]
    part = of_direction[-1].part if part is None and of_direction else part
    of_part = [p for p in of_direction if p.part == part]
    first: dict[int, int] = {}  # training step -> its first call that a gradient reached
    for p in of_part:
        first[p.step] = min(p.call, first.get(p.step, p.call))
    if of_part:
        return [p for p in of_part if p.call == first[p.step]]
    there = sorted({(p.layer, p.direction, p.part) for p in run.profiles})
    known = "; ".join(", ".join(place) for place in there[:20])
    raise ValueError(f"expected a layer, direction and part of: {known}; got {layer!r:.60}, {direction!r:.20}, {part!r:.20}")


def _grid(profiles: Sequence[Profile], steps: np.ndarray, T: int, cut: bool) -> np.ndarray:
    """Norms at these training steps (steps, T), ABSENT where there is none; with cut a column of 0 in front, the cut itself."""
    grid = np.full((len(steps), T), ABSENT)
    row = {step: i for i, step in enumerate(steps.tolist())}
    for p in profiles:
        if p.step in row:
            at = p.start + cut
            grid[row[p.step], at : at + len(p.norm)] = p.norm
            if p.cut:
                grid[row[p.step], 0] = 0
    return grid
