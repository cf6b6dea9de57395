"""Charts that change several times a second. Their specification is built once, and only the rows are sent, as Arrow bytes.

Streamlit mounts a Vega chart again whenever its specification changes, and building one with Altair takes longer than the rest
of a frame. So a chart's specification depends on the Experiment alone, and its data are a named data set.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import streamlit as st

from pages.ui import chart_view
from rnnkit.charts.training import CURVES
from rnnkit.engine.history import History

MAX_POINTS = 1200  # per chart: with more the browser mounts it again


def draw(
    name: str, history: History, n: int, row: int, pinned: History | None, upto: int, *, resting: bool, fill: bool = False
) -> None:
    """Draws the first n rows with a rule at `row`, and the medians of the first `upto` rows of a pinned run.

    resting: the run is not playing. Only then the text states the result, because with a new text the browser mounts the chart
    again. fill: it takes the height that its container leaves.
    """
    curve, e = CURVES[name], history.e
    steps = max(e.steps, pinned.e.steps) if pinned else e.steps
    other = pinned or history
    spec = chart_view.spec(curve.chart, steps=steps, **curve.options(e))
    tables = {"rows": (curve.rows, history, n), "summary": (curve.summary, history, n), "pinned": (curve.summary, other, upto)}
    drawn = {layer["data"].get("name") for layer in spec["layer"]} & {*tables}
    data = {key: _table(name, *tables[key]) for key in sorted(drawn)} | {"cursor": arrow({"step": history.steps[row : row + 1]})}
    text = curve.state(history, n) if resting else f"{curve.about}, while it trains"
    if pinned and resting and upto == len(pinned.steps):
        text += f" The pinned run: {curve.state(pinned, upto)}"
    size: dict[str, Any] = {"width": "stretch", "height": "stretch" if fill else "content"}
    st.vega_lite_chart({**spec, "datasets": data}, key=f"chart_{name}", alt=text, **size)


def _table(name: str, table: Callable[..., dict[str, np.ndarray]], history: History, n: int) -> bytes:
    return history.once((name, table.__name__, n), lambda: arrow(table(history, n, MAX_POINTS)))


def arrow(columns: dict[str, np.ndarray]) -> bytes:
    """Returns a table as an Arrow stream."""
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()
