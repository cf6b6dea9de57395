"""The accuracy on held-out sequences."""

from __future__ import annotations

import numpy as np

from rnnkit.analysis.learnt import baselines_text, levels
from rnnkit.charts.style import Levels
from rnnkit.charts.training.base import LINES, Curve, last_median, median_is_nan, nan_at_the_end, nan_in_median, trend
from rnnkit.charts.training.layers import Table, median_and_range
from rnnkit.corpus.notes import count
from rnnkit.engine.history import WORST, History
from rnnkit.later import alt
from rnnkit.rounding import percent


def accuracy_chart(
    data: Table = None,
    pinned: Table = None,
    *,
    steps: int | None = None,
    chance: float = 0.5,
    levels: Levels | None = None,
) -> alt.LayerChart:
    """Draws the held-out accuracy of every network, their median and range, and chance.

    Columns: step, replica, accuracy from 0 to 1. levels: (name, accuracy) of every rule across the chart, instead of chance
    alone; see `rnnkit.analysis.learnt.levels`.
    """
    ticks = alt.Axis(format="%", values=[0, 0.25, 0.5, 0.75, 1], title=None)
    y = {"scale": alt.Scale(domain=[0, 1]), "axis": ticks}
    return median_and_range(data, pinned, "accuracy", y, steps, levels or (("chance", chance),), ".4~%", seldom=True)


def _state(h: History, n: int) -> str:
    value, step, dead = last_median(h, h.accuracy, n, WORST["accuracy"])
    right = f"the median network has {percent(value)} right after {count(step, 'training step')}"
    if np.isnan(value):
        right = median_is_nan(dead, h.e.replicas) if dead else "not evaluated yet"
    return f"Accuracy on new {h.e.bound_task.samples}: {right}; {baselines_text(h.e)}."


def _finding(h: History) -> str:
    right = trend(h, h.accuracy, percent, WORST["accuracy"])
    return f"Right: {right} Others: {baselines_text(h.e)}.{nan_at_the_end(h)}"


def _reading(h: History) -> str:
    dashed = " and ".join(name for name, _ in levels(h.e))
    return f"Share of new {h.e.bound_task.samples} that are right. {LINES}{nan_in_median(h, h.n)} Dashed: {dashed}."


ACCURACY = Curve(
    menu="Accuracy",
    title=lambda e: f"**Accuracy** on new {e.bound_task.samples}",
    about="Accuracy of every network",
    columns={"accuracy": "accuracy"},
    chart=accuracy_chart,
    options=lambda e: {"levels": levels(e)},
    state=_state,
    finding=_finding,
    reading=_reading,
)
