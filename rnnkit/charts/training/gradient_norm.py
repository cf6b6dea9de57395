"""The norm of the gradient of all weights, before and after the remedies."""

from __future__ import annotations

from typing import Any

import numpy as np

from rnnkit.charts.style import INK, VIOLET, sized
from rnnkit.charts.training import layers
from rnnkit.charts.training.base import Curve, last_median, median_network, nan_at_the_end, trend
from rnnkit.charts.training.layers import DASH, EXACT, Table
from rnnkit.engine.history import History
from rnnkit.experiment import FIELDS
from rnnkit.later import alt
from rnnkit.rounding import amount

TOP = 1e6  # end of the axis


def norm_chart(data: Table = None, pinned: Table = None, *, steps: int | None = None) -> alt.LayerChart:
    """Draws the median norm of the weights' gradient before and after the remedies.

    Columns: step, grad_norm_raw, grad_norm_applied. The axis goes from 1e-6 to 1e6. A larger norm is drawn at its upper edge,
    with a mark and a label.
    """
    names = {"grad_norm_raw": "before remedies", "grad_norm_applied": "after"}
    legend = alt.Legend(orient="top", title=None, symbolType="stroke", offset=2, labelLimit=0)
    colour = alt.Color("kind:O", scale=alt.Scale(domain=list(names.values()), range=[VIOLET, INK]), legend=legend)
    wide = alt.StrokeWidth("kind:O", scale=alt.Scale(domain=list(names.values()), range=[4.5, 2]), legend=legend)
    scale = alt.Scale(type="log", domain=[1e-6, TOP], clamp=True)
    y = alt.Y("norm:Q", scale=scale, axis=alt.Axis(format=".0e", tickCount=5, title=None))

    def medians(data: Table, name: str) -> alt.Chart:
        base = layers.summary(data, name, list(names))
        base = base.transform_calculate(**{name: f"datum.median_{column}" for column, name in names.items()})
        base = base.transform_fold(list(names.values()), as_=["kind", "norm"])
        return base.transform_filter(f"{layers.finite('norm')} && datum.norm > 0").encode(layers.x_axis(steps))

    dashed: dict[str, Any] = {"clip": True, "strokeDash": DASH, "opacity": 0.8}
    other = medians(pinned, "pinned").mark_line(**dashed).encode(y, colour, wide)
    own = medians(data, "summary")
    titles = {f"median_{column}": name for column, name in names.items()}
    nearest = layers.pointer(layers.summary(data, "summary", list(names)), titles, EXACT, steps)
    shown = [other] if data is None or pinned is not None else []
    drawn = own.mark_line(clip=True).encode(y, colour, wide)
    return sized(*shown, drawn, *layers.marks_above(own, "norm", TOP), *nearest, layers.cursor(data))


def _state(h: History, n: int) -> str:
    raw, after = last_median(h, h.norm_raw, n), last_median(h, h.norm_applied, n)[0]
    left = "" if np.isnan(after) else f", {amount(after)} after the remedies"
    return f"Norm of the gradient of all weights: {median_network(h, *raw)}{left}."


def _finding(h: History) -> str:
    raw, applied = (trend(h, values, amount) for values in (h.norm_raw, h.norm_applied))
    return f"Before the remedies: {raw} After them: {applied}{nan_at_the_end(h)}"


GRADIENT_NORM = Curve(
    menu="Gradient norm of all weights",
    title=lambda e: "**Gradient norm** of all weights",
    about="Norm of the gradient of all weights, before and after the remedies",
    columns={"grad_norm_raw": "norm_raw", "grad_norm_applied": "norm_applied"},
    chart=norm_chart,
    options=lambda e: {},
    state=_state,
    finding=_finding,
    reading=lambda h: (
        "The norm of the gradient of all weights together: as it was computed, and what the remedies left of it. Median network."
    ),
    applies=FIELDS["fixes"].applies,
)
