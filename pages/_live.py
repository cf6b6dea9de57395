"""Charts that change several times a second: the specification is made once, only the rows travel, as Arrow bytes.

Streamlit mounts a Vega chart anew whenever its specification changes, and Altair takes longer to write one than everything else
in a frame; so a chart's specification depends on the Experiment alone, and its data come under a name.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import altair as alt
import numpy as np
import pyarrow as pa
import streamlit as st

from rnnkit import charts
from rnnkit.experiment import Experiment
from rnnkit.history import History
from rnnkit.tasks import TASKS

POINTS = 1200  # per chart: more make the browser mount it anew


@lru_cache(maxsize=64)
def _specs(e: Experiment) -> dict[str, dict[str, Any]]:
    made: dict[str, alt.LayerChart] = {
        "loss": charts.loss_chart(steps=e.steps, guess=e.guess_loss),
        "accuracy": charts.accuracy_chart(steps=e.steps, chance=TASKS[e.task].chance),
        "norms": charts.norm_chart(steps=e.steps),
    }
    return {name: chart.to_dict() for name, chart in made.items()}


def loss(e: Experiment, history: History, n: int, row: int) -> None:
    rows = _thinned(n, e.replicas)
    _draw("loss", e, _rows(history, rows, loss=history.loss), history.steps[row], "Training loss of every network")


def accuracy(e: Experiment, history: History, n: int, row: int) -> None:
    rows = np.flatnonzero(~np.isnan(history.accuracy[:n]).all(1))
    data = _rows(history, rows, accuracy=history.accuracy)
    _draw("accuracy", e, data, history.steps[row], "Held-out accuracy of every network")


def norms(e: Experiment, history: History, n: int, row: int) -> None:
    rows = _thinned(n, e.replicas)
    columns = {"grad_norm_raw": history.norm_raw, "grad_norm_applied": history.norm_applied}
    _draw("norms", e, _rows(history, rows, **columns), history.steps[row], "Norm of the gradient before and after the remedies")


def _thinned(n: int, replicas: int) -> np.ndarray:
    """Which of n rows to draw: all, or evenly fewer, always with the newest."""
    most = max(2, POINTS // replicas)
    return np.unique(np.linspace(0, n - 1, min(n, most)).round().astype(int))


def _rows(history: History, rows: np.ndarray, **columns: np.ndarray) -> bytes:
    R = history.loss.shape[1]
    table = {"step": np.repeat(history.steps[rows], R), "replica": np.tile(np.arange(R), len(rows))}
    return _arrow(table | {name: values[rows].ravel() for name, values in columns.items()})


def _arrow(columns: dict[str, np.ndarray]) -> bytes:
    table = pa.table(columns)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue().to_pybytes()


def _draw(name: str, e: Experiment, rows: bytes, step: int, text: str) -> None:
    data = {"rows": rows, "cursor": _arrow({"step": np.array([step])})}
    st.vega_lite_chart({**_specs(e)[name], "datasets": data}, width="stretch", key=f"chart_{name}", alt=text)
