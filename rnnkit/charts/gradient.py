"""The heatmap of a run as a chart that stands alone: the norm of dL/ds_t over time (x) and training steps (y, downwards).

Where records or time steps were picked, the axes say how many.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from rnnkit.charts.heatmap import MAX_CELLS, MAX_COLUMNS, MAX_ROWS, MEANINGS, cell_rows, column_rows, heatmap
from rnnkit.engine.record import ZERO, encode
from rnnkit.later import alt
from rnnkit.rounding import smallest
from rnnkit.thinning import evenly

if TYPE_CHECKING:
    from rnnkit.engine.history import History
    from rnnkit.experiment import Experiment

MAX_WORDS = 30  # more do not fit under the axis


def gradient_chart(
    history: History,
    part: int = 0,
    replica: int | None = None,
    *,
    all_losses: bool = False,
    words: Sequence[str] | None = None,
    height: int = 420,
) -> alt.LayerChart:
    """Draws ||dL/ds_t|| of one part of the state, of one network or of the median network.

    L is the last step's loss, or the mean of all losses. `words` label the time axis, by default those of the task's example.
    From a list of Records: gradient_chart(History.of(e, records)). Raises ValueError where there is no Record yet.
    """
    e, n = history.e, history.n
    if not n:
        raise ValueError("a chart needs at least one record, this run has none yet")
    columns = evenly(e.length, MAX_COLUMNS)
    rows = evenly(n, min(MAX_ROWS, MAX_CELLS // len(columns)))
    grad = np.concatenate([history.profile(i, i + 1, part, replica, all_losses) for i in rows])
    codes = encode(grad, e.first_uncut)
    labels = list(e.bound_task.example_labels(e.length) if words is None else words)
    symbol = history.parts[part]
    meanings = MEANINGS | {ZERO: (smallest(grad.dtype), MEANINGS[ZERO][1])}
    x = alt.X("left:Q", scale=alt.Scale(domain=[-0.5, e.length - 0.5], nice=False), axis=_time(e, labels, columns))
    shown = f" ({len(rows)} of {n} records drawn)" if len(rows) < n else ""
    axis = alt.Axis(title=f"training step ↓{shown}", tickCount=6, tickMinStep=1, format=",d", grid=False)
    y = alt.Y("from:Q", scale=alt.Scale(domain=[0, e.steps], nice=False, reverse=True), axis=axis)
    cells = cell_rows(history.steps[:n], rows, grad, codes, columns, e.steps)
    return heatmap(symbol, x, y, cells, column_rows(labels, columns, e.bound_task.padded), meanings, height)


def _time(e: Experiment, labels: Sequence[str], columns: np.ndarray) -> alt.Axis:
    """Words where all of them fit, else numbers; a narrow chart turns the words and has fewer numbers."""
    T, task = e.length, e.bound_task
    worded = T <= MAX_WORDS and any(labels)
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
        title=f"{task.time_axis} t →{thinned}",
        grid=False,
    )


def _lookup(names: dict[int, str]) -> str:
    return json.dumps({str(t): name for t, name in names.items()})


def _numbers(e: Experiment, apart: float) -> dict[int, str]:
    """Round ones, and what the answer depends on and where it is asked by name, so far apart as this share of the axis."""
    T, task = e.length, e.bound_task
    origin = T - 1 if task.padded else 0
    every = next(m * p for p in (1, 10, 100, 1000, 10_000) for m in (1, 2, 5) if T / (m * p) <= 8)
    ends = {t: name for t, name in ((task.evidence_step(T), task.evidence_name), (T - 1, task.end_name)) if len(name) < 12}
    ticks = [t for t in range(origin % every, T, every) if all(abs(t - end) > apart * T for end in ends)]
    return {t: f"{t - origin:,}" for t in ticks} | {t: f"{t - origin:,} {name}" for t, name in ends.items()}
